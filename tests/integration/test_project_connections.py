"""Two servers side by side: the sessions are cleaned where the Django project keeps them, or nowhere.

G83, G84, G85, G8D, G8E. The wrong server is full of expired sessions that must stay, whatever the project's settings
say and however they say it. Health must count what the cleanup would clean.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import config_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import session_cleanup
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer
from tests.faults import closed_port
from tests.integration import certificates, sites
from tests.integration.conftest import serve
from tests.integration.projects import EXPIRED, LIVE, MYSQLDB, NAME, PASSWORD, USER, Pair, pair
from tests.integration.servers import MariaDB, PostgreSQL, Server


@pytest.fixture(scope="module")
def other_postgresql() -> Iterator[Server]:
    """Return a second cluster, which offers TLS."""
    for server in serve(PostgreSQL.launch):
        made = certificates.make(server.daemon.directory / "tls", server.daemon.directory.owner())
        words = ["-c", "ssl=on", "-c", f"ssl_cert_file={made.certificate}", "-c", f"ssl_key_file={made.key}"]
        server.daemon.command.extend(words)
        server.restart()
        yield server


@pytest.fixture(scope="module")
def other_mariadb() -> Iterator[Server]:
    """Return a second MariaDB, which offers TLS."""
    for server in serve(MariaDB.launch):
        made = certificates.make(server.daemon.directory / "tls", server.daemon.directory.owner())
        server.daemon.command.extend(["--ssl", f"--ssl-cert={made.certificate}", f"--ssl-key={made.key}"])
        server.restart()
        yield server


@pytest.fixture
def clusters(postgresql: PostgreSQL, other_postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Pair]:
    yield from pair(postgresql, other_postgresql, tmp_path)


@pytest.fixture
def tls_clusters(postgresql: PostgreSQL, other_postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Pair]:
    yield from pair(other_postgresql, postgresql, tmp_path)


@pytest.fixture
def mysqls(mariadb: MariaDB, other_mariadb: MariaDB, tmp_path: Path) -> Iterator[Pair]:
    yield from pair(mariadb, other_mariadb, tmp_path)


@pytest.fixture
def tls_mysqls(mariadb: MariaDB, other_mariadb: MariaDB, tmp_path: Path) -> Iterator[Pair]:
    yield from pair(other_mariadb, mariadb, tmp_path)


def test_g83_a_port_with_a_blank_or_line_end_is_the_port_that_libpq_reads(clusters: Pair) -> None:
    clusters.cleaned(clusters.database(PORT=f"{clusters.right.port} "))
    clusters.fill()
    clusters.cleaned(clusters.database(PORT=f"{clusters.right.port}\n"))


def test_g83_lists_of_hosts_and_ports_are_tried_as_libpq_tries_them(clusters: Pair) -> None:
    with closed_port() as closed:
        ports = f"{closed},{clusters.right.port}"
        clusters.cleaned(clusters.database(HOST="127.0.0.1,127.0.0.1", PORT=ports))
    clusters.fill()
    clusters.cleaned(clusters.database(HOST="none.invalid", OPTIONS={"hostaddr": "127.0.0.1"}))


def test_g83_the_server_that_target_session_attrs_chooses_is_cleaned(clusters: Pair) -> None:
    clusters.wrong.execute(f"ALTER DATABASE {NAME} SET default_transaction_read_only = on")
    ports, options = f"{clusters.wrong.port},{clusters.right.port}", {"target_session_attrs": "read-write"}
    clusters.cleaned(clusters.database(HOST="127.0.0.1,127.0.0.1", PORT=ports, OPTIONS=options))


def test_g85_variables_of_libpq_and_its_sockets_lead_where_they_lead_the_project(clusters: Pair) -> None:
    environment = f'PGHOST={clusters.right.socket}\nPGPORT={clusters.right.port}\nPGPASSWORD="{PASSWORD}"\n'
    clusters.cleaned(clusters.database(HOST="", PORT="", PASSWORD=""), environment)
    clusters.fill()
    clusters.cleaned(clusters.database(HOST=str(clusters.right.socket)), "PGPORT=1\nPGTZ=UTC\n")


@pytest.mark.parametrize(
    ("word", "options", "environment"),
    [
        ("service", {"service": "site"}, ""),
        ("service", {}, "PGSERVICE=site\n"),
        ("some_option", {"some_option": 1}, ""),
        ("sslrootcert", {"sslmode": "verify-full", "sslrootcert": "certificates/root.pem"}, ""),
        ("sslpassword", {"sslpassword": PASSWORD}, ""),
    ],
)
def test_g83_what_cannot_be_taken_over_is_refused_by_name(
    clusters: Pair, word: str, options: dict[str, Any], environment: str
) -> None:
    clusters.refused(word, clusters.database(OPTIONS=options), environment)


def test_g83_options_that_do_not_matter_hinder_nothing(clusters: Pair) -> None:
    options = {"connect_timeout": 3, "application_name": "site", "keepalives": 1, "isolation_level": 3}
    clusters.cleaned(clusters.database(OPTIONS=options, CONN_MAX_AGE=60, ATOMIC_REQUESTS=True))


def test_g84_the_role_that_the_project_assumes_is_assumed(clusters: Pair) -> None:
    role, _password = clusters.right.create_account()
    for statement in (
        f"REVOKE ALL ON django_session FROM {USER}",
        f"ALTER TABLE django_session OWNER TO {role}",
        f"ALTER ROLE {USER} NOINHERIT",
        f"GRANT {role} TO {USER}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {role}",
    ):
        clusters.right.execute(statement, database=NAME)
    clusters.cleaned(clusters.database(OPTIONS={"assume_role": role}))


def test_g8d_a_certificate_that_the_project_refuses_is_refused(tls_clusters: Pair) -> None:
    folder = tls_clusters.right.daemon.directory / "tls"
    verified = {"sslmode": "verify-full", "sslrootcert": str(folder / "authority.pem")}
    tls_clusters.cleaned(tls_clusters.database(OPTIONS=verified))
    tls_clusters.fill()
    stranger = {**verified, "sslrootcert": str(folder / "stranger.pem")}
    tls_clusters.failed("tls", tls_clusters.database(OPTIONS=stranger))
    tls_clusters.failed("tls", tls_clusters.database(OPTIONS=verified, HOST="localhost"))
    tls_clusters.failed("tls", tls_clusters.database(OPTIONS={"sslmode": "verify-full"}), f"PGSSLROOTCERT={folder}/x\n")


def test_g8d_a_section_of_ours_goes_round_no_certificate_that_the_project_refuses(tls_clusters: Pair) -> None:
    stranger = str(tls_clusters.right.daemon.directory / "tls" / "stranger.pem")
    options = {"sslmode": "verify-ca", "sslrootcert": stranger}
    message = tls_clusters.failed("tls", tls_clusters.database(OPTIONS=options), postgresql=section(tls_clusters.right))
    assert "the Django project's own connection" in message


def section(server: Server) -> dict[str, Any]:
    """Return a section of our config file with the administrator's account."""
    path = server.daemon.directory / "credentials"
    if isinstance(server, MariaDB):
        path.write_text(f"[client]\npassword={server.admin_password}\n")
    else:
        path.write_text(f"*:*:*:*:{server.admin_password}\n")
    path.chmod(0o600)
    name = "config_file" if isinstance(server, MariaDB) else "passfile"
    login = {"login_host": server.host, "login_port": server.port, "login_user": server.admin_user}
    return {**login, "login_db": NAME, name: str(path)}


