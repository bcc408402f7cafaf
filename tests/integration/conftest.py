"""The servers that integration tests share; each test finds them running, whatever the one before did to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.engines import MAKERS, Engine
from tests.integration.servers import MariaDB, PostgreSQL, ServerMissing


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Return a MariaDB server of our own."""
    yield from serve(MariaDB.launch)


ODD = (
    "--autocommit=0",
    "--sql-mode=ANSI,ORACLE,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH",
    "--transaction-isolation=SERIALIZABLE",
    "--completion-type=RELEASE",
    "--default-time-zone=+09:00",
    "--character-set-server=sjis",
    "--lower-case-table-names=1",
    "--max-allowed-packet=8192",
)


@pytest.fixture(scope="session")
def odd_mariadb() -> Iterator[MariaDB]:
    """Return a MariaDB server whose every default is another than ours."""
    yield from serve(lambda: MariaDB.launch(*ODD))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Return a PostgreSQL server of our own."""
    yield from serve(PostgreSQL.launch)


@pytest.fixture(params=MAKERS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return each kind of server in turn."""
    fixture, make = MAKERS[request.param]
    return make(request.getfixturevalue(fixture))


@pytest.fixture(autouse=True)
def mended_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Start again, or resume, what a test ended or suspended."""
    names = {"mariadb", "odd_mariadb", "postgresql"}.intersection(request.fixturenames)
    servers = [request.getfixturevalue(name) for name in names]
    engine = request.getfixturevalue("engine") if "engine" in request.fixturenames else None
    # Some tests have a parameter of that name.
    if isinstance(engine, Engine):
        servers.append(engine.server)
    yield
    for server in servers:
        server.ensure_running()


def serve(launch: Callable[[], Any]) -> Iterator[Any]:
    """Yield a running server and remove it; skip the test where its programs are not installed."""
    try:
        server = launch()
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing}, and CI is set", pytrace=False)
        pytest.skip(str(missing))
    yield server
    server.remove()
