"""The cleanup as a job against real servers: what it deletes, what it never deletes, and how it ends when they fail."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import settings
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import runner, session_cleanup
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Report
from tests.faults import closed_port, tarpit
from tests.integration import sites
from tests.integration.servers import MariaDB, Server

TABLE = "django_session"
FILL = {
    MariaDB: "INSERT INTO {} SELECT CONCAT('{}', seq), 'x', %s FROM seq_1_to_{}",
    None: "INSERT INTO {} SELECT '{}' || n, 'x', %s FROM generate_series(1, {}) n",
}


@dataclass(frozen=True)
class Site:
    """A database with sessions on a real server, and how the job is told where it is."""

    server: Server
    database: str
    state: Path

    @property
    def engine(self) -> str:
        """Return the name of the section."""
        return "mysql" if isinstance(self.server, MariaDB) else "postgresql"

    def stored(self, moment: datetime) -> datetime:
        """Return what the column stores for a moment, where the site stores UTC."""
        return moment.replace(tzinfo=None) if isinstance(self.server, MariaDB) else moment

    def fill(self, prefix: str, rows: int, rest: timedelta) -> None:
        """Add sessions, all expiring after the given time from now."""
        template = FILL[MariaDB if isinstance(self.server, MariaDB) else None]
        statement = template.format(TABLE, prefix, rows)
        moment = datetime.now(timezone.utc) + rest
        self.server.execute(statement, self.stored(moment), database=self.database)

    def session_keys(self) -> set[str]:
        """Return the keys of all sessions."""
        return set(sites.keys(self.server, self.database))

    def clean(self, *, dry_run: bool = False, connection: dict[str, object] | None = None, **options: object) -> Report:
        """Return the report of one run of the job."""
        named: dict[str, object] = {
            "login_host": self.server.host,
            "login_port": self.server.port,
            "login_user": self.server.admin_user,
            "login_password": self.server.admin_password,
            "login_db": self.database,
            **(connection or {}),
        }
        layer = {
            self.engine: named,
            "state_directory": str(self.state),
            "session_cleanup": {"pause_seconds": 0, "use_tz": True, **options},
        }
        built = settings.build([settings.Layer("the test", layer)])
        return runner.run(session_cleanup.JOB, built, Host({}), runner.Mode(dry_run=dry_run))


@pytest.fixture(params=["mariadb", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Return a database with an empty session table on each kind of server."""
    server: Server = request.getfixturevalue(request.param)
    name = server.create_database()
    sites.create_sessions(server, name)
    yield Site(server, name, tmp_path)
    server.ensure_running()
    server.drop_database(name)


def codes(report: Report) -> list[str]:
    """Return the codes of a report's findings."""
    return [finding.code for finding in report.findings]


def test_c1_c2_c3_x2_what_is_announced_is_deleted_and_nothing_else(site: Site) -> None:
    for prefix, rest in (("old", -timedelta(days=40)), ("young", -timedelta(days=20)), ("live", timedelta(hours=1))):
        site.fill(prefix, 50, rest)
    announced = site.clean(dry_run=True, days=30, batch_rows=7)
    assert (announced.facts["total"], announced.facts["expired"], announced.facts["eligible"]) == (150, 100, 50)
    assert len(site.session_keys()) == 150
    report = site.clean(days=30, batch_rows=7)
    assert (report.exit_status, report.changed, report.facts["deleted"], codes(report)) == (0, True, 50, [])
    assert {key.rstrip("0123456789") for key in site.session_keys()} == {"young", "live"}
    assert not site.clean(days=30).changed


def test_x5_x6_the_sizes_are_those_that_each_server_states(site: Site) -> None:
    site.fill("old", 1000, -timedelta(days=1))
    report = site.clean()
    for name in ("size_before", "size_after"):
        size: Any = report.facts[name]
        assert size["total_bytes"] > 0 and "reason" in size
    assert report.exit_status == 0


def test_fd40_of_1000_renewals_that_race_the_cleanup_none_is_lost(site: Site) -> None:
    site.fill("k", 2000, -timedelta(days=1))
    names = [f"k{number}" for number in range(1, 2001)]
    random.Random(40).shuffle(names)
    renewed: list[str] = []
    begun = threading.Event()

    def renew() -> None:
        statement = f"UPDATE {TABLE} SET expire_date = %s WHERE session_key = %s"
        later = site.stored(datetime.now(timezone.utc) + timedelta(hours=1))
        with contextlib.closing(site.server.connect(site.database)) as connection, connection.cursor() as cursor:
            for key in names[:1000]:
                # A deadlock's victim was rolled back: it renewed nothing, and an application would try again.
                with contextlib.suppress(Exception):
                    cursor.execute(statement, (later, key))
                    if cursor.rowcount:
                        renewed.append(key)
                begun.set()

    thread = threading.Thread(target=renew)
    thread.start()
    begun.wait(10)
    report = site.clean(batch_rows=10)
    thread.join()
    assert report.exit_status == 0
    assert site.session_keys() == set(renewed)
    deleted = report.facts["deleted"]
    assert isinstance(deleted, int) and deleted + len(renewed) == 2000
    assert 10 < len(renewed) <= 1000 <= deleted