def test_a_section_that_leads_to_the_wrong_cluster_deletes_and_counts_nothing(clusters: Pair) -> None:
    message = clusters.failed("wrong_database", clusters.database(), postgresql=section(clusters.wrong))
    assert "cluster=" in message


def test_a_section_that_leads_to_the_wrong_mysql_deletes_and_counts_nothing(mysqls: Pair) -> None:
    assert "port=" in mysqls.failed("wrong_database", mysqls.database(), mysql=section(mysqls.wrong))


@pytest.mark.parametrize("table", ['app"."django_session', '"app"."django_session"', '"app" . "django_session"'])
def test_g8e_a_table_s_name_with_its_schema_is_found_there(clusters: Pair, table: str) -> None:
    make_schema(clusters, "app")
    report = clusters.clean(clusters.database(), table=table)
    assert (report["exit"], report["deleted"], report["table"]) == (0, 1, "django_session")
    assert len(sites.keys(clusters.right, NAME)) == 3
    assert clusters.right.execute("SELECT session_key FROM app.django_session", database=NAME) == [("live",)]


def make_schema(made: Pair, name: str) -> None:
    """Add a schema with a session table of its own to the project's database: one expired session and a live one."""
    table = f"{name}.django_session"
    for statement in (
        f"CREATE SCHEMA {name}",
        sites.POSTGRESQL_TABLE.format(table),
        f"GRANT USAGE ON SCHEMA {name} TO {USER}",
        f"GRANT SELECT, DELETE ON {table} TO {USER}",
    ):
        made.right.execute(statement, database=NAME)
    for key, rest in (("gone", EXPIRED), ("live", LIVE)):
        made.right.execute(f"INSERT INTO {table} VALUES (%s, 'x', %s)", key, sites.NOW + rest, database=NAME)


