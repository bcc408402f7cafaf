"""TLS to a real PostgreSQL that has a certificate of its own authority (FD28)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import postgresql as dumps
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import postgresql as engine
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.integration import certificates, dumping, sites
from tests.integration.servers import PostgreSQL

PLAIN, ENCRYPTED, CERTIFIED = "plain", "encrypted", "certified"


@pytest.fixture(scope="module")
def made(postgresql: PostgreSQL) -> Iterator[certificates.Certificates]:
    """Return the server with TLS, and what its clients need."""
    made = certificates.make(postgresql.daemon.directory / "tls", postgresql.daemon.directory.owner())
    words = ["-c", "ssl=on", "-c", f"ssl_cert_file={made.certificate}", "-c", f"ssl_key_file={made.key}",
             "-c", f"ssl_ca_file={made.authority}"]  # fmt: skip
    postgresql.daemon.command.extend(words)
    rules = postgresql.daemon.directory / "data" / "pg_hba.conf"
    before = rules.read_text(encoding="ascii")
    further = f"hostnossl all {ENCRYPTED},{CERTIFIED} all reject\nhostssl all {CERTIFIED} all cert\n"
    rules.write_text(further + before, encoding="ascii")
    postgresql.restart()
    yield made
    del postgresql.daemon.command[-len(words) :]
    rules.write_text(before, encoding="ascii")
    postgresql.restart()


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL, made: certificates.Certificates) -> Iterator[str]:
    """Return a database with one table, and an account that the server takes over TLS alone."""
    name = postgresql.create_database()
    postgresql.execute("CREATE TABLE nothing (id int)", database=name)
    postgresql.create_account(PLAIN, "x")
    postgresql.create_account(ENCRYPTED, "x")
    postgresql.create_account(CERTIFIED, "x")
    for user in (PLAIN, ENCRYPTED, CERTIFIED):
        postgresql.execute(f"GRANT SELECT ON nothing TO {user}", database=name)
    yield name
    postgresql.drop_database(name)
    for user in (PLAIN, ENCRYPTED, CERTIFIED):
        postgresql.execute(f"DROP ROLE {user}")


def reach(login: Login, database: str) -> str:
    """Return what a login and a dump come to: `fine`, or the code of the fault, which must be the same for both."""
    source = Source("postgresql.x", "postgresql", database, ("nothing",))
    try:
        engine.ping(login, sites.HOST)
        dumps.dump(sites.HOST, login, source, dumping.backup(), dumping.Kept())
    except errors.MaintenanceError as fault:
        return fault.code
    return "fine"


@pytest.mark.parametrize("mode", ["prefer", "require", None])
def test_fd28_an_account_that_must_encrypt_logs_in_where_nothing_forbids_it(
    postgresql: PostgreSQL, database: str, mode: str | None
) -> None:
    assert reach(sites.account(postgresql, ENCRYPTED, "x", database, tls=mode), database) == "fine"


def test_fd28_without_tls_only_an_account_that_may_logs_in(postgresql: PostgreSQL, database: str) -> None:
    assert reach(sites.account(postgresql, PLAIN, "x", database, tls="disable"), database) == "fine"
    assert reach(sites.account(postgresql, ENCRYPTED, "x", database, tls="disable"), database) == "auth"


def test_fd28_a_certificate_is_verified_against_its_authority_and_its_name(
    postgresql: PostgreSQL, database: str, made: certificates.Certificates
) -> None:
    by_authority = sites.account(postgresql, ENCRYPTED, "x", database, ca_cert=str(made.authority))
    assert reach(by_authority, database) == "fine"
    by_stranger = sites.account(postgresql, ENCRYPTED, "x", database, ca_cert=str(made.stranger))
    assert reach(by_stranger, database) == "tls"
    assert reach(sites.account(postgresql, ENCRYPTED, "x", database, tls="verify"), database) == "tls"
    by_name = sites.account(postgresql, ENCRYPTED, "x", database, ca_cert=str(made.authority), login_host="localhost")
    assert reach(by_name, database) == "tls"


def test_fd28_a_file_of_authorities_that_is_none_is_refused(
    postgresql: PostgreSQL, database: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("", encoding="ascii")
    for path in (tmp_path / "empty.pem", tmp_path / "absent.pem"):
        assert reach(sites.account(postgresql, PLAIN, "x", database, ca_cert=str(path)), database) == "tls"


@pytest.fixture(scope="module")
def client(made: certificates.Certificates, tmp_path_factory: pytest.TempPathFactory) -> certificates.ClientFiles:
    """Return the files of a client whose certificate the server takes."""
    return certificates.make_client(tmp_path_factory.mktemp("client") / "files", made, CERTIFIED)


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_g06_an_account_that_must_show_a_certificate_logs_in_with_one_file_or_two(
    postgresql: PostgreSQL, database: str, client: certificates.ClientFiles, mode: str
) -> None:
    own = sites.account(postgresql, CERTIFIED, "x", database, tls=mode)
    two_files = own._replace(client_cert=str(client.certificate), client_key=str(client.key))
    assert reach(two_files, database) == "fine"
    assert reach(own._replace(client_cert=str(client.both)), database) == "fine"
    assert reach(own, database) == "tls"


def test_g06_a_key_that_cannot_be_used_is_told_as_such(
    postgresql: PostgreSQL, database: str, client: certificates.ClientFiles
) -> None:
    own = sites.account(postgresql, CERTIFIED, "x", database, tls="require")
    for path in (client.certificate, client.locked, client.both.with_name("absent.pem")):
        assert reach(own._replace(client_cert=str(path)), database) == "tls"
