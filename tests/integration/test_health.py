"""The health check of a site on a real MariaDB and a real PostgreSQL, as cron and people start it."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import rights
from tests.faults import closed_port, tarpit
from tests.integration.servers import MariaDB, PostgreSQL

PASSWORDS = {"mysql": 'Ma r#"\\ia', "postgresql": "Po st:gr\\es"}
DJANGO_CHECKS = {"django_project", "django_dependencies", "session_engine"}


@dataclass(frozen=True)
class Ran:
    """How one start of the command ended."""

    status: int
    output: str
    errors: str
    took_seconds: float

    @property
    def report(self) -> dict[str, Any]:
        """Return the one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.output)
        return found

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """Return the checks by name."""
        return {check["name"]: check for check in self.report["checks"]}

    @property
    def failed(self) -> set[str]:
        """Return the names of the checks that fail."""
        return {name for name, check in self.checks.items() if check["status"] == "fail"}


@dataclass(frozen=True)
class Site:
    """A host with the fixture project on two databases."""

    folder: Path
    project: Path
    command: Path
    ports: dict[str, int]
    variables: dict[str, str] = field(default_factory=dict)

    def manage(self, *words: str) -> None:
        """Run one of the project's own commands."""
        argv = [sys.executable, "-B", "manage.py", *words]
        settings = {"DJANGO_SETTINGS_MODULE": "callcentersite.settings.production"}
        subprocess.run(argv, cwd=self.project, env={**os.environ, **settings, **self.variables}, check=True)

    def configure(self, ports: dict[str, int] | None = None, **sections: Any) -> Path:
        """Write the config file, with other ports and sections where given."""
        at = {**self.ports, **(ports or {})}
        env_file = self.folder / "site.env"
        moved = {"CALLCENTER_MYSQL_PORT": at["mysql"], "CALLCENTER_POSTGRES_PORT": at["postgresql"]}
        lines = [f"{name}={quoted(str(text))}\n" for name, text in {**self.variables, **moved}.items()]
        env_file.write_text("".join(lines))
        settings: dict[str, Any] = {
            "state_directory": str(self.folder / "state"),
            "django": {
                "project_path": str(self.project),
                "python": sys.executable,
                "settings_module": "callcentersite.settings.production",
                "env_file": str(env_file),
            },
            "mysql": self.login("mysql", at, config_file=str(self.folder / "my.cnf")),
            "postgresql": self.login("postgresql", at, passfile=str(self.folder / "pgpass")),
        }
        for name, section in sections.items():
            settings[name] = {**settings.get(name, {}), **section}
        path = self.folder / "maintenance.json"
        path.write_text(json.dumps(settings))
        os.chmod(path, 0o644)
        (self.folder / "pgpass").write_text(
            f"*:*:*:*:{PASSWORDS['postgresql']}\n".replace("st:", "st\\:").replace("r\\e", "r\\\\e")
        )
        (self.folder / "my.cnf").write_text("[client]\npassword=" + quoted(PASSWORDS["mysql"]) + "\n")
        for name in ("pgpass", "my.cnf"):
            os.chmod(self.folder / name, 0o600)
        return path

    def login(self, engine: str, ports: dict[str, int], **more: str) -> dict[str, Any]:
        return {
            "login_host": "127.0.0.1",
            "login_port": ports[engine],
            "login_user": "iact_test",
            "login_db": "iact_test",
            **more,
        }

    def health(self, *words: str, **settings: Any) -> Ran:
        """Run the health check with JSON, or with the words given, on a config file written from the settings."""
        config = self.configure(**settings)
        argv = [sys.executable, "-I", str(self.command), "health", *(words or ("--json",)), "--config", str(config)]
        began = time.monotonic()
        done = subprocess.run(argv, check=False, capture_output=True, env={"PATH": "/usr/bin:/bin"}, timeout=30)
        took = time.monotonic() - began
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode(), took)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture(scope="module")
def site(
    mariadb: MariaDB, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, checkout: Path
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "state").mkdir()
    mariadb.create_account("iact_test", PASSWORDS["mysql"])
    postgresql.create_account("iact_test", PASSWORDS["postgresql"])
    mariadb.create_database("iact_test")
    mariadb.execute("GRANT ALL ON iact_test.* TO iact_test@'%'")
    postgresql.execute("CREATE DATABASE iact_test OWNER iact_test")
    variables = {}
    for prefix, engine, port in (("MYSQL", "mysql", mariadb.port), ("POSTGRES", "postgresql", postgresql.port)):
        variables[f"CALLCENTER_{prefix}_PORT"] = str(port)
        variables[f"CALLCENTER_{prefix}_NAME"] = variables[f"CALLCENTER_{prefix}_USER"] = "iact_test"
        variables[f"CALLCENTER_{prefix}_PASSWORD"] = PASSWORDS[engine]
    command = folder / "command"
    command.mkdir()
    (command / "iact_maintenance").symlink_to(checkout / "plugins/module_utils/iact_maintenance")
    (command / "__main__.py").write_text("from iact_maintenance.cli.start import start\n\nstart()\n")
    ports = {"mysql": mariadb.port, "postgresql": postgresql.port}
    made = Site(folder, checkout / "tests/fixtures/callcentersite", command, ports, variables)
    for alias in ("default", "ivr"):
        made.manage("migrate", "--verbosity", "0", "--database", alias)
    made.manage("seed_site", "--sessions", "300", "--expired", "100", "--metrics", "50")
    yield made
    mariadb.drop_database("iact_test")
    postgresql.drop_database("iact_test")
    mariadb.execute("DROP USER iact_test@'%'")
    postgresql.execute("DROP ROLE iact_test")


