"""Which database holds the sessions: said by the settings, or asked of the project, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import (
    Database,
    DriverConnection,
    Project,
    Trouble,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import Convention
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    DatabaseFault,
    MaintenanceError,
    Refused,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server,
    SQLiteFile,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sessions.target import (
    SessionTarget,
    session_target,
    target_of,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build
from tests.unit.fakes import FakeHost
from tests.unit.session_site import Site

SQLITE = {"sqlite": {"path": "/srv/db.sqlite3"}}
MYSQL = {"mysql": {"login_host": "db"}}
POSTGRESQL = {"postgresql": {"login_host": "pg"}}
READ_ONLY = {"mysql": {"login_host": "replica", "read_only": True}}


def target(**options: object) -> tuple[str, str]:
    cleanup = {"use_tz": True, **options.pop("session_cleanup", {})}  # type: ignore[dict-item]
    found = session_target(build([Layer("site.json", {**options, "session_cleanup": cleanup}, True)]), FakeHost())
    connection = found.connection
    return found.engine, connection.path if isinstance(connection, SQLiteFile) else str(connection.login_host)


def refusal(**options: object) -> Refused:
    with pytest.raises(Refused) as caught:
        target(**options)
    assert (caught.value.code, caught.value.exit_status) == ("not_configured", 2)
    assert caught.value.hint
    return caught.value


def test_the_one_configured_database_is_taken() -> None:
    assert target(**SQLITE) == ("sqlite", "/srv/db.sqlite3")
    assert target(**MYSQL) == ("mysql", "db")
    assert target(**POSTGRESQL) == ("postgresql", "pg")


def test_a_database_that_may_never_be_written_to_is_no_candidate() -> None:
    assert target(**READ_ONLY, **POSTGRESQL) == ("postgresql", "pg")
    assert "is not read_only" in refusal(**READ_ONLY).message


def test_of_several_none_is_guessed() -> None:
    assert "mysql, postgresql" in refusal(**POSTGRESQL, **MYSQL).message
    assert target(**POSTGRESQL, **MYSQL, session_cleanup={"engine": "mysql"}) == ("mysql", "db")


def test_an_engine_without_its_section_is_refused() -> None:
    assert "there is no section mysql" in refusal(**SQLITE, session_cleanup={"engine": "mysql"}).message


def test_nothing_to_take_says_what_to_set() -> None:
    assert "sqlite.path" in refusal(session_cleanup={"days": 3}).hint


def test_a_connection_of_the_job_s_own_is_used() -> None:
    own = {"use_tz": True, "mysql": {"login_user": "cleaner"}}
    found = session_target(build([Layer("site.json", {**MYSQL, "session_cleanup": own}, True)]), FakeHost())
    assert isinstance(found.connection, Server)
    assert (found.connection.login_host, found.connection.login_user) == ("db", "cleaner")


def test_table_and_time_convention_come_from_the_options() -> None:
    options = {"table": "sessions", "use_tz": False, "time_zone": "America/Lima"}
    found = session_target(build([Layer("site.json", {**SQLITE, "session_cleanup": options}, True)]), FakeHost())
    assert found.table == "sessions"
    assert (found.convention.use_tz, found.convention.time_zone) == (False, "America/Lima")


@pytest.mark.parametrize("django", [{}, {"django": {"project_path": "/srv/site"}}])
@pytest.mark.parametrize(("engine", "section"), [("mysql", MYSQL), ("sqlite", SQLITE)])
def test_c1_where_no_project_says_how_times_are_stored_nothing_is_guessed(
    engine: str, section: dict[str, object], django: dict[str, object]
) -> None:
    options = {**section, **django, "session_cleanup": {"engine": engine}}
    with pytest.raises(Refused, match=f"columns of {engine} do not show") as caught:
        session_target(build([Layer("site.json", options, is_file=True)]), FakeHost())
    assert "session_cleanup.use_tz" in caught.value.hint


def test_columns_of_postgresql_tell_their_moment_themselves() -> None:
    options = {**POSTGRESQL, "session_cleanup": {"engine": "postgresql"}}
    assert session_target(build([Layer("site.json", options, True)]), FakeHost()).convention.use_tz is True


def test_fd34_a_read_only_target_is_refused() -> None:
    options = {"mysql": {"read_only": True}, "session_cleanup": {"engine": "mysql", "use_tz": True}}
    found = session_target(build([Layer("site.json", options, is_file=True)]), FakeHost())
    with pytest.raises(Refused) as caught:
        found.check_writable()
    assert caught.value.code == "read_only"


def project(database: Database | None, **changes: object) -> Project:
    """Return a project that keeps its sessions in that database."""
    answers: dict[str, object] = {
        "python_version": "3.11",
        "django_version": "4.2",
        "loaded": True,
        "session_engine": "django.contrib.sessions.backends.db",
        "session_ancestry": (),
        "cache_backend": "",
        "cache_ancestry": (),
        "databases": (database,) if database else (),
        "sessions_alias": "ivr",
        "sessions_table": "own_sessions",
        "troubles": (),
    }
    return Project(**{**answers, **changes})  # type: ignore[arg-type]


PARAMETERS = {
    "mysql": {"host": "10.0.0.5", "port": "13306", "user": "site", "database": "iact"},
    "postgresql": {"host": "10.0.0.5", "port": "15432", "user": "site", "dbname": "iact"},
}
DRIVERS = {"mysql": "pymysql", "postgresql": "psycopg2", "sqlite": "sqlite3"}


def alias(vendor: str, parameters: dict[str, str] | None = None, **changes: object) -> Database:
    named: dict[str, object] = {"name": "iact", "host": "10.0.0.5", "port": "13306", "user": "site"}
    told = {**named, "time_zone": "America/Lima", "driver": DRIVERS.get(vendor, ""), **changes}
    own = {**PARAMETERS.get(vendor, {}), **(parameters or {})}
    connection = DriverConnection(own, password=Secret("hunter2"))
    return Database(alias="ivr", engine="", password=Secret("hunter2"), vendor=vendor, connection=connection, **told)  # type: ignore[arg-type]


def asked(answer: Project, **options: object) -> SessionTarget:
    return target_of(build([Layer("site.json", options, is_file=True)]), answer)


def test_the_project_names_engine_table_and_time_convention() -> None:
    found = asked(project(alias("mysql")))
    assert (found.engine, found.table) == ("mysql", "own_sessions")
    assert (found.convention.use_tz, found.convention.time_zone) == (False, "America/Lima")
    assert found.project_connection is None


def test_without_a_section_of_ours_the_project_s_own_connection_is_taken() -> None:
    server = asked(project(alias("mysql"))).connection
    assert isinstance(server, Server) and server.project is not None
    assert (server.project.driver, server.project.parameters) == ("pymysql", PARAMETERS["mysql"])
    assert (server.login_user, server.login_db) == ("site", "iact")
    assert (server.login_password, server.own_account) == (Secret("hunter2"), True)
    assert asked(project(alias("sqlite", {"database": "/srv/db"}))).connection == SQLiteFile("/srv/db")


def test_with_a_section_of_ours_that_is_taken_and_compared_with_the_project_s() -> None:
    found = asked(project(alias("mysql")), mysql={"login_host": "proxy", "login_user": "iact"}, **POSTGRESQL)
    assert isinstance(found.connection, Server) and isinstance(found.project_connection, Server)
    assert (found.connection.login_host, found.connection.login_user) == ("proxy", "iact")
    assert found.connection.login_db == "iact"
    assert found.project_connection.project is not None
    assert found.project_connection.project.parameters["host"] == "10.0.0.5"


def test_a_search_path_of_the_project_is_ours_too() -> None:
    options = {"options": "-c search_path=app,public"}
    found = asked(project(alias("postgresql", options)), **POSTGRESQL)
    for connection in (found.connection, found.project_connection):
        assert isinstance(connection, Server) and connection.libpq_options == options["options"]


def test_a_connection_service_of_the_project_is_not_guessed() -> None:
    with pytest.raises(Refused, match="its option service is not supported") as caught:
        asked(project(alias("postgresql", {"service": "prod"})), **POSTGRESQL)
    assert "session_cleanup.engine" in caught.value.hint


def test_a_section_of_ours_for_another_engine_does_not_matter() -> None:
    found = asked(project(alias("sqlite", {"database": "/srv/db"})), **MYSQL)
    assert (found.engine, found.connection, found.project_connection) == ("sqlite", SQLiteFile("/srv/db"), None)


def test_another_table_than_the_project_s_is_refused() -> None:
    with pytest.raises(Refused, match="the project's session table is own_sessions") as caught:
        asked(project(alias("mysql")), session_cleanup={"table": "auth_user"})
    assert caught.value.code == "not_a_session_table"
    assert asked(project(alias("mysql")), session_cleanup={"table": "own_sessions"}).table == "own_sessions"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (project(None), "does not say where its sessions are"),
        (project(None, troubles=(Trouble("settings", "ImportError: x"),)), "ImportError: x"),
        (project(None, ending="it did not end within 60 s"), "60 s"),
        (project(alias("oracle")), "the alias ivr uses oracle"),
        (project(alias("")), "does not say"),
        (project(alias("mysql", time_zone="")), "does not say"),
    ],
)
def test_a_project_that_cannot_tell_is_never_guessed_for(answer: Project, reason: str) -> None:
    with pytest.raises(MaintenanceError, match=reason) as caught:
        asked(answer, **MYSQL)
    assert (caught.value.code, caught.value.exit_status) == ("django", 1)
    assert "session_cleanup.engine" in caught.value.hint


def test_the_same_file_by_two_names_is_the_same_database(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    site = Site(tmp_path / "one")
    (tmp_path / "link.sqlite3").symlink_to(site.database)
    found = asked(
        project(alias("sqlite", {"database": str(site.database)})), sqlite={"path": str(tmp_path / "link.sqlite3")}
    )
    found.identified(FakeHost()).open(FakeHost(), writable=False).close()
    assert found.project_connection == SQLiteFile(str(site.database))


def test_nothing_is_deleted_where_our_section_and_the_project_part(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    ours, theirs = Site(tmp_path / "ours"), Site(tmp_path / "theirs")
    found = asked(project(alias("sqlite", {"database": str(theirs.database)})), sqlite={"path": str(ours.database)})
    with pytest.raises(DatabaseFault) as caught:
        found.identified(FakeHost()).open(FakeHost(), writable=False)
    assert caught.value.code == "wrong_database"
    assert str(ours.database) in caught.value.message
    assert str(theirs.database) in caught.value.message


def test_a_later_connection_that_leads_to_another_place_is_refused(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first, second = Site(tmp_path / "first"), Site(tmp_path / "second")
    found = SessionTarget("sqlite", SQLiteFile(str(first.database)), "django_session", Convention())
    sessions = found.open(FakeHost(), writable=False)
    pinned = found.pinned(sessions)
    sessions.close()
    pinned.open(FakeHost(), writable=True).close()
    with pytest.raises(DatabaseFault) as caught:
        pinned._replace(connection=SQLiteFile(str(second.database))).open(FakeHost(), writable=True)
    assert caught.value.code == "wrong_database"
    assert "correct the section" in caught.value.hint


class _Node:
    """An open connection to one server of a cluster."""

    def __init__(self, **place: object) -> None:
        self.place = place

    def identity(self, table: str) -> dict[str, object]:
        return dict(self.place)

    def close(self) -> None:
        return


@pytest.mark.parametrize("asked", [False, True])
def test_servers_of_a_cluster_behind_one_address_are_one_place_and_two_ways_must_lead_to_one_server(
    monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    way = Server(login_host="balancer")
    target = SessionTarget("mysql", way, "django_session", Convention(), project_connection=way if asked else None)
    pinned = target._replace(identity={"hostname": "node1", "database": "site"})

    def check(**place: object) -> None:
        monkeypatch.setattr(SessionTarget, "_open", lambda *_arguments, **_options: _Node(**place))
        pinned.open(FakeHost(), writable=True).close()

    check(hostname="node1", database="site")
    with pytest.raises(DatabaseFault, match="another|leads to"):
        check(hostname="node1", database="other")
    if asked:
        with pytest.raises(DatabaseFault, match="leads to"):
            check(hostname="node2", database="site")
    else:
        check(hostname="node2", database="site")