@pytest.mark.parametrize("by", ["option", "role", "name of the role"])
def test_g8e_the_project_s_search_path_finds_the_table_for_our_account_too(clusters: Pair, by: str) -> None:
    """Our account has another default search path, and another name, than the project's."""
    schema = USER if by == "name of the role" else "app"
    make_schema(clusters, schema)
    if by == "role":
        clusters.right.execute(f"ALTER ROLE {USER} SET search_path = app, public")
    options = {"options": "-c search_path=app,public"} if by == "option" else {}
    database = clusters.database(OPTIONS=options)
    report = clusters.clean(database, postgresql=section(clusters.right))
    assert (report["exit"], report["deleted"]) == (0, 1), report
    assert len(sites.keys(clusters.right, NAME, "django_session")) == 3
    assert clusters.right.execute(f"SELECT session_key FROM {schema}.django_session", database=NAME) == [("live",)]


def test_g8e_what_comes_on_the_search_path_after_the_plan_is_not_touched(clusters: Pair) -> None:
    clusters.configure(clusters.database(OPTIONS={"options": "-c search_path=app,public"}))
    host = sites.HOST
    settings = config_file.load(host, str(clusters.folder / "maintenance.json"), Layer("command line", {}))
    planned = session_cleanup.plan(settings, host)
    make_schema(clusters, "app")
    report = session_cleanup.apply(planned, host, lambda said: None)
    assert report.facts["deleted"] == 2
    assert len(clusters.right.execute("SELECT 1 FROM app.django_session", database=NAME)) == 2


def test_g85_localhost_is_what_the_project_s_driver_makes_of_it(mysqls: Pair) -> None:
    """PyMySQL connects over TCP, and to a socket where one is named."""
    mysqls.cleaned(mysqls.database(HOST="localhost"))
    mysqls.fill()
    by_socket = {"unix_socket": str(mysqls.right.socket)}
    mysqls.cleaned(mysqls.database(HOST="localhost", PORT=str(mysqls.wrong.port), OPTIONS=by_socket))
    mysqls.fill()
    mysqls.cleaned(mysqls.database(HOST=str(mysqls.right.socket), PORT=f"{mysqls.wrong.port}\n"))


def test_g85_for_mysqlclient_localhost_is_a_socket_and_never_the_port(mysqls: Pair) -> None:
    (mysqls.folder / "MySQLdb").mkdir()
    (mysqls.folder / "MySQLdb" / "__init__.py").write_text(MYSQLDB)
    for name in ("constants", "converters", "cursors", "err"):
        (mysqls.folder / "MySQLdb" / f"{name}.py").write_text(f"from pymysql.{name} import *\n")
    (mysqls.folder / "MySQLdb" / "constants.py").write_text(
        "from pymysql.constants import *\nfrom pymysql.constants import CLIENT, FIELD_TYPE\n"
    )
    at_wrong = mysqls.database(HOST="localhost", PORT=str(mysqls.wrong.port))
    mysqls.refused("default socket", at_wrong)
    mysqls.cleaned({**at_wrong, "OPTIONS": {"unix_socket": str(mysqls.right.socket)}})
    mysqls.fill()
    (mysqls.folder / "my.cnf").write_text(f'[client]\nsocket={mysqls.right.socket}\npassword="{PASSWORD}"\n')
    (mysqls.folder / "my.cnf").chmod(0o600)
    by_file = {"read_default_file": str(mysqls.folder / "my.cnf")}
    mysqls.cleaned({**at_wrong, "PASSWORD": "", "OPTIONS": by_file})
    mysqls.fill()
    mysqls.cleaned(mysqls.database())


@pytest.mark.parametrize(
    ("word", "options"),
    [
        ("failover", {"failover": [{"host": "127.0.0.1"}]}),
        ("init_command", {"init_command": "USE mysql"}),
        ("init_command", {"init_command": "SET ROLE other"}),
        ("read_default_group", {"read_default_group": "site"}),
        ("ssl.capath", {"ssl": {"capath": "/etc/ssl"}}),
        ("bind_address", {"bind_address": "127.0.0.2"}),
    ],
)
def test_g83_options_of_mysql_that_cannot_be_taken_over_are_refused_by_name(
    mysqls: Pair, word: str, options: dict[str, Any]
) -> None:
    mysqls.refused(word, mysqls.database(OPTIONS=options))


def test_g83_a_port_that_django_cannot_read_is_refused_in_its_own_words(mysqls: Pair) -> None:
    mysqls.refused("invalid literal for int", mysqls.database(PORT=f"{mysqls.right.port},{mysqls.wrong.port}"))


def test_g83_options_of_mysql_that_do_not_matter_hinder_nothing(mysqls: Pair) -> None:
    command = "SET sql_mode='STRICT_TRANS_TABLES', innodb_strict_mode=1"
    mysqls.cleaned(mysqls.database(OPTIONS={"charset": "utf8mb4", "init_command": command, "connect_timeout": 3}))


