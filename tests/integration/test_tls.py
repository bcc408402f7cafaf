"""TLS to real servers that have a certificate of their own authority (FD28)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.integration import certificates, dumping, sites
from tests.integration.engines import MAKERS, Engine

PLAIN, ENCRYPTED, CERTIFIED = "plain", "encrypted", "certified"


@pytest.fixture(scope="module", params=MAKERS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return each kind of server in turn; it has TLS while this file's fixtures live."""
    fixture, make = MAKERS[request.param]
    return make(request.getfixturevalue(fixture))


@pytest.fixture(scope="module")
def made(engine: Engine) -> Iterator[certificates.Certificates]:
    """Return the certificates of the server, which has TLS from now on, and what its clients need."""
    daemon = engine.server.daemon
    made = certificates.make(daemon.directory / "tls", daemon.directory.owner())
    with _mariadb_tls(engine, made) if engine.name == "mysql" else _postgresql_tls(engine, made):
        yield made


@contextlib.contextmanager
def _mariadb_tls(engine: Engine, made: certificates.Certificates) -> Iterator[None]:
    options = ["--ssl", f"--ssl-cert={made.certificate}", f"--ssl-key={made.key}", f"--ssl-ca={made.authority}"]
    with _options(engine, options):
        yield


@contextlib.contextmanager
def _postgresql_tls(engine: Engine, made: certificates.Certificates) -> Iterator[None]:
    files = {"ssl_cert_file": made.certificate, "ssl_key_file": made.key, "ssl_ca_file": made.authority}
    options = [word for name, path in files.items() for word in ("-c", f"{name}={path}")]
    rules = engine.server.daemon.directory / "data" / "pg_hba.conf"
    before = rules.read_text(encoding="ascii")
    further = f"hostnossl all {ENCRYPTED},{CERTIFIED} all reject\nhostssl all {CERTIFIED} all cert\n"
    rules.write_text(further + before, encoding="ascii")
    with _options(engine, ["-c", "ssl=on", *options]):
        yield
    rules.write_text(before, encoding="ascii")
    engine.server.restart()


@contextlib.contextmanager
def _options(engine: Engine, options: list[str]) -> Iterator[None]:
    engine.server.daemon.command.extend(options)
    engine.server.restart()
    yield
    del engine.server.daemon.command[-len(options) :]
    engine.server.restart()


@pytest.fixture(scope="module")
def database(engine: Engine, made: certificates.Certificates) -> Iterator[str]:
    """Return a database with one table, and accounts that the server accepts with and without TLS and certificate."""
    server = engine.server
    name = server.create_database()
    server.execute("CREATE TABLE nothing (id int)", database=name)
    for user in (PLAIN, ENCRYPTED, CERTIFIED):
        server.create_account(user, "x")
        engine.grant("backup_database", name, user)
    if engine.name == "mysql":
        server.execute(f"ALTER USER {ENCRYPTED}@'%' REQUIRE SSL")
        server.execute(f"ALTER USER {CERTIFIED}@'%' REQUIRE X509")
    yield name
    server.drop_database(name)
    for user in (PLAIN, ENCRYPTED, CERTIFIED):
        server.drop_account(user)


def reach(engine: Engine, login: Login) -> str:
    """Return what a login and a dump come to: `fine`, or the code of the fault, which must be the same for both."""
    source = Source(f"{engine.name}.x", engine.name, login.login_db or "", ("nothing",))
    try:
        engine.ping(login, sites.HOST)
        engine.dump(sites.HOST, login, source, dumping.backup(), dumping.Kept())
    except errors.MaintenanceError as fault:
        return fault.code
    return "fine"


@pytest.mark.parametrize("mode", ["prefer", "require", None])
def test_fd28_an_account_that_must_encrypt_logs_in_where_nothing_forbids_it(
    engine: Engine, database: str, mode: str | None
) -> None:
    assert reach(engine, sites.account(engine.server, ENCRYPTED, "x", database, tls=mode)) == "fine"


def test_fd28_without_tls_only_an_account_that_may_logs_in(engine: Engine, database: str) -> None:
    assert reach(engine, sites.account(engine.server, PLAIN, "x", database, tls="disable")) == "fine"
    assert reach(engine, sites.account(engine.server, ENCRYPTED, "x", database, tls="disable")) == "auth"


def test_fd28_a_certificate_is_verified_against_its_authority_and_its_name(
    engine: Engine, database: str, made: certificates.Certificates
) -> None:
    by_authority = sites.account(engine.server, ENCRYPTED, "x", database, ca_cert=str(made.authority))
    assert reach(engine, by_authority) == "fine"
    by_stranger = sites.account(engine.server, ENCRYPTED, "x", database, ca_cert=str(made.stranger))
    assert reach(engine, by_stranger) == "tls"
    assert reach(engine, sites.account(engine.server, ENCRYPTED, "x", database, tls="verify")) == "tls"
    by_name = sites.account(
        engine.server, ENCRYPTED, "x", database, ca_cert=str(made.authority), login_host="localhost"
    )
    assert reach(engine, by_name) == "tls"


def test_fd28_a_file_of_authorities_that_is_none_is_refused(engine: Engine, database: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("", encoding="ascii")
    for path in (tmp_path / "empty.pem", tmp_path / "absent.pem"):
        assert reach(engine, sites.account(engine.server, PLAIN, "x", database, ca_cert=str(path))) == "tls"


@pytest.fixture(scope="module")
def client(made: certificates.Certificates, tmp_path_factory: pytest.TempPathFactory) -> certificates.ClientFiles:
    """Return the files of a client whose certificate the server takes."""
    return certificates.make_client(tmp_path_factory.mktemp("client") / "files", made, CERTIFIED)


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_g06_an_account_that_must_show_a_certificate_logs_in_with_one_file_or_two(
    engine: Engine, database: str, client: certificates.ClientFiles, mode: str
) -> None:
    certified = sites.account(engine.server, CERTIFIED, "x", database, tls=mode)
    two_files = certified._replace(client_cert=str(client.certificate), client_key=str(client.key))
    assert reach(engine, two_files) == "fine"
    assert reach(engine, certified._replace(client_cert=str(client.both))) == "fine"
    # MariaDB refuses the account, PostgreSQL the handshake.
    assert reach(engine, certified) == {"mysql": "auth", "postgresql": "tls"}[engine.name]


def test_g06_a_key_that_cannot_be_used_is_told_as_such(
    engine: Engine, database: str, client: certificates.ClientFiles
) -> None:
    certified = sites.account(engine.server, CERTIFIED, "x", database, tls="require")
    for path in (client.certificate, client.locked, client.both.with_name("absent.pem")):
        assert reach(engine, certified._replace(client_cert=str(path))) == "tls"