def test_x7_a_fully_migrated_site_is_healthy_and_its_json_parses(site: Site) -> None:
    ran = site.health()
    assert ran.failed == set(), ran.report["findings"]
    assert (ran.status, ran.errors) == (0, "")
    statuses = {name: check["status"] for name, check in ran.checks.items()}
    passing = {"migrations_default", "migrations_ivr", "postgresql", "mysql", "sessions", *DJANGO_CHECKS}
    assert {name for name in passing if statuses[name] != "pass"} == set()
    assert ran.checks["sessions"]["measured"]["value"] == 300
    assert "mysql" in ran.checks["sessions"]["message"]


def test_r8_a_healthy_line_in_the_log_matches_neither_grep(site: Site) -> None:
    line = site.health("--json", "--scheduled").output.lower()
    assert line.count("\n") == 1
    assert "error" not in line
    assert "fail" not in line


def test_x8_a_postgresql_that_is_down_fails_by_name(site: Site) -> None:
    with closed_port() as port:
        ran = site.health(ports={"postgresql": port})
    assert ran.status == 1
    assert ran.failed == {"postgresql", "migrations_default"}
    assert str(port) in ran.checks["postgresql"]["message"]
    assert ran.checks["postgresql"]["hint"]


def test_x9_a_mysql_that_is_down_fails_by_name(site: Site) -> None:
    with closed_port() as port:
        ran = site.health(ports={"mysql": port})
    assert ran.status == 1
    assert ran.failed == {"mysql", "migrations_ivr", "sessions"}
    assert str(port) in ran.checks["mysql"]["message"]
    assert ran.checks["mysql"]["code"] == "db_unreachable"


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_h3_a_rejected_password_fails_that_check_with_what_to_do_next(site: Site, engine: str) -> None:
    """FD24."""
    wrong = site.folder / "wrong"
    wrong.write_text('[client]\npassword="nope"\n' if engine == "mysql" else "*:*:*:*:nope\n")
    wrong.chmod(0o600)
    ran = site.health(health={engine: {"config_file" if engine == "mysql" else "passfile": str(wrong)}})
    assert ran.status == 1
    assert ran.checks[engine]["code"] == "auth"
    assert not ran.failed & {"migrations_default", "migrations_ivr"}
    assert ran.checks[engine]["hint"]


