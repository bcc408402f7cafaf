"""Read the site's config file safely; refuse it if it is not trustworthy or not JSON."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping

from .about import DEFAULT_CONFIG
from .errors import BadOption, Refused
from .files import close, open_existing, storage
from .host import Host
from .limits import raise_shortage
from .permissions import advice, obstacle
from .secret import printable
from .sections.table import SITE
from .settings import ENVIRONMENT, Layer, Settings, build
from .values import mapping

PATH_VARIABLE = "IACT_MAINTENANCE_CONFIG"
_LARGEST_BYTES = 1024 * 1024
_JSON_HINT = (
    "correct the file; `iact-maintenance check-config` checks it again, and `check-config --example` prints a valid one"
)


def load(host: Host, path: str | None, run: Layer) -> Settings:
    """Return the settings of this host, overridden by the run's own options.

    `path` is the config file that was named; None for the default one, which may be missing. Raise BadOption or
    Refused.
    """
    named = path if path is not None else host.environment.get(PATH_VARIABLE) or None
    content = _read(host, DEFAULT_CONFIG if named is None else named)
    if content is None and named is not None:
        hint = "correct --config, the parameter config or the variable IACT_MAINTENANCE_CONFIG, or create the file"
        raise Refused("no_config", f"the config file {_shown(named)} does not exist", hint=hint)
    raw, written_at = content or ({}, None)
    configured = {section for options in (raw, run.options) for section, given in options.items() if given}
    environment = _from_environment(host.environment, configured)
    return build([environment, Layer(named or DEFAULT_CONFIG, raw, is_file=True), run], written_at)


def _from_environment(environment: Mapping[str, str], configured: set[str]) -> Layer:
    """Return the layer from the environment, the weakest; passwords are read later, when a connection is resolved.

    It completes sections but never adds one, because a variable of somebody's shell must not name another database.
    """
    rows = (("postgresql", "passfile", "PGPASSFILE"), ("django", "settings_module", "DJANGO_SETTINGS_MODULE"))
    options = {
        section: {option: environment[variable]}
        for section, option, variable in rows
        if section in configured and environment.get(variable)
    }
    return Layer(ENVIRONMENT, options)


def _read(host: Host, path: str) -> tuple[Mapping[str, object], float] | None:
    try:
        descriptor = open_existing(path, follow=True)
    except FileNotFoundError:
        return None
    except ValueError:
        raise Refused("no_config", f"the config file {_shown(path)} cannot be read: not a path") from None
    except OSError as error:
        raise_shortage(error)
        message = f"the config file {_shown(path)} cannot be read: {error.strerror}"
        raise Refused("no_config", message, hint=_unreadable_hint(path, error)) from None
    try:
        with storage(_shown(path)):
            status = os.fstat(descriptor)
            _check_trust(status, _shown(path), host.effective_user_id())
            with open(descriptor, "rb", closefd=False) as stream:
                return _parse(stream.read(_LARGEST_BYTES + 1), _shown(path)), status.st_mtime
    finally:
        close(descriptor)


def _unreadable_hint(path: str, error: OSError) -> str:
    """Return what to do about a config file that cannot be opened; it is never given to the account of the jobs.

    Because root would then refuse it: it decides as which account root runs the jobs.
    """
    blocked = obstacle(os.path.realpath(path))
    if isinstance(error, PermissionError) and os.geteuid() and blocked is not None and not blocked.is_on_the_way:
        return f"chmod 0644 {_shown(blocked.path)}: the file holds no secret, and stays {blocked.owner}'s"
    return advice(path, error, option="--config")


def _shown(path: str) -> str:
    return printable(path, 200)


def _check_trust(status: os.stat_result, path: str, user_id: int) -> None:
    """Raise Refused for a file that others could have written, because it decides which user and programs run."""
    if not stat.S_ISREG(status.st_mode):
        raise Refused("no_config", f"the config file {path} is not a regular file")
    if status.st_uid not in (0, user_id):
        raise Refused(
            "unsafe_permissions", f"the config file {path} belongs to another user", hint=f"chown root {path}"
        )
    if status.st_mode & 0o022:
        mode = stat.S_IMODE(status.st_mode)
        raise Refused(
            "unsafe_permissions",
            f"the config file {path} can be written by others (mode {mode:04o})",
            hint=f"chmod go-w {path}",
        )


def _parse(content: bytes, path: str) -> Mapping[str, object]:
    if len(content) > _LARGEST_BYTES:
        raise BadOption(f"the config file {path} is larger than {_LARGEST_BYTES} bytes")
    try:
        raw = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadOption(
            f"the config file {path} is not valid JSON: {_place(error, content)}", hint=_JSON_HINT
        ) from None
    if not isinstance(raw, dict):
        raise BadOption(
            f"the config file {path} holds no JSON object", hint=f"allowed are {', '.join(o.name for o in SITE)}"
        )
    return mapping(raw, path)


def _place(error: ValueError | RecursionError, content: bytes) -> str:
    """Return what is wrong and where, by line and column, counted from 1; no text of the file is repeated."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8")) + 1
        return f"line {line}, column {column}: the byte 0x{content[error.start]:02x} is not UTF-8"
    if isinstance(error, RecursionError):
        return "lists or mappings are nested too deep"
    return "a number has too many digits"


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping: dict[str, object] = {}
    for key, value in pairs:
        if key in mapping:
            raise BadOption(f"{printable(key, 80)} is in the config file twice", hint="keep one of the two")
        mapping[key] = value
    return mapping


def _no_constant(word: str) -> object:
    raise BadOption(f"{word} is in the config file: a number is allowed")
