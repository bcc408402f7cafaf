"""What PostgreSQL says when a login fails, in English and in the server's own language."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    postgresql_connection,
    postgresql_faults,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import Server

PLACE = 'connection to server at "db.example" (10.0.0.9), port 5432 failed: '


class Raised(Exception):
    """What the driver raises, with the server's code where it has one."""

    def __init__(self, text: str, pgcode: str | None = None) -> None:
        super().__init__(text)
        self.pgcode = pgcode


def code_of(raised: Exception, user: str = "iact", database: str = "site") -> str:
    login = Server(login_host="db.example", login_user=user, login_db=database, login_password=Secret("p@ss"))
    endpoint = postgresql_connection.resolve(login, Host({}))
    return postgresql_faults.fault_of(endpoint, "PostgreSQL at db.example:5432", raised).code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('FATAL:  password authentication failed for user "iact"', "auth"),
        ('FATAL:  la autentificación password falló para el usuario «iact»', "auth"),
        ('FATAL:  authentification par mot de passe échouée pour l\'utilisateur « iact »', "auth"),
        ('FATAL:  Passwort-Authentifizierung für Benutzer "iact" fehlgeschlagen', "auth"),
        ("fe_sendauth: no password supplied", "auth"),
        ('FATAL:  role "iact" does not exist', "auth"),
        ('FATAL:  role "iact" is not permitted to log in', "auth"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "iact", database "site", no encryption', "auth"),
        ('FATAL:  database "site" does not exist', "no_database"),
        ("FATAL:  no existe la base de datos «site»", "no_database"),
        ("FATAL:  sorry, too many clients already", "too_many_connections"),
        ('FATAL:  too many connections for role "iact"', "too_many_connections"),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
         "too_many_connections"),
        ("FATAL:  the database system is starting up", "db_unreachable"),
        ("Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
         "db_unreachable"),
        ('could not translate host name "db.example" to address: Name or service not known', "db_unreachable"),
        ("timeout expired", "timeout"),
        ("server does not support SSL, but SSL was required", "tls"),
        ("SSL error: certificate verify failed", "tls"),
        ('private key file "/k.pem" has group or world access; file must have permissions u=rw (0600)', "tls"),
        ('could not load private key file "/k.pem": no start line', "tls"),
        ("FATAL:  connection requires a valid client certificate", "tls"),
        ("received invalid response to SSL negotiation: H", "db_protocol"),
        ("server closed the connection unexpectedly", "connection_lost"),
        ("something nobody foresaw", "db_protocol"),
    ],
)  # fmt: skip
def test_a_refused_login_is_told_apart_by_its_words(text: str, code: str) -> None:
    assert code_of(Raised(PLACE + text)) == code


def test_an_account_and_a_database_of_the_same_name_are_told_apart() -> None:
    assert code_of(Raised('FATAL:  database "iact" does not exist'), database="iact") == "no_database"
    assert code_of(Raised('FATAL:  password authentication failed for user "iact"'), database="iact") == "auth"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("42P01", "no_table"), ("42501", "missing_privilege"), ("25006", "read_only"), ("40P01", "deadlock"),
        ("55P03", "lock_timeout"), ("57014", "timeout"), ("53100", "no_space"), ("57P01", "connection_lost"),
        ("08006", "connection_lost"), ("XX000", "db_refused"),
    ],
)  # fmt: skip
def test_a_statement_s_fault_is_told_by_the_server_s_code_and_no_words(state: str, code: str) -> None:
    assert code_of(Raised("SSL timeout expired", state)) == code


def test_fs07_the_text_is_one_redacted_line() -> None:
    endpoint = postgresql_connection.resolve(Server(login_password=Secret("p@ss"), login_user="iact"), Host({}))
    fault = postgresql_faults.fault_of(endpoint, "PostgreSQL at x", Raised(PLACE + "something\n\tp%40ss p@ss\x1b[1m"))
    assert fault.message == "PostgreSQL at x: something *** ***\\x1b[1m"


@pytest.mark.parametrize(
    "sentence",
    [
        'FATAL:  password authentication failed for user "iact"',
        "FATAL:  la autentificación password falló para el usuario «iact»",
        "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
    ],
)
def test_g14_a_refusal_with_tls_and_without_is_told_once(sentence: str) -> None:
    endpoint = postgresql_connection.resolve(Server(login_user="iact"), Host({}))
    twice = Raised(f"{PLACE}{sentence}\n{PLACE}{sentence}\n")
    message = postgresql_faults.fault_of(endpoint, "PostgreSQL at x", twice).message
    assert message == f"PostgreSQL at x: {' '.join(sentence.split())}"


def test_g14_two_refusals_that_differ_are_both_told() -> None:
    endpoint = postgresql_connection.resolve(Server(login_user="iact"), Host({}))
    both = Raised(f"{PLACE}SSL error: x\n{PLACE}FATAL:  no pg_hba.conf entry for y, no encryption\n")
    message = postgresql_faults.fault_of(endpoint, "PostgreSQL at x", both).message
    assert message == "PostgreSQL at x: SSL error: x; FATAL: no pg_hba.conf entry for y, no encryption"


def test_g8b_row_security_is_told_from_a_missing_privilege_in_any_language() -> None:
    class Diagnosis:
        source_file, message_primary = "rls.c", "la consulta sería afectada por la política de seguridad"

    raised = Raised("x", "42501")
    raised.diag = Diagnosis()  # type: ignore[attr-defined]
    assert code_of(raised) == "row_security"
    raised.diag.source_file = "aclchk.c"  # type: ignore[attr-defined]
    assert code_of(raised) == "missing_privilege"
