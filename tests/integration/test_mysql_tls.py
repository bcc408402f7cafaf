"""TLS to a real MariaDB that has a certificate of its own authority (FD28)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import mysql as dumps
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.integration import certificates, dumping, sites
from tests.integration.servers import MariaDB

PLAIN, ENCRYPTED, CERTIFIED = "plain", "encrypted", "certified"


@pytest.fixture(scope="module")
def made(mariadb: MariaDB) -> Iterator[certificates.Certificates]:
    """Return the server with TLS, and what its clients need."""
    made = certificates.make(mariadb.daemon.directory / "tls", mariadb.daemon.directory.owner())
    words = ["--ssl", f"--ssl-cert={made.certificate}", f"--ssl-key={made.key}", f"--ssl-ca={made.authority}"]
    mariadb.daemon.command.extend(words)
    mariadb.restart()
    yield made
    del mariadb.daemon.command[-len(words) :]
    mariadb.restart()


@pytest.fixture(scope="module")
def database(mariadb: MariaDB, made: certificates.Certificates) -> Iterator[str]:
    """Return a database with one table, and an account that the server takes over TLS alone."""
    name = mariadb.create_database()
    mariadb.execute("CREATE TABLE nothing (id int)", database=name)
    mariadb.create_account(PLAIN, "x")
    mariadb.create_account(ENCRYPTED, "x")
    mariadb.create_account(CERTIFIED, "x")
    mariadb.execute(f"ALTER USER {ENCRYPTED}@'%' REQUIRE SSL")
    mariadb.execute(f"ALTER USER {CERTIFIED}@'%' REQUIRE X509")
    for user in (PLAIN, ENCRYPTED, CERTIFIED):
        mariadb.execute(f"GRANT SELECT, TRIGGER ON {name}.* TO {user}@'%'")
    yield name
    mariadb.drop_database(name)
    for user in (PLAIN, ENCRYPTED, CERTIFIED):
        mariadb.execute(f"DROP USER {user}@'%'")


def reach(login: Login, database: str) -> str:
    """Return what a login and a dump come to: `fine`, or the code of the fault, which must be the same for both."""
    source = Source("mysql.x", "mysql", database, ("nothing",))
    try:
        mysql.ping(login, sites.HOST)
        dumps.dump(sites.HOST, login, source, dumping.backup(), dumping.Kept())
    except errors.MaintenanceError as fault:
        return fault.code
    return "fine"


@pytest.mark.parametrize("mode", ["prefer", "require", None])
def test_fd28_an_account_that_must_encrypt_logs_in_where_nothing_forbids_it(
    mariadb: MariaDB, database: str, mode: str | None
) -> None:
    assert reach(sites.account(mariadb, ENCRYPTED, "x", None, tls=mode), database) == "fine"


def test_fd28_without_tls_only_an_account_that_may_logs_in(mariadb: MariaDB, database: str) -> None:
    assert reach(sites.account(mariadb, PLAIN, "x", None, tls="disable"), database) == "fine"
    assert reach(sites.account(mariadb, ENCRYPTED, "x", None, tls="disable"), database) == "auth"


def test_fd28_a_certificate_is_verified_against_its_authority_and_its_name(
    mariadb: MariaDB, database: str, made: certificates.Certificates
) -> None:
    by_authority = sites.account(mariadb, ENCRYPTED, "x", None, ca_cert=str(made.authority))
    assert reach(by_authority, database) == "fine"
    by_stranger = sites.account(mariadb, ENCRYPTED, "x", None, ca_cert=str(made.stranger))
    assert reach(by_stranger, database) == "tls"
    assert reach(sites.account(mariadb, ENCRYPTED, "x", None, tls="verify"), database) == "tls"
    by_name = sites.account(mariadb, ENCRYPTED, "x", None, ca_cert=str(made.authority), login_host="localhost")
    assert reach(by_name, database) == "tls"


def test_fd28_a_file_of_authorities_that_is_none_is_refused(mariadb: MariaDB, database: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("", encoding="ascii")
    for path in (tmp_path / "empty.pem", tmp_path / "absent.pem"):
        assert reach(sites.account(mariadb, PLAIN, "x", None, ca_cert=str(path)), database) == "tls"


@pytest.fixture(scope="module")
def client(made: certificates.Certificates, tmp_path_factory: pytest.TempPathFactory) -> certificates.ClientFiles:
    """Return the files of a client whose certificate the server takes."""
    return certificates.make_client(tmp_path_factory.mktemp("client") / "files", made, CERTIFIED)


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_g06_an_account_that_must_show_a_certificate_logs_in_with_one_file_or_two(
    mariadb: MariaDB, database: str, client: certificates.ClientFiles, mode: str
) -> None:
    own = sites.account(mariadb, CERTIFIED, "x", None, tls=mode)
    two_files = own._replace(client_cert=str(client.certificate), client_key=str(client.key))
    assert reach(two_files, database) == "fine"
    assert reach(own._replace(client_cert=str(client.both)), database) == "fine"
    assert reach(own, database) == "auth"


def test_g06_a_key_that_cannot_be_used_is_told_as_such(
    mariadb: MariaDB, database: str, client: certificates.ClientFiles
) -> None:
    own = sites.account(mariadb, CERTIFIED, "x", None, tls="require")
    for path in (client.certificate, client.locked, client.both.with_name("absent.pem")):
        assert reach(own._replace(client_cert=str(path)), database) == "tls"
