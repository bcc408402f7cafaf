"""Ask a Django project about itself: run the probe under the project's Python and collect its answers."""

from __future__ import annotations

import inspect
import json
import os
import pwd
import stat
from types import ModuleType

from ..errors import MaintenanceError, ProcessFault
from ..files import open_existing
from ..host import Host
from ..limits import raise_shortage
from ..permissions import advice
from ..processes import Command, Limits
from ..secret import learn
from ..sections.django import Django
from . import env_file, options, probe, probe_sessions
from .project import Project, from_answers


def _script(*parts: ModuleType) -> str:
    """Return the probe's sources as one script, without the imports that the project's Python may lack."""
    lines = "".join(map(inspect.getsource, parts)).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("from __future__ ", "from .")))


# Read at import, because the user that a run becomes may not be able to read the file.
SOURCE = _script(probe_sessions, probe)
# Short, because it is visible in the process list; source and variables, which contain passwords, are sent by stdin.
BOOTSTRAP = "import json,sys; a=json.loads(sys.stdin.readline()); exec(compile(a,'iact_maintenance_probe','exec'))"

_LARGEST_OUTPUT_BYTES = 4 * 1024 * 1024
_LARGEST_ENV_FILE_BYTES = 1024 * 1024


def ask(host: Host, django: Django, deadline_seconds: float, *, servers: bool = True) -> Project:
    """Return the project as it describes itself; answers given before the deadline count.

    Without `servers` no database is contacted. Raise MaintenanceError if the project cannot be asked at all.
    """
    check_place(django)
    request = {
        "project_path": django.project_path,
        "settings_module": django.settings_module,
        "variables": read_env_file(django.env_file),
        "servers": servers,
        "connection": options.asked_of_the_probe(),
    }
    source = json.dumps(SOURCE).encode() + b"\n" + json.dumps(request).encode()
    argv = (django.python, "-I", "-B", "-c", BOOTSTRAP)
    command = Command(argv, {"HOME": _home(host)}, django.project_path)
    kept = bytearray()
    try:
        (done,) = host.pipeline(
            [command],
            [lambda chunk: kept.extend(chunk[: _LARGEST_OUTPUT_BYTES - len(kept)])],
            Limits(deadline_seconds),
            iter([source]),
        )
    except ProcessFault as fault:
        return from_answers(bytes(kept), fault.message)
    return from_answers(bytes(kept), done.reason)


def check_place(django: Django) -> None:
    """Raise MaintenanceError if the project does not exist, in clearer words than Python's."""
    if not os.path.isdir(django.project_path):
        hint = "correct django.project_path, or give this user access to the directories above it"
        raise MaintenanceError("no_project", f"there is no directory {django.project_path}", hint=hint)
    if not os.path.isfile(os.path.join(django.project_path, "manage.py")):
        hint = "django.project_path is the directory that holds manage.py"
        raise MaintenanceError("no_project", f"there is no manage.py in {django.project_path}", hint=hint)
    if not os.access(django.python, os.X_OK):
        hint = "django.python is the Python of the project's virtual environment"
        raise MaintenanceError("no_python", f"{django.python} is not a program that this user may run", hint=hint)


def read_env_file(path: str | None) -> dict[str, str]:
    """Return the variables of the project's env_file. Raise MaintenanceError.

    Their passwords become known to the redactor.
    """
    if path is None:
        return {}
    try:
        # Removed by hand, because the codec for it would be imported here, by a user who may not be able to read it.
        variables = env_file.parse(_content(path).decode("utf-8").lstrip("\ufeff"))
    except OSError as error:
        raise_shortage(error)
        hint = advice(path, error, option="django.env_file", is_shared=True)
        raise MaintenanceError("env_file", f"{path} cannot be read: {error.strerror}", hint=hint) from None
    except UnicodeDecodeError:
        hint = "save it as UTF-8 (iconv -t utf-8), or correct django.env_file"
        raise MaintenanceError("env_file", f"{path} is not UTF-8 text", hint=hint) from None
    except ValueError as trouble:
        hint = "allowed are NAME=VALUE, export, quotes and comments; variables are not expanded"
        raise MaintenanceError("env_file", f"{path}, {trouble}", hint=hint) from None
    for name, value in variables.items():
        learn(name, value)
    return variables


def _content(path: str) -> bytes:
    descriptor = open_existing(path, follow=True)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_ENV_FILE_BYTES:
            hint = "django.env_file is the text file with the project's variables"
            raise MaintenanceError("env_file", f"{path} is not a regular file of at most 1 MiB", hint=hint)
        if status.st_mode & stat.S_IWOTH:
            # It decides which code the project executes.
            raise MaintenanceError("unsafe_permissions", f"every account can write to {path}", hint=f"chmod o-w {path}")
        return stream.read(_LARGEST_ENV_FILE_BYTES)


def _home(host: Host) -> str:
    """Return the home directory of the running user, where database drivers look for password files."""
    try:
        return pwd.getpwuid(host.effective_user_id()).pw_dir
    except KeyError:
        return "/nonexistent"
