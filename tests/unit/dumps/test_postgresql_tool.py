"""What the client programs of PostgreSQL are told, and the reader that goes along with a dump."""

from __future__ import annotations

import time

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import postgresql_tool
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.endpoint import Endpoint
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Command
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret

LOCAL = Endpoint(
    "postgresql", "127.0.0.1", 15432, None, "iact", Secret("p:w\\"), "a=b", "prefer", None, None, None, 1.5, False
)


@pytest.mark.parametrize(
    ("text", "number"),
    [("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15), ("9.6.24", 9), ("17devel", 17), ("nothing", 0)],
)
def test_a_version_is_read_from_a_program_s_words_and_a_server_s(text: str, number: int) -> None:
    assert postgresql_tool.major(text) == number


def test_fs02_the_environment_names_the_file_and_not_the_password() -> None:
    with postgresql_tool.credentials(LOCAL) as (descriptors, environment):
        assert environment["PGPASSFILE"] == f"/dev/fd/{descriptors[0]}"
        with open(environment["PGPASSFILE"], encoding="utf-8") as stream:
            assert stream.read() == "*:*:*:*:p\\:w\\\\\n"
        assert "p:w" not in repr(environment)
        assert (environment["PGHOST"], environment["PGPORT"]) == ("127.0.0.1", "15432")
        assert (environment["PGUSER"], environment["PGDATABASE"]) == ("iact", "a=b")
        assert (environment["PGSSLMODE"], environment["PGCONNECT_TIMEOUT"]) == ("prefer", "2")


def test_a_socket_without_a_password_names_no_file_that_exists() -> None:
    endpoint = LOCAL._replace(socket="/run/postgresql", password=None, tls="disable")
    with postgresql_tool.credentials(endpoint) as (descriptors, environment):
        assert descriptors == ()
        assert (environment["PGHOST"], environment["PGSSLMODE"]) == ("/run/postgresql", "disable")
        assert environment["PGPASSFILE"].startswith("/nonexistent")


def test_fd28_a_verified_certificate_must_come_from_the_named_authority() -> None:
    endpoint = LOCAL._replace(tls="verify", ca_cert="/ca.pem", client_cert="/c.pem", client_key="/k.pem")
    with postgresql_tool.credentials(endpoint) as (_descriptors, environment):
        names = ("PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY")
        assert [environment[name] for name in names] == ["verify-full", "/ca.pem", "/c.pem", "/k.pem"]


def reader(script: str, deadline_seconds: float = 20) -> postgresql_tool.ReadAlong:
    return postgresql_tool.ReadAlong(Host({}), Command(("/bin/sh", "-c", script)), deadline_seconds)


def test_the_reader_is_given_every_byte_and_its_end_is_told() -> None:
    reading = reader("test $(wc -c) = 3000000 && exit 0; exit 7")
    for _unused in range(30):
        reading(b"x" * 100_000)
    assert reading.end().status == 0


def test_a_reader_that_ends_early_holds_nobody_up() -> None:
    reading = reader("exit 7")
    for _unused in range(100):
        reading(b"x" * 100_000)
    assert reading.end().status == 7


def test_a_reader_that_hangs_ends_at_its_deadline() -> None:
    reading = reader("sleep 30", deadline_seconds=1)
    began = time.monotonic()
    reading(b"x")
    with pytest.raises(errors.ProcessFault) as caught:
        reading.end()
    assert caught.value.code == "timeout" and time.monotonic() - began < 5


def test_a_reader_that_is_abandoned_goes_by_itself() -> None:
    reading = reader("cat >/dev/null")
    for _unused in range(50):
        reading(b"x" * 100_000)
    reading.abandon()
    assert reading.end().status == 0
