"""What is taken over of a project's connection, and that everything else is refused by name."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django import options
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import (
    Database,
    DriverConnection,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.takeover import (
    connection_of,
    table_of,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server,
    SQLiteFile,
)

DRIVERS = {"mysql": "pymysql", "postgresql": "psycopg2", "sqlite": "sqlite3"}
BASE = {"mysql": {"host": "db"}, "postgresql": {"host": "db"}, "sqlite": {"database": "/srv/db"}}
# Parameters that the drivers know, and some that nobody does.
ALL_NAMES = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "service",
    "servicefile",
    "options",
    "sslmode",
    "sslpassword",
    "sslcert",
    "requiressl",
    "replication",
    "krbsrvname",
    "connection_factory",
    "dsn",
    "async",
    "conninfo",
    "autocommit",
    "assume_role",
    "pool",
    "context",
    "keepalives",
    "oauth_issuer",
    "scram_client_key",
    "unix_socket",
    "read_default_file",
    "read_default_group",
    "init_command",
    "ssl",
    "ssl_ca",
    "ssl.capath",
    "ssl.cipher",
    "failover",
    "dns_srv",
    "bind_address",
    "server_public_key",
    "auth_plugin_map",
    "plugin_dir",
    "option_files",
    "unknown",
    "factory",
    "vfs",
    "named_pipe",
    "tls_versions",
    "charset",
    "sql_mode",
    "timeout",
]


def database(vendor: str, parameters: dict[str, str], **changes: object) -> Database:
    told = {"driver": DRIVERS[vendor], "vendor": vendor, **changes}
    connection = DriverConnection({**BASE[vendor], **parameters}, **told.pop("told", {}))  # type: ignore[arg-type]
    return Database("main", "", "", "", "", "", Secret(""), connection, **told)  # type: ignore[arg-type]


def refusal(found: Database) -> str:
    with pytest.raises(Refused) as caught:
        connection_of(found)
    assert (caught.value.code, caught.value.exit_status) == ("connection_option", 2)
    assert "main" in caught.value.message and "DATABASES['main']" in caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("vendor", list(DRIVERS))
@pytest.mark.parametrize("name", ALL_NAMES)
def test_g83_what_stands_in_no_table_is_refused_by_name_whatever_its_value(vendor: str, name: str) -> None:
    table = options.TABLES[vendor]
    if name in table.harmless:
        connection_of(database(vendor, {}, told={"withheld": (name,)}))
        return
    assert f"its option {name} is not supported" in refusal(database(vendor, {}, told={"withheld": (name,)}))
    if name not in table.taken:
        assert f"its option {name} is not supported" in refusal(database(vendor, {name: "hidden-value"}))
        assert "hidden-value" not in refusal(database(vendor, {name: "hidden-value"}))


@pytest.mark.parametrize("vendor", list(DRIVERS))
def test_no_parameter_stands_in_both_columns(vendor: str) -> None:
    table = options.TABLES[vendor]
    assert not table.taken & table.harmless
    assert table.files <= table.taken


@pytest.mark.parametrize("name", sorted(options.POSTGRESQL.taken - {"password", "options", "assume_role"}))
def test_g83_every_parameter_of_libpq_that_is_taken_reaches_libpq_unchanged(name: str) -> None:
    text = "/a/file" if name in options.POSTGRESQL.files else "a,b c"
    found = connection_of(database("postgresql", {name: text}))
    assert isinstance(found, Server) and found.project is not None
    assert found.project.parameters[name] == text


def test_a_parameter_stands_above_libpq_s_variable_and_an_empty_variable_is_none() -> None:
    variables = {"PGHOST": "other", "PGPORT": "6432", "PGUSER": ""}
    found = connection_of(database("postgresql", {}, told={"variables": variables}))
    assert isinstance(found, Server) and found.project is not None
    assert found.project.parameters == {"host": "db", "port": "6432"}


def test_role_and_start_up_options_of_postgresql_are_kept_apart() -> None:
    found = connection_of(database("postgresql", {"assume_role": "owner", "options": "-c search_path=app"}))
    assert isinstance(found, Server) and found.project is not None
    assert (found.project.role, found.libpq_options) == ("owner", "-c search_path=app")
    assert "options" not in found.project.parameters


def test_g85_without_a_host_the_driver_s_own_default_socket_is_taken_or_nothing() -> None:
    bare = database("postgresql", {})
    told = DriverConnection({"dbname": "site"}, default_socket="/tmp")
    found = connection_of(bare._replace(connection=told))
    assert isinstance(found, Server) and found.project is not None
    assert found.project.parameters["host"] == "/tmp"
    assert "default socket" in refusal(bare._replace(connection=told._replace(default_socket="")))


@pytest.mark.parametrize("name", sorted(options.POSTGRESQL.files))
def test_a_file_is_named_by_its_whole_path(name: str) -> None:
    assert f"its option {name} is not an absolute path" in refusal(database("postgresql", {name: "tls/file.pem"}))


@pytest.mark.parametrize(("vendor", "driver"), [("mysql", "MySQLdb2"), ("postgresql", "pg8000")])
def test_an_unknown_driver_and_a_silent_project_are_refused(vendor: str, driver: str) -> None:
    assert driver in refusal(database(vendor, {}, driver=driver))
    assert "lacks the parameters" in refusal(database(vendor, {})._replace(connection=None))


def test_what_kept_the_project_from_telling_is_told_in_its_own_words() -> None:
    with pytest.raises(Refused, match="invalid literal for int"):
        connection_of(database("mysql", {})._replace(connection=None), "ValueError: invalid literal for int()")


def test_empty_start_up_options_are_none() -> None:
    taken = connection_of(database("postgresql", {"options": ""}))
    assert isinstance(taken, Server) and taken.libpq_options is None


def test_an_empty_parameter_of_libpq_is_refused() -> None:
    assert "its option sslmode is empty" in refusal(database("postgresql", {"sslmode": ""}))


@pytest.mark.parametrize("port", ["3306 ", "0x10", "70000", "-1", "٣"])
def test_g83_a_port_of_mysql_that_is_no_number_is_refused(port: str) -> None:
    assert "PORT" in refusal(database("mysql", {"port": port}))


def test_variables_of_mysql_s_own_client_library_are_refused_for_it_alone() -> None:
    told = {"variables": {"MYSQL_TCP_PORT": "3307"}}
    assert "MYSQL_TCP_PORT" in refusal(database("mysql", {}, driver="MySQLdb", told=told))
    assert isinstance(connection_of(database("mysql", {}, told=told)), Server)


@pytest.mark.parametrize(
    "command",
    [
        "USE other",
        "SET ROLE r",
        "set default role r",
        "SET sql_mode=''; USE other",
        "SET a=1; SET ROLE r",
        "SET PASSWORD = 'x'",
        "CALL p()",
    ],
)
def test_an_init_command_that_does_more_than_set_variables_is_refused(command: str) -> None:
    assert "init_command" in refusal(database("mysql", {"init_command": command}))


@pytest.mark.parametrize(
    "command",
    [
        "SET sql_mode='STRICT_TRANS_TABLES'",
        "set names utf8mb4;",
        " SET @a=1, time_zone='UTC' ",
        "SET NAMES utf8mb4; SET sql_mode='STRICT_TRANS_TABLES'",
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci'; SET SESSION wait_timeout = 60;",
    ],
)
def test_an_init_command_that_sets_variables_hinders_nothing(command: str) -> None:
    assert isinstance(connection_of(database("mysql", {"init_command": command})), Server)


def test_flags_beyond_django_s_own_are_refused() -> None:
    assert "client_flag" in refusal(database("mysql", {"client_flag": "2050"}))
    assert isinstance(connection_of(database("mysql", {"client_flag": "2"})), Server)


@pytest.mark.parametrize(
    ("name", "path", "read_only"),
    [
        ("/srv/db", "/srv/db", False),
        ("file:/srv/d%62", "/srv/db", False),
        ("file:///srv/db?mode=rw&cache=shared", "/srv/db", False),
        ("file:/srv/db?mode=ro", "/srv/db", True),
    ],
)
def test_g85_files_of_sqlite(name: str, path: str, read_only: bool) -> None:
    assert connection_of(database("sqlite", {"database": name})) == SQLiteFile(path, read_only)


@pytest.mark.parametrize(
    "name",
    [
        ":memory:",
        "",
        "file:memory?mode=memory&cache=shared",
        "file:db",
        "file:/db?vfs=other",
        "file://host/db",
        "file:/d?mode=x",
    ],
)
def test_g85_a_database_of_sqlite_that_is_no_file_is_refused(name: str) -> None:
    refusal(database("sqlite", {"database": name}))


def test_pragmas_of_sqlite_hinder_nothing_and_other_statements_do() -> None:
    many = "PRAGMA foreign_keys = ON;\n-- as many sites have it; really\nPRAGMA mmap_size=1; PRAGMA cache_size=2000"
    for pragmas in ("PRAGMA journal_mode=WAL; PRAGMA synchronous = NORMAL;", many, "PRAGMA defer_foreign_keys=1", ""):
        assert isinstance(connection_of(database("sqlite", {"init_command": pragmas})), SQLiteFile)
    keys = ("PRAGMA key='x'", "PRAGMA rekey='x'", "PRAGMA hexkey='00'", "PRAGMA cipher_page_size=1", "pragma KEY = 1")
    for command in ("ATTACH 'x' AS main2", "PRAGMA a=1; DELETE FROM t", *keys):
        assert "init_command" in refusal(database("sqlite", {"init_command": command}))


@pytest.mark.parametrize(
    ("vendor", "name", "found"),
    [
        ("postgresql", "django_session", (None, "django_session")),
        ("postgresql", 'app"."own', ("app", "own")),
        ("postgresql", '"app"."own"', ("app", "own")),
        ("postgresql", '"Own"', (None, "Own")),
        ("postgresql", 'a""b', (None, 'a"b')),
        ("postgresql", "app.own", (None, "app.own")),
        ("mysql", "app`.`own", ("app", "own")),
        ("mysql", 'a"b', (None, 'a"b')),
        ("sqlite", 'main"."own', ("main", "own")),
    ],
)
def test_g8e_a_table_s_name_is_read_as_django_quotes_it(vendor: str, name: str, found: tuple[str | None, str]) -> None:
    assert table_of(database(vendor, {}), name) == found


@pytest.mark.parametrize("name", ['a"b', 'a"."b"."c', '"', 'app"."', 'x"; DROP TABLE y; --'])
def test_a_table_s_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="is not a valid name"):
        table_of(database("postgresql", {}), name)
