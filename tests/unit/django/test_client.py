"""Asking a project through the host: real children, some of them misbehaving."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django import client
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import Project
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.django import Django

Ask = Callable[..., Project]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask a project with the given settings and env_file."""

    def ask_project(settings: str = "", env_file: str | None = None, deadline_seconds: float = 20) -> Project:
        (tmp_path / "manage.py").touch()
        (tmp_path / "site_settings.py").write_text(settings)
        path = tmp_path / ".env"
        if env_file is not None:
            path.write_text(env_file)
        django = Django(str(tmp_path), sys.executable, "site_settings", str(path) if env_file is not None else None)
        return client.ask(Host(), django, deadline_seconds)

    return ask_project


def test_the_fixture_project_answers(checkout: Path) -> None:
    site = checkout / "tests/fixtures/callcentersite"
    project = client.ask(
        Host(), Django(str(site), sys.executable, "callcentersite.settings.production"), 20, servers=False
    )
    assert project.ending == ""
    assert project.loaded
    assert project.sessions_alias == "ivr"
    assert [database.pending_total for database in project.databases] == [None, None]


def test_variables_come_from_the_env_file(ask: Ask) -> None:
    project = ask("import os\nSESSION_ENGINE = os.environ['ENGINE']\n", "export ENGINE='a.b c' # comment")
    assert project.session_engine == "a.b c"


def test_g1f_the_settings_module_of_the_env_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "from_env.py").write_text("SECRET_KEY = 'x'\n")
    (tmp_path / ".env").write_text("DJANGO_SETTINGS_MODULE=from_env\n")
    project = client.ask(Host(), Django(str(tmp_path), sys.executable, None, str(tmp_path / ".env")), 20)
    assert (project.settings_module, project.trouble("settings")) == ("from_env", "")


@pytest.mark.parametrize(
    ("make", "hint"), [(False, "correct django.env_file, or create it"), (True, "set django.env_file to a file")]
)
def test_g13_the_hint_about_an_env_file_fits_its_fault(tmp_path: Path, make: bool, hint: str) -> None:
    (tmp_path / "manage.py").touch()
    if make:
        (tmp_path / ".env").mkdir()
    with pytest.raises(MaintenanceError) as caught:
        client.ask(Host(), Django(str(tmp_path), sys.executable, "x", str(tmp_path / ".env")), 20)
    assert caught.value.code == "env_file"
    assert hint in f"{caught.value.message} {caught.value.hint}" and caught.value.hint


def test_a_byte_order_mark_is_no_part_of_the_first_name(ask: Ask) -> None:
    assert ask("import os\nSESSION_ENGINE = os.environ['ENGINE']\n", "\ufeffENGINE=a.b").session_engine == "a.b"


def test_nothing_of_our_own_environment_reaches_the_project(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IACT_CANARY", "x")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    text = "import os\nSESSION_ENGINE = str('IACT_CANARY' in os.environ or 'PYTHONPATH' in os.environ)\n"
    assert ask(text).session_engine == "False"


def test_settings_that_hang_are_ended_at_the_deadline_with_all_their_children(ask: Ask, tmp_path: Path) -> None:
    began = time.monotonic()
    project = ask(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\nchild.wait()\n",
        deadline_seconds=1.5,
    )
    assert time.monotonic() - began < 4
    assert project.django_version
    assert "1.5 s" in project.ending
    deadline = time.monotonic() + 3
    while _lives(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_settings_that_kill_their_process_are_told_by_its_ending(ask: Ask) -> None:
    assert "signal 9" in ask("import os\nos.kill(os.getpid(), 9)\n").ending


def test_settings_that_flood_both_outputs_are_bounded(ask: Ask) -> None:
    project = ask("import os\nfor _ in range(2000):\n    os.write(1, b'x' * 10000)\n    os.write(2, b'y' * 10000)\n")
    assert project.ending == ""


def test_fs02_the_password_is_in_no_argument_environment_or_message(ask: Ask, tmp_path: Path) -> None:
    project = ask(
        "import os\nopen('seen', 'wb').write(open('/proc/self/cmdline', 'rb').read()"
        " + open('/proc/self/environ', 'rb').read())\nraise RuntimeError('cannot use ' + os.environ['DB_PASSWORD'])\n",
        "DB_PASSWORD=clave-secreta-77\n",
    )
    assert b"clave-secreta-77" not in (tmp_path / "seen").read_bytes()
    assert project.trouble("settings") == "RuntimeError: cannot use ***"


def test_fs07_a_password_inside_a_url_of_the_env_file_is_struck_out(ask: Ask) -> None:
    project = ask(
        "import os\nraise ValueError(os.environ['CACHE'])\n", "CACHE=redis://:parole-geheim@cache.example:6379/1\n"
    )
    assert project.trouble("settings") == "ValueError: redis://:***@cache.example:6379/1"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"project_path": "/nonexistent"}, "no_project"),
        ({"project_path": "/"}, "no_project"),
        ({"python": "/nonexistent/python"}, "no_python"),
        ({"env_file": "/nonexistent/.env"}, "env_file"),
        ({"env_file": "/dev/null"}, "env_file"),
    ],
)
def test_a_place_that_is_not_there_is_named(checkout: Path, change: dict[str, str], code: str) -> None:
    site = {"project_path": str(checkout / "tests/fixtures/callcentersite"), "python": sys.executable}
    with pytest.raises(MaintenanceError) as caught:
        client.ask(Host(), Django(**{**site, **change}), 20)
    assert caught.value.code == code
    assert next(iter(change.values())) in caught.value.message


def test_a_wrong_line_of_the_env_file_is_named_and_not_shown(ask: Ask) -> None:
    with pytest.raises(MaintenanceError, match="line 2: ") as caught:
        ask("", "A=1\nhidden words\n")
    assert "hidden" not in caught.value.message + caught.value.hint


def test_an_env_file_that_everybody_may_write_is_refused(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    os.chmod(tmp_path / ".env", 0o666)
    with pytest.raises(MaintenanceError) as caught:
        ask("", "A=1\n")
    assert caught.value.code == "unsafe_permissions"


def test_the_source_travels_in_a_zip(checkout: Path, tmp_path: Path) -> None:
    """The command is a zipapp and a module is an AnsiballZ: neither can carry a data file."""
    package = checkout / "plugins/module_utils/iact_maintenance"
    main = "from iact_maintenance.django import client\nprint(len(client.SOURCE))\n"
    build = (
        "import sys, zipfile\nfrom pathlib import Path\nsource, target, main = Path(sys.argv[1]), *sys.argv[2:]\n"
        "with zipfile.ZipFile(target, 'w') as archive:\n"
        "    archive.writestr('__main__.py', main)\n"
        "    for path in source.rglob('*.py'):\n"
        "        archive.write(path, str(Path('iact_maintenance') / path.relative_to(source)))\n"
    )
    target = tmp_path / "command.pyz"
    subprocess.run([sys.executable, "-c", build, str(package), str(target), main], check=True)
    shown = subprocess.run([sys.executable, "-I", str(target)], stdout=subprocess.PIPE, check=True, cwd="/")
    assert int(shown.stdout) == len(client.SOURCE)
