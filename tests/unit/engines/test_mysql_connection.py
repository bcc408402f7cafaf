"""Where a MySQL connection leads, and what is made of what the driver raises."""

from __future__ import annotations

import ssl
from pathlib import Path

import pymysql
import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql_connection
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.endpoint import Endpoint
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import Server


def option_file(tmp_path: Path, text: str) -> str:
    """Return the path of a private option file with this text in its group."""
    path = tmp_path / "my.cnf"
    path.write_text(f"[client]\n{text}\n", encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def resolve(server: Server, **environment: str) -> Endpoint:
    return mysql_connection.resolve(server, Host(environment))


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the account's home be empty."""
    monkeypatch.setattr(mysql_connection, "home_file", lambda _host, name: str(tmp_path / "home" / name))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_without_a_word_it_is_this_host_s_usual_port() -> None:
    found = resolve(Server(login_user="iact"))
    assert (found.place, found.user, found.password, found.tls) == ("127.0.0.1:3306", "iact", None, "prefer")


def test_the_option_file_fills_what_the_section_leaves_open(tmp_path: Path) -> None:
    path = option_file(tmp_path, "host=db.example\nport=13306\nuser=file\npassword=inside\ndatabase=site")
    found = resolve(Server(config_file=path))
    assert (found.place, found.user, found.database) == ("db.example:13306", "file", "site")
    assert (found.password, found.tls) == (Secret("inside"), "require")
    named = resolve(Server(config_file=path, login_host="10.0.0.9", login_port=1, login_db="other"))
    assert (named.place, named.database) == ("10.0.0.9:1", "other")


def test_g06_a_certificate_s_key_is_in_its_own_file_unless_the_same_place_names_another(tmp_path: Path) -> None:
    path = option_file(tmp_path, "ssl-cert=/file.pem\nssl-key=/file.key")
    found = resolve(Server(config_file=path))
    assert (found.client_cert, found.client_key) == ("/file.pem", "/file.key")
    found = resolve(Server(config_file=path, client_cert="/own.pem"))
    assert (found.client_cert, found.client_key) == ("/own.pem", "/own.pem")
    found = resolve(Server(config_file=option_file(tmp_path, "ssl-cert=/file.pem")))
    assert (found.client_cert, found.client_key) == ("/file.pem", "/file.pem")


def test_g06_a_key_alone_in_the_option_file_is_refused(tmp_path: Path) -> None:
    path = option_file(tmp_path, "ssl-key=/file.key")
    with pytest.raises(errors.Refused, match="ssl-key is set without ssl-cert") as caught:
        resolve(Server(config_file=path))
    assert (caught.value.code, caught.value.exit_status) == ("bad_credentials_file", 2)
    assert "ssl-cert" in caught.value.hint


def test_the_file_in_the_home_is_read_without_being_named(empty_home: Path) -> None:
    (empty_home / ".my.cnf").write_text("[client]\nuser=home\npassword=inside\n", encoding="ascii")
    (empty_home / ".my.cnf").chmod(0o600)
    assert resolve(Server()).user == "home"


@pytest.mark.parametrize(
    ("server", "text", "place"),
    [
        (Server(login_unix_socket="/run/s.sock", login_host="db"), "host=x", "/run/s.sock"),
        (Server(), "socket=/run/f.sock", "/run/f.sock"),
        (Server(), "socket=/run/f.sock\nprotocol=tcp", "127.0.0.1:3306"),
        (Server(login_host="db"), "socket=/run/f.sock", "db:3306"),
        (Server(login_port=13306), "socket=/run/f.sock", "127.0.0.1:13306"),
    ],
)
def test_a_named_socket_is_used_unless_the_section_names_a_host(
    tmp_path: Path, server: Server, text: str, place: str
) -> None:
    found = resolve(server._replace(config_file=option_file(tmp_path, text)))
    assert found.place == place


def test_b9_the_password_s_sources_follow_the_engine_s_order(tmp_path: Path) -> None:
    path = option_file(tmp_path, "user=iact\npassword=file")
    everything = Server(config_file=path, login_password=Secret("given"))
    assert resolve(everything, MYSQL_PWD="variable").password == Secret("given")
    assert resolve(Server(config_file=path), MYSQL_PWD="variable").password == Secret("file")
    assert resolve(Server(login_user="iact"), MYSQL_PWD="variable").password == Secret("variable")
    assert resolve(Server(login_user="iact", own_account=True), MYSQL_PWD="variable").password is None


def test_another_account_is_never_given_the_file_s_password(tmp_path: Path) -> None:
    path = option_file(tmp_path, "user=iact\npassword=file")
    assert resolve(Server(config_file=path, login_user="other", own_account=True)).password is None
    assert resolve(Server(config_file=path, login_user="iact", own_account=True)).password == Secret("file")


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "٣"])
def test_a_nonsense_port_in_the_file_is_refused(tmp_path: Path, port: str) -> None:
    with pytest.raises(errors.Refused, match="port"):
        resolve(Server(config_file=option_file(tmp_path, f"port={port}")))


