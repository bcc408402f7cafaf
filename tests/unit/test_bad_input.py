"""Whatever an option is given, by file, flag or parameter: one line that names it, exit 2, and nothing touched."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils import _module
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import flags
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import (
    JOB_SECTIONS,
    SECTIONS,
    SHARED_SECTIONS,
    SITE,
    run_options,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    COMMAND_LINE,
    PARAMETER,
    Layer,
    build,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import Option
from tests.unit.session_site import MODULE_UTILS, Done, Site

Call = Callable[..., Done]

HOSTILE_TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\n",
    "line\nbreak",
    "x" * 1_000_000,
    "-1",
    "0",
    "2147483648",
    "9223372036854775808",
    "1e400",
    "NaN",
    "-Infinity",
    "\udcff",
    "😀",
    "../..",
    "/etc/passwd",
    "-rf",
    "--force",
    "$(id)",
    "`id`",
    "'; DROP TABLE django_session; --",
    "%s%n",
    "{{ 7*7 }}",
    "*",
    "\x1b[2J",
    "true",
]
HOSTILE: list[object] = [
    *HOSTILE_TEXTS,
    -1,
    0,
    2**31,
    2**63,
    10**5000,
    float("inf"),
    float("nan"),
    1.5,
    True,
    False,
    None,
    [],
    [[]],
    ["a", None],
    {},
    {"a": {"b": 1}},
]


def assert_one_clear_line(message: str, names: str) -> None:
    assert message.isprintable()
    assert len(message) < 500
    assert names in message


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_the_file_s_every_option_survives_every_hostile_value(section: str) -> None:
    for option in SECTIONS[section] if section else SITE:
        for raw in HOSTILE:
            try:
                build([Layer("site.json", {section: {option.name: raw}} if section else {option.name: raw}, True)])
            except Refused as refused:
                if refused.code == "secret_in_config" or "is not set" in refused.message:
                    continue
                assert_one_clear_line(refused.message, option.name)


@pytest.mark.parametrize("job", JOB_SECTIONS)
def test_a_module_s_every_parameter_survives_every_hostile_value(job: str) -> None:
    spec = _module.argument_spec(job)
    own = [{name: raw} for name in spec for raw in HOSTILE]
    inner = [
        {section: {option.name: raw}} for section in SHARED_SECTIONS for option in SECTIONS[section] for raw in HOSTILE
    ]
    for parameters in own + inner:
        given_by_ansible = _validated(spec, parameters)
        if given_by_ansible is None:
            continue
        try:
            build([Layer(PARAMETER, _module._options(given_by_ansible, job))])
        except Refused as refused:
            name = next(iter(parameters))
            assert_one_clear_line(refused.message, name)


def _validated(spec: dict[str, Any], parameters: Mapping[str, object]) -> Mapping[str, Any] | None:
    """Return what Ansible makes of the parameters; None where it refuses them in its own words."""
    try:
        checked = ArgumentSpecValidator(spec).validate(dict(parameters))
    except (ValueError, OverflowError, TypeError):
        # Ansible's own code, on a number that Python cannot print, or one where a mapping belongs.
        return None
    return None if checked.error_messages else checked.validated_parameters


@pytest.mark.parametrize(
    "command", [command for command in flags.COMMANDS if command.section], ids=lambda command: command.name
)
def test_a_command_s_every_flag_survives_hostile_texts(command: flags.Command) -> None:
    for option in command.options:
        if option.kind == "section" or option.kind == "bool":
            continue
        flag = "--" + option.name.replace("_", "-")
        for words in ([flag, "-rf"], [flag, "\udcff"], [f"{flag}="], [f"{flag}=-1"], [f"{flag}=$(id)"]):
            try:
                build([Layer(COMMAND_LINE, flags.parse([command.name, *words]).options)])
            except Refused as refused:
                assert_one_clear_line(refused.message, flag if flag in refused.message else option.name)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([option.name for option in SITE]) | st.text(max_size=9)
INNER_NAMES = st.sampled_from(sorted({option.name for table in SECTIONS.values() for option in table})) | st.text(
    max_size=9
)
CONFIGS = st.dictionaries(NAMES, TREES | st.dictionaries(INNER_NAMES, TREES, max_size=4), max_size=4)
IN_FOLDER = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_config(call: Call, path: Path) -> None:
    done = call("check-config", str(path), "--json")
    assert done.status in (0, 2)
    assert done.line["outcome"] == (
        "done" if done.status == 0 else f"failed with error {done.line['findings'][0]['code']}"
    )
    assert done.errors.count("\n") == (0 if done.status == 0 else 1)


@given(config=CONFIGS)
@IN_FOLDER
def test_any_json_as_config_file_is_taken_or_refused_in_one_line(
    tmp_path: Path, call: Call, config: dict[str, object]
) -> None:
    path = tmp_path / "maintenance.json"
    path.write_text(json.dumps(config))
    check_config(call, path)


@given(content=st.binary(max_size=200) | st.text(alphabet='{}[]":,0aeE-.\\u \n', max_size=60).map(str.encode))
@IN_FOLDER
def test_any_bytes_as_config_file_are_taken_or_refused_in_one_line(tmp_path: Path, call: Call, content: bytes) -> None:
    path = tmp_path / "maintenance.json"
    path.write_bytes(content)
    check_config(call, path)


_CHILDREN_AND_CONNECTIONS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"}
_CHANGES = {f"os.{name}" for name in ("mkdir", "rename", "remove", "rmdir", "link", "symlink", "chmod", "chown")}


def _as_number(flags: object) -> int:
    return flags if isinstance(flags, int) else 0


class Watch:
    """What this process does to the machine while it watches: writes outside a folder, children, connections."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        writes = event == "open" and bool(_as_number(arguments[2]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if event in _CHILDREN_AND_CONNECTIONS:
            self.seen.append(f"{event} {arguments!r}")
        elif writes or event in _CHANGES:
            self._note(event, arguments[0])

    def _note(self, event: str, path: object) -> None:
        text = os.fsdecode(path) if isinstance(path, (str, bytes)) else ""
        if text and self.folder is not None and not text.startswith(self.folder) and text != os.devnull:
            self.seen.append(f"{event} {text}")