def test_g8d_a_certificate_of_mysql_that_the_project_refuses_is_refused(tls_mysqls: Pair) -> None:
    folder = tls_mysqls.right.daemon.directory / "tls"
    authority, stranger = str(folder / "authority.pem"), str(folder / "stranger.pem")
    tls_mysqls.cleaned(tls_mysqls.database(OPTIONS={"ssl": {"ca": authority}}))
    tls_mysqls.fill()
    tls_mysqls.failed("tls", tls_mysqls.database(OPTIONS={"ssl": {"ca": stranger}}))
    tls_mysqls.failed("tls", tls_mysqls.database(OPTIONS={"ssl_ca": stranger}))
    tls_mysqls.failed("tls", tls_mysqls.database(HOST="localhost", OPTIONS={"ssl": {"ca": authority}}))
    tls_mysqls.cleaned(tls_mysqls.database(HOST="localhost", OPTIONS={"ssl_ca": authority}))


def test_g8d_a_mysql_that_offers_no_tls_is_given_no_password_where_the_project_demands_it(mysqls: Pair) -> None:
    folder = mysqls.wrong.daemon.directory / "tls"
    mysqls.failed("tls", mysqls.database(OPTIONS={"ssl": {"ca": str(folder / "authority.pem")}}))


def test_g8e_a_table_s_name_with_its_mysql_database_is_found_there(mysqls: Pair) -> None:
    mysqls.right.create_database("callcenter_sessions")
    try:
        sites.create_sessions(mysqls.right, "callcenter_sessions")
        sites.add_sessions(mysqls.right, "callcenter_sessions", {"gone": EXPIRED, "live": LIVE})
        mysqls.right.execute(f"GRANT SELECT, DELETE ON callcenter_sessions.* TO {USER}@'%'")
        report = mysqls.clean(mysqls.database(), table="callcenter_sessions`.`django_session")
        assert (report["exit"], report["deleted"]) == (0, 1), report
        assert sites.keys(mysqls.right, "callcenter_sessions") == ["live"]
        assert len(sites.keys(mysqls.right, NAME)) == 3
    finally:
        mysqls.right.drop_database("callcenter_sessions")


@pytest.mark.parametrize("right", ["INSERT", "UPDATE", "DELETE"])
def test_g92_a_project_whose_account_lacks_a_right_to_save_is_not_healthy_on_postgresql(
    clusters: Pair, right: str
) -> None:
    clusters.right.execute(f"REVOKE {right} ON django_session FROM {USER}", database=NAME)
    clusters.unsaved("permission denied")


@pytest.mark.parametrize("right", ["INSERT", "UPDATE", "DELETE"])
def test_g92_a_project_whose_account_lacks_a_right_to_save_is_not_healthy_on_mariadb(mysqls: Pair, right: str) -> None:
    mysqls.right.execute(f"REVOKE {right} ON {NAME}.* FROM {USER}@'%'", database=NAME)
    mysqls.unsaved("denied")


@pytest.mark.parametrize("place", [f"DATABASE {NAME}", f"ROLE {USER}"])
def test_g92_a_project_whose_transactions_are_read_only_is_not_healthy_on_postgresql(
    clusters: Pair, place: str
) -> None:
    clusters.right.execute(f"ALTER {place} SET default_transaction_read_only = on", database=NAME)
    clusters.unsaved("read-only")


def test_g92_a_project_on_a_server_that_is_read_only_is_not_healthy_on_mariadb(mysqls: Pair) -> None:
    mysqls.right.execute("SET GLOBAL read_only = 1")
    try:
        mysqls.unsaved("read")
    finally:
        mysqls.right.execute("SET GLOBAL read_only = 0")


def test_g92_a_project_whose_transactions_are_read_only_is_not_healthy_on_mariadb(mysqls: Pair) -> None:
    mysqls.right.execute("SET GLOBAL init_connect = 'SET SESSION TRANSACTION READ ONLY'")
    try:
        mysqls.unsaved("READ ONLY")
    finally:
        mysqls.right.execute("SET GLOBAL init_connect = ''")


def test_a_locked_session_table_is_not_called_one_that_cannot_be_written(clusters: Pair) -> None:
    """Neither does it cost the project's other checks; the count itself is given up by its own limit."""
    server = clusters.right
    holder = psycopg2.connect(
        host="127.0.0.1", port=server.port, user=USER, password=PASSWORD, dbname=NAME, application_name="holder"
    )
    holder.cursor().execute("LOCK TABLE django_session IN SHARE MODE")
    clusters.configure(clusters.database())
    report = clusters.run("health")
    holder.close()
    checks = {check["name"]: check["status"] for check in report["checks"]}
    assert (checks["sessions"], checks["django_project"], checks["session_engine"]) == ("pass", "pass", "pass"), report