def test_a_missing_driver_is_refused_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_connection, "DRIVER_FOUND", False)
    with pytest.raises(errors.Refused) as caught:
        mysql_connection.connect(resolve(Server()))
    assert (caught.value.code, caught.value.hint) == ("driver_missing", "apt-get install python3-pymysql")


def with_cause(cause: BaseException) -> pymysql.err.OperationalError:
    error = pymysql.err.OperationalError(2003, f"Can't connect to MySQL server on 'x' ({cause})")
    error.original_exception = cause  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (pymysql.err.OperationalError(1045, "Access denied"), "auth"),
        (pymysql.err.OperationalError(1040, "Too many connections"), "too_many_connections"),
        (pymysql.err.OperationalError(1049, "Unknown database"), "no_database"),
        (pymysql.err.ProgrammingError(1146, "no such table"), "no_table"),
        (pymysql.err.OperationalError(1213, "Deadlock found"), "deadlock"),
        (pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"), "lock_timeout"),
        (pymysql.err.OperationalError(1290, "read only"), "read_only"),
        (pymysql.err.OperationalError(1114, "The table is full"), "no_space"),
        (pymysql.err.OperationalError(2013, "Lost connection"), "connection_lost"),
        (pymysql.err.OperationalError(2013, "Lost connection (The read operation timed out)"), "timeout"),
        (with_cause(TimeoutError("timed out")), "timeout"),
        (with_cause(ConnectionRefusedError(111, "Connection refused")), "db_unreachable"),
        (with_cause(ssl.SSLCertVerificationError(1, "self-signed certificate")), "tls"),
        (pymysql.err.OperationalError(9999, "something new"), "db_refused"),
        (pymysql.err.InternalError("Packet sequence number wrong"), "db_protocol"),
        (IndexError("index out of range"), "db_protocol"),
        (RuntimeError("'cryptography' package is required for sha256_password"), "driver_missing"),
    ],
)
def test_whatever_the_driver_raises_has_a_stable_code(raised: Exception, code: str) -> None:
    with pytest.raises(errors.MaintenanceError) as caught, mysql_connection.faults(resolve(Server())):
        raise raised
    assert caught.value.code == code


def test_fs07_a_driver_s_text_that_quotes_the_password_is_redacted() -> None:
    endpoint = resolve(Server(login_password=Secret("p@ss/w:rd%")))
    with pytest.raises(errors.DatabaseFault) as caught, mysql_connection.faults(endpoint):
        raise pymysql.err.OperationalError(2003, "cannot parse mysql://iact:p%40ss%2Fw%3Ard%25@db or p@ss/w:rd%")
    assert "p@ss" not in caught.value.message and "p%40" not in caught.value.message


def test_fi05_an_identifier_is_one_whatever_it_holds() -> None:
    assert mysql_connection.quote_identifier("a`b%s") == "`a``b%%s`"