WATCH = Watch()
sys.addaudithook(WATCH)


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """Return what this process does to the machine outside the folder, meanwhile."""
    WATCH.seen, WATCH.folder = [], str(folder)
    try:
        yield WATCH.seen
    finally:
        WATCH.folder = None


FLAGS = [option for option in run_options("session_cleanup") if option.kind not in ("section", "bool")]


def texts(option: Option) -> st.SearchStrategy[str]:
    return (
        st.sampled_from(HOSTILE_TEXTS)
        | st.text(max_size=20)
        | st.integers().map(str)
        | st.sampled_from(option.choices or ("1",))
    )


LINES = st.lists(
    st.sampled_from(FLAGS).flatmap(
        lambda option: texts(option).map(lambda raw: f"--{option.name.replace('_', '-')}={raw}")
    )
    | st.sampled_from(["--no-use-tz", "--missing-ok", "--dry-run", "--verbose", "--nonsense", "", "-x", "--days"]),
    max_size=4,
)


@given(line=LINES)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_line_of_words_ends_in_order_and_touches_nothing_but_expired_sessions(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    monkeypatch.setattr(Host, "sleep", lambda self, seconds: None)
    site = _site_in(tmp_path / "site")
    with watched(tmp_path) as seen:
        done = call("session-cleanup", "--force", "--json", "--config", str(site.config), *line)
    assert done.status in (0, 1, 2)
    assert done.line["job"] == "session_cleanup"
    assert "Traceback" not in done.errors
    assert done.errors.count("\n") == (0 if done.status == 0 else 1)
    assert not done.line["summary"].startswith("internal fault")
    assert site.live_count() == 2
    assert site.expired_count() in ((3,) if done.status else (0, 3))
    assert site.sql("SELECT name FROM sqlite_master WHERE type = 'table'") == [("django_session",), ("auth_user",)]
    assert seen == []


def _site_in(folder: Path) -> Site:
    """Return the site of an earlier example, made good again."""
    if not folder.exists():
        folder.mkdir()
        site = Site(folder)
        site.sql("CREATE TABLE auth_user (id integer PRIMARY KEY, expire_date datetime)")
    else:
        site = Site.__new__(Site)
        site.folder, site.database, site.state = folder, folder / "db.sqlite3", folder / "state"
        site.config = folder / "maintenance.json"
        site.sql("DELETE FROM django_session")
    site.fill(3, 2)
    return site


@pytest.mark.parametrize(
    "words",
    [
        ("--days=-1",),
        ("--days=1e400",),
        ("--days=" + "9" * 100_000,),
        ("--pause-seconds=NaN",),
        ("--table=$(touch canary)",),
        ("--table='; DROP TABLE django_session; --",),
        ("--engine=../..",),
        ("--time-zone=/etc/passwd", "--no-use-tz"),
        ("--config=/dev/zero",),
        ("--config=/proc/self/mem",),
        ("--days", "\udcff"),
    ],
)
def test_a_real_process_ends_soon_in_one_line_and_without_a_traceback(site: Site, words: tuple[str, ...]) -> None:
    site.fill(3, 2)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "iact_maintenance.cli.start",
            "session-cleanup",
            "--force",
            "--config",
            str(site.config),
            *words,
        ],
        cwd=MODULE_UTILS,
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode in (1, 2)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert "Traceback" not in said
    assert said.count("\n") <= 3
    assert (site.expired_count(), site.live_count()) == (3, 2)
    assert not (MODULE_UTILS / "canary").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {"IACT_MAINTENANCE_CONFIG": "/dev/zero"},
        {"IACT_MAINTENANCE_CONFIG": "x" * 5000},
        {"IACT_MAINTENANCE_CONFIG": "\n"},
        {"DJANGO_SETTINGS_MODULE": "\n"},
        {"PGPASSFILE": "../.."},
    ],
)
def test_nonsense_in_the_environment_is_one_line(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "maintenance.json"
    path.write_text('{"django": {"project_path": "/srv"}, "postgresql": {"login_db": "x"}}')
    words = [] if "IACT_MAINTENANCE_CONFIG" in environment else ["--config", str(path)]
    done = call("check-config", *words)
    assert (done.status, done.output) == (2, "")
    assert done.errors.count("\n") == 1
    assert len(done.errors) < 500