def test_fd38_a_server_killed_while_it_deletes_keeps_what_lives_and_the_next_run_goes_on(site: Site) -> None:
    site.fill("old", 20_000, -timedelta(days=1))
    site.fill("live", 100, timedelta(hours=1))
    ended: list[Report] = []
    thread = threading.Thread(target=lambda: ended.append(site.clean(batch_rows=10)))
    thread.start()
    while len(site.session_keys()) > 20_000:
        time.sleep(0.01)
    site.server.kill()
    thread.join(30)
    (report,) = ended
    assert report.exit_status == 1 and codes(report)[0] in ("connection_lost", "db_unreachable")
    assert report.changed and isinstance(report.facts["deleted"], int) and report.facts["deleted"] > 0
    site.server.ensure_running()
    assert sum(key.startswith("live") for key in site.session_keys()) == 100
    assert site.clean().exit_status == 0
    assert len(site.session_keys()) == 100


def test_fd01_fd04_a_server_that_is_away_or_hangs_fails_within_the_deadline(site: Site) -> None:
    with closed_port() as port:
        report = site.clean(connection={"login_port": port})
    assert (report.exit_status, codes(report)) == (1, ["db_unreachable"])
    assert str(port) in report.summary
    began = time.monotonic()
    with tarpit() as port:
        report = site.clean(connection={"login_port": port, "connect_timeout": 1})
    assert (report.exit_status, codes(report)) == (1, ["timeout"])
    assert time.monotonic() - began < 3


def test_fd24_a_wrong_password_fails_once_and_shows_nowhere(site: Site) -> None:
    report = site.clean(connection={"login_password": "canary-1c9d"})
    assert (report.exit_status, codes(report)) == (1, ["auth"])
    assert "canary" not in repr(report.as_dict())


def test_fd30_a_missing_table_fails_unless_it_may_be_missing(site: Site) -> None:
    site.server.execute(f"DROP TABLE {TABLE}", database=site.database)
    report = site.clean()
    assert (report.exit_status, codes(report)) == (1, ["no_table"])
    assert site.clean(missing_ok=True).exit_status == 0


def test_fd31_a_table_that_is_not_a_session_table_is_refused_before_any_delete(site: Site) -> None:
    site.server.execute("CREATE TABLE auth_user (id int PRIMARY KEY, username varchar(150))", database=site.database)
    site.server.execute("INSERT INTO auth_user VALUES (1, 'x')", database=site.database)
    report = site.clean(table="auth_user")
    assert (report.exit_status, codes(report)) == (2, ["not_a_session_table"])
    assert site.server.execute("SELECT COUNT(*) FROM auth_user", database=site.database) == [(1,)]


@pytest.mark.parametrize("table", ["x; DROP TABLE django_session", "a`b", '"a"', "db.tbl", "x" * 65, "%s"])
def test_fi05_a_hostile_table_name_is_no_table_and_harms_nothing(site: Site, table: str) -> None:
    site.fill("old", 3, -timedelta(days=1))
    report = site.clean(table=table)
    assert (report.exit_status, codes(report)) == (1, ["no_table"])
    assert len(site.session_keys()) == 3


def test_a_connection_that_is_read_only_is_never_cleaned(site: Site) -> None:
    site.fill("old", 3, -timedelta(days=1))
    report = site.clean(connection={"read_only": True}, engine=site.engine)
    assert (report.exit_status, codes(report)) == (2, ["read_only"])
    assert len(site.session_keys()) == 3


def test_fd32_a_table_without_an_index_is_cleaned_with_a_warning(site: Site) -> None:
    site.fill("old", 30, -timedelta(days=1))
    index = "expires ON django_session" if site.engine == "mysql" else "django_session_expire_date_idx"
    site.server.execute(f"DROP INDEX {index}", database=site.database)
    report = site.clean(batch_rows=7)
    assert (report.exit_status, codes(report), report.facts["deleted"]) == (0, ["no_index"], 30)


@pytest.mark.long
def test_fd38_a_hundred_kills_at_random_times_lose_no_live_session(site: Site) -> None:
    site.fill("live", 100, timedelta(hours=1))
    chance = random.Random(38)
    for number in range(100):
        site.fill(f"old{number}-", 3000, -timedelta(days=1))
        ended: list[Report] = []
        thread = threading.Thread(target=lambda kept=ended: kept.append(site.clean(batch_rows=20)))
        thread.start()
        time.sleep(chance.uniform(0, 0.3))
        site.server.kill()
        thread.join(60)
        site.server.ensure_running()
        assert ended[0].exit_status in (0, 1)
        assert sum(key.startswith("live") for key in site.session_keys()) == 100
        assert site.clean().exit_status == 0
        assert len(site.session_keys()) == 100