def test_the_least_privilege_that_is_documented_is_enough(
    site: Site, mariadb: MariaDB, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    user, password = mariadb.create_account()
    for statement in rights.needed("mysql", "health", "iact_test", user):
        mariadb.execute(statement)
    (tmp_path / "my.cnf").write_text(f"[client]\nuser={user}\npassword={password}\n")
    role, secret = postgresql.create_account()
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{secret}\n")
    for name in ("my.cnf", "pgpass"):
        (tmp_path / name).chmod(0o600)
    own = {
        "mysql": {"login_user": user, "config_file": str(tmp_path / "my.cnf")},
        "postgresql": {"login_user": role, "passfile": str(tmp_path / "pgpass")},
    }
    ran = site.health(health=own)
    assert ran.failed == set(), ran.report["findings"]
    assert ran.checks["sessions"]["measured"]["value"] == 300


def test_fd27_a_server_without_free_connections_is_told_from_one_that_is_down(
    site: Site, postgresql: PostgreSQL
) -> None:
    role, secret = postgresql.create_account()
    postgresql.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
    passfile = site.folder / "limited"
    passfile.write_text(f"*:*:*:*:{secret}\n")
    passfile.chmod(0o600)
    ran = site.health(health={"postgresql": {"login_user": role, "passfile": str(passfile)}})
    assert ran.failed == {"postgresql"}
    assert ran.checks["postgresql"]["code"] == "too_many_connections"


@pytest.mark.parametrize("hung", [["mysql"], ["postgresql"], ["mysql", "postgresql"]])
def test_x11_h6_a_database_that_accepts_and_never_answers_ends_in_time_and_hides_nothing(
    site: Site, hung: list[str]
) -> None:
    """FD04."""
    with contextlib.ExitStack() as stack:
        ran = site.health(
            ports={engine: stack.enter_context(tarpit()) for engine in hung}, health={"deadline_seconds": 4}
        )
    assert ran.took_seconds < 5
    assert ran.status == 1
    assert set(hung) <= ran.failed
    assert ran.failed <= {*hung, "sessions", "migrations_default", "migrations_ivr"}
    assert {ran.checks[name]["status"] for name in DJANGO_CHECKS} == {"pass"}
    alive = {"mysql", "postgresql"} - set(hung)
    assert all(ran.checks[engine]["status"] == "pass" for engine in alive)


def test_x11_servers_that_are_suspended_end_the_default_deadline_under_ten_seconds(
    site: Site, mariadb: MariaDB, postgresql: PostgreSQL
) -> None:
    mariadb.suspend()
    postgresql.suspend()
    ran = site.health()
    assert ran.took_seconds < 10
    assert {"mysql", "postgresql"} <= ran.failed
    mariadb.resume()
    postgresql.resume()
    assert site.health().failed == set()


def test_x11_runs_that_overlap_do_not_pile_up_and_are_never_busy(site: Site) -> None:
    with tarpit() as port:
        config = site.configure(ports={"mysql": port}, health={"deadline_seconds": 3})
        argv = [sys.executable, "-I", str(site.command), "health", "--json", "--config", str(config)]
        runs = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _unused in range(3)]
        for run in runs:
            output, _errors = run.communicate(timeout=15)
            assert run.returncode == 1
            assert json.loads(output)["summary"].startswith("3 of ")


def test_stopping_and_starting_a_server_is_seen(site: Site, mariadb: MariaDB) -> None:
    mariadb.stop()
    ran = site.health()
    assert "mysql" in ran.failed
    since = ran.checks["mysql"]["since_at"]
    assert site.health().checks["mysql"]["since_at"] == since
    mariadb.start()
    assert site.health().failed == set()


def test_h1_an_alias_that_the_router_closes_is_skipped(site: Site) -> None:
    closed = {"CALLCENTER_SESSIONS_DATABASE": "default", "CALLCENTER_METRICS_DATABASES": "default"}
    moved = Site(site.folder, site.project, site.command, site.ports, {**site.variables, **closed})
    ran = moved.health()
    assert ran.checks["migrations_ivr"]["status"] == "skip"
    assert ran.checks["migrations_default"]["status"] == "pass"
    # Its migration was once recorded there, but made no table: the router forbade it then.
    assert ran.failed == {"sessions"}
    assert "postgresql" in ran.checks["sessions"]["message"].lower()


def test_a_broken_project_does_not_hide_the_databases_state(site: Site) -> None:
    ran = site.health(django={"settings_module": "callcentersite.settings.missing"})
    assert ran.status == 1
    assert "django_project" in ran.failed
    assert (ran.checks["mysql"]["status"], ran.checks["postgresql"]["status"]) == ("pass", "pass")


def test_a_settings_module_that_hangs_does_not_hide_the_databases_state(site: Site, tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "hanging.py").write_text("import time\ntime.sleep(600)\n")
    ran = site.health(
        django={"project_path": str(tmp_path), "settings_module": "hanging"}, health={"deadline_seconds": 3}
    )
    assert ran.took_seconds < 4
    assert "django_project" in ran.failed
    assert (ran.checks["mysql"]["status"], ran.checks["postgresql"]["status"]) == ("pass", "pass")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "pass"),
        ({"CALLCENTER_SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"}, "fail"),
        ({"CALLCENTER_SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}, "fail"),
    ],
)
def test_x10_the_session_engine_is_judged_by_the_effective_setting(
    site: Site, changes: dict[str, str], status: str
) -> None:
    """X10: settings in a package, with a comment in base.py that names Redis."""
    moved = Site(site.folder, site.project, site.command, site.ports, {**site.variables, **changes})
    assert moved.health().checks["session_engine"]["status"] == status


