"""The servers that integration tests share; each test finds them running, whatever the one before did to them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.servers import MariaDB, PostgreSQL, Server, ServerMissing


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server of our own."""
    yield from serve(MariaDB)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of our own."""
    yield from serve(PostgreSQL)


@pytest.fixture(autouse=True)
def mended_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Starts again, or lets go on, what a test ended or suspended."""
    yield
    for name in {"mariadb", "postgresql"}.intersection(request.fixturenames):
        request.getfixturevalue(name).ensure_running()


def serve(kind: type[MariaDB | PostgreSQL]) -> Iterator[Server]:
    """Gives a running server and removes it; skips the test where its programs are not installed."""
    try:
        server = kind.launch()
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing}, and CI is set", pytrace=False)
        pytest.skip(str(missing))
    yield server
    server.remove()