@pytest.mark.parametrize(
    ("backend", "status"),
    [
        ("django.core.cache.backends.locmem.LocMemCache", "warn"),
        ("django.core.cache.backends.redis.RedisCache", "fail"),
    ],
)
def test_x10_an_allowed_cached_db_is_judged_by_the_cache_it_uses(site: Site, backend: str, status: str) -> None:
    engine = "django.contrib.sessions.backends.cached_db"
    changes = {"CALLCENTER_SESSION_ENGINE": engine, "CALLCENTER_CACHE_BACKEND": backend}
    moved = Site(site.folder, site.project, site.command, site.ports, {**site.variables, **changes})
    ran = moved.health(health={"allowed_session_engines": [engine]})
    assert ran.checks["session_engine"]["status"] == status
    assert ran.status == (1 if status == "fail" else 0)


@pytest.mark.parametrize(
    ("words", "healthy", "sick"),
    [(["--json"], 0, 1), (["--verbose"], 0, 1), ([], 0, 1), (["--json", "--scheduled"], 0, 1), (["--nagios"], 0, 2)],
)
def test_x1_h5_the_exit_status_tells_in_every_format(site: Site, words: list[str], healthy: int, sick: int) -> None:
    argv = words or ["--config", str(site.configure())]
    well = site.health(*argv)
    assert well.status == healthy
    with closed_port() as port:
        ill = site.health(*argv, ports={"postgresql": port})
    assert ill.status == sick
    assert "postgresql" in ill.output
    if "--json" in words:
        assert well.report["status"] == "ok"
        assert ill.report["outcome"] == "failed with error unhealthy"


@pytest.mark.parametrize("words", [["--json"], ["--verbose"], ["--nagios"]])
def test_fs03_no_password_is_in_any_output_or_state(site: Site, words: list[str]) -> None:
    with closed_port() as port:
        ran = site.health(*words, ports={"postgresql": port})
    texts = [ran.output, ran.errors, *(path.read_text() for path in (site.folder / "state").iterdir())]
    for password in PASSWORDS.values():
        forms = {password, json.dumps(password)[1:-1], repr(password)[1:-1]}
        assert not [form for form in forms for text in texts if form in text]


def test_fs01_fs02_no_password_is_in_the_arguments_or_the_environment_of_any_process(site: Site) -> None:
    secrets = [password.encode() for password in PASSWORDS.values()]
    found: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
                with contextlib.suppress(OSError):
                    content = Path(path).read_bytes()
                    found.extend(path for secret in secrets if secret in content)

    watcher = threading.Thread(target=watch)
    watcher.start()
    ran = site.health()
    ended.set()
    watcher.join()
    assert ran.status == 0
    assert found == []


def test_e6_a_check_that_is_ended_by_a_signal_leaves_no_child(site: Site, tmp_path: Path) -> None:
    """FH12, for the health check."""
    (tmp_path / "manage.py").touch()
    (tmp_path / "hanging.py").write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    config = site.configure(django={"project_path": str(tmp_path), "settings_module": "hanging"})
    argv = [sys.executable, "-I", str(site.command), "health", "--json", "--config", str(config)]
    run = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 10
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    run.terminate()
    output, _errors = run.communicate(timeout=5)
    assert run.returncode == 143
    assert json.loads(output)["outcome"] == "failed with error interrupted"
    child = int((tmp_path / "pid").read_text())
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_h7_too_many_sessions_fail(site: Site) -> None:
    ran = site.health(session_cleanup={"warning_rows": 100, "critical_rows": 299})
    assert ran.failed == {"sessions"}
    ran = site.health(session_cleanup={"warning_rows": 299, "critical_rows": 300})
    assert (ran.status, ran.report["status"]) == (0, "warning")


def test_a_wrong_option_is_one_line_and_2_and_unknown_for_nagios(site: Site) -> None:
    ran = site.health("--json", "--deadline-seconds", "0")
    assert (ran.status, ran.report["findings"][0]["code"]) == (2, "bad_option")
    assert ran.errors.count("\n") == 1
    assert "--deadline-seconds" in ran.errors
    ran = site.health("--nagios", "--deadline-seconds", "0")
    assert (ran.status, ran.output[:8]) == (3, "UNKNOWN ")
