"""Named tables of a real PostgreSQL: what refers to the rest of the database comes back, is named, or is refused."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import postgresql as engine
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import (
    DumpFacts,
    RestoreFacts,
    Source,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests import documents
from tests.integration import dumping, sites
from tests.integration.servers import PostgreSQL

TARGET = "iact_restore_tables"
# A Django table as it often is: it refers to another, and a trigger keeps it up to date.
REFERRING = (
    "CREATE TABLE team (id int PRIMARY KEY)",
    "INSERT INTO team VALUES (1), (2)",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TABLE metrics (id serial PRIMARY KEY, team_id int CONSTRAINT of_team REFERENCES team, value int CHECK "
    "(value > 0), next_id int CONSTRAINT of_itself REFERENCES metrics)",
    "CREATE INDEX ON metrics (value)",
    'CREATE TRIGGER "touch it" BEFORE INSERT ON metrics FOR EACH ROW EXECUTE FUNCTION touch()',
    'ALTER TABLE metrics DISABLE TRIGGER "touch it"',
    "COMMENT ON TRIGGER \"touch it\" ON metrics IS 'said'",
    "COMMENT ON CONSTRAINT of_team ON metrics IS 'said'",
    "INSERT INTO metrics (team_id, value) SELECT 1, n FROM generate_series(1, 100) n",
)


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    """Return an empty database."""
    name = postgresql.create_database()
    yield name
    postgresql.drop_database(name)


@pytest.fixture
def restorer(postgresql: PostgreSQL) -> Iterator[Login]:
    """Return an account for restores; the database it made is dropped afterwards."""
    user, password = postgresql.create_account()
    postgresql.execute(f"ALTER ROLE {user} CREATEDB")
    yield sites.account(postgresql, user, password, None, own_account=True)
    postgresql.drop_database(TARGET)
    postgresql.execute(f"DROP ROLE {user}")


def make(postgresql: PostgreSQL, database: str, *statements: str) -> None:
    """Run the statements there."""
    for statement in statements:
        postgresql.execute(statement, database=database)


def dumped(
    postgresql: PostgreSQL, database: str, *tables: str, allow_incomplete: bool = False
) -> tuple[DumpFacts, dumping.Kept]:
    """Return a dump of the named tables."""
    kept, source = dumping.Kept(), Source(f"postgresql.{database}", "postgresql", database, tables)
    options = dumping.backup(allow_incomplete=allow_incomplete)
    return engine.dump(sites.HOST, sites.login(postgresql, None), source, options, kept), kept


def restored(login: Login, facts: DumpFacts, kept: dumping.Kept, *tables: str) -> RestoreFacts:
    """Return what came back of a dump of the named tables."""
    source = Source("postgresql.site", "postgresql", "site", tables, rows=facts.rows)
    return dumping.restored(engine, login, source, TARGET, kept)


def constraints(postgresql: PostgreSQL, database: str) -> set[str]:
    """Return the names of the table's constraints."""
    query = "SELECT conname FROM pg_constraint WHERE conrelid = 'metrics'::regclass"
    return {name for (name,) in postgresql.execute(query, database=database)}


def test_a_table_that_refers_to_another_comes_back_and_what_it_lacks_is_named(
    postgresql: PostgreSQL, database: str, restorer: Login
) -> None:
    make(postgresql, database, *REFERRING)
    facts, kept = dumped(postgresql, database, "metrics")
    assert facts.findings == ()
    found = restored(restorer, facts, kept, "metrics")
    assert found.rows == facts.rows == {"metrics": 100}
    (finding,) = found.findings
    assert (finding.severity, finding.code) == ("warning", "skipped_objects")
    assert "ADD CONSTRAINT of_team FOREIGN KEY (team_id) REFERENCES public.team(id);" in finding.message
    assert 'CREATE TRIGGER "touch it" BEFORE INSERT ON public.metrics' in finding.message
    assert "of_itself" not in finding.message
    assert constraints(postgresql, TARGET) == constraints(postgresql, database) - {"of_team"}


def test_tables_that_refer_to_one_another_come_back_whole(
    postgresql: PostgreSQL, database: str, restorer: Login
) -> None:
    make(postgresql, database, *REFERRING, 'DROP TRIGGER "touch it" ON metrics')
    facts, kept = dumped(postgresql, database, "metrics", "team")
    assert restored(restorer, facts, kept, "metrics", "team").findings == ()
    assert constraints(postgresql, TARGET) == constraints(postgresql, database)


def test_anything_else_that_cannot_be_made_still_fails_the_restore(
    postgresql: PostgreSQL, database: str, restorer: Login
) -> None:
    make(postgresql, database, *REFERRING, "CREATE TYPE mood AS ENUM ('sad')", "ALTER TABLE metrics ADD mood mood")
    facts, kept = dumped(postgresql, database, "metrics", allow_incomplete=True)
    assert [finding.code for finding in facts.findings] == ["needs_whole_database"]
    with pytest.raises(errors.DatabaseFault, match=r'type "public\.mood" does not exist') as caught:
        restored(restorer, facts, kept, "metrics")
    assert caught.value.code == "restore_failed"
    assert not postgresql.execute("SELECT 1 FROM pg_database WHERE datname = %s", TARGET)


def test_a_whole_database_is_still_restored_with_everything_or_not_at_all(
    postgresql: PostgreSQL, database: str, restorer: Login
) -> None:
    make(postgresql, database, *REFERRING)
    facts, kept = dumped(postgresql, database, "metrics")
    with pytest.raises(errors.DatabaseFault, match=r"touch\(\) does not exist"):
        restored(restorer, facts, kept)


def test_tables_of_other_schemas_come_back_in_theirs(postgresql: PostgreSQL, database: str, restorer: Login) -> None:
    names = (("other", "metrics"), ("a.b", "me.trics"), ('o"t %s', "metrics"))
    for schema, table in names:
        quoted = f"{PostgreSQL.quote(schema)}.{PostgreSQL.quote(table)}"
        make(postgresql, database, f"CREATE SCHEMA {PostgreSQL.quote(schema)}", f"CREATE TABLE {quoted} AS SELECT 1")
    facts, kept = dumped(postgresql, database, "metrics", "me.trics")
    assert facts.rows == {"other.metrics": 1, "a.b.me.trics": 1, 'o"t %s.metrics': 1}
    found = restored(restorer, facts, kept, "metrics", "me.trics")
    assert (found.rows, found.findings) == (facts.rows, ())


@pytest.mark.parametrize(
    ("table", "outside"),
    [
        ("(m mood)", "type mood"),
        ("(m mood[])", "type mood[]"),
        ("(m email)", "type email"),
        ("(m pair)", "type pair"),
        ("(m public.other)", "type other"),
        ("(m int DEFAULT own(1))", "function own(integer)"),
        ("(a int, m int GENERATED ALWAYS AS (own(a)) STORED)", "function own(integer)"),
        ("(m int CHECK (own(m) > 0))", "function own(integer)"),
        ("(m int DEFAULT nextval('counter'))", "sequence counter"),
        ("(m int) INHERITS (other)", "table other"),
        ("PARTITION OF parted FOR VALUES IN (1)", "table parted"),
        ('(m text COLLATE "mine")', "collation mine"),
        ("(m int, EXCLUDE USING btree (own(m) WITH =))", "function own(integer)"),
        ("(m citext)", "type citext"),
    ],
)
def test_a_table_that_cannot_be_made_alone_is_refused_by_the_backup(
    postgresql: PostgreSQL, database: str, restorer: Login, table: str, outside: str
) -> None:
    make(
        postgresql,
        database,
        "CREATE TYPE mood AS ENUM ('sad')",
        "CREATE DOMAIN email AS text",
        "CREATE TYPE pair AS (a int, b int)",
        "CREATE TABLE other (id int)",
        "CREATE TABLE parted (id int) PARTITION BY LIST (id)",
        "CREATE SEQUENCE counter",
        "CREATE COLLATION mine (provider = icu, locale = 'de')",
        "CREATE FUNCTION own(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'",
        "CREATE EXTENSION citext",
        f"CREATE TABLE metrics {table}",
    )
    with pytest.raises(errors.DatabaseFault) as caught:
        dumped(postgresql, database, "metrics")
    assert caught.value.code == "needs_whole_database" and "postgresql_databases" in caught.value.hint
    assert f"metrics needs the {outside}" in caught.value.message
    # It is the truth: this dump cannot be restored.
    facts, kept = dumped(postgresql, database, "metrics", allow_incomplete=True)
    with pytest.raises(errors.DatabaseFault) as caught:
        restored(restorer, facts, kept, "metrics")
    assert caught.value.code == "restore_failed"


def test_whatever_belongs_to_a_table_itself_is_not_outside(
    postgresql: PostgreSQL, database: str, restorer: Login
) -> None:
    make(
        postgresql,
        database,
        "CREATE SCHEMA other",
        "CREATE TABLE other.metrics (id int GENERATED ALWAYS AS IDENTITY, old serial, day date, value text, "
        "doubled int GENERATED ALWAYS AS (length(value) * 2) STORED, UNIQUE (id, day), CHECK (day > '2000-01-01')) "
        "PARTITION BY RANGE (day)",
        "CREATE TABLE other.early PARTITION OF other.metrics FOR VALUES FROM ('2000-01-01') TO ('2020-01-01')",
        "CREATE INDEX ON other.metrics (lower(value) varchar_pattern_ops)",
        "CREATE STATISTICS other.both ON day, value FROM other.metrics",
        "ALTER TABLE other.metrics ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY seen ON other.metrics USING (value <> 'x')",
        "CREATE VIEW shown AS SELECT * FROM other.metrics",
        "CREATE PUBLICATION told FOR TABLE other.early",
        "CREATE TABLE other.pointing (day date, id int, FOREIGN KEY (id, day) REFERENCES other.metrics (id, day))",
        "INSERT INTO other.metrics (day, value) VALUES ('2010-01-01', 'x')",
    )
    facts, kept = dumped(postgresql, database, "metrics")
    found = restored(restorer, facts, kept, "metrics")
    assert (found.rows, found.findings, facts.findings) == ({"other.early": 1}, (), ())


def test_the_handbook_s_recipe_for_named_tables_brings_them_back(
    postgresql: PostgreSQL, database: str, tmp_path: Path
) -> None:
    make(postgresql, database, *REFERRING, "CREATE SCHEMA other", "CREATE TABLE other.metrics AS SELECT 1 AS id")
    _facts, kept = dumped(postgresql, database, "metrics")
    dump = tmp_path / "postgresql.iact.pgdump.zst"
    dump.write_bytes(subprocess.run(["zstd", "-c"], input=kept.content, capture_output=True, check=True).stdout)
    with tarfile.open(tmp_path / "iact_data_backup_20260131_020000.tar", "w") as archive:
        archive.add(dump, dump.name)
    lines = documents.typed(documents.section("### Manual restore of single PostgreSQL tables"))
    script = "\n".join(lines).replace("runuser -u postgres -- ", "").replace("copy", TARGET)
    environment = {
        **os.environ,
        "PGHOST": postgresql.host,
        "PGPORT": str(postgresql.port),
        "PGUSER": postgresql.admin_user,
        "PGPASSWORD": postgresql.admin_password,
    }
    try:
        done = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert "errors ignored on restore: 4" in done.stderr
        counted = "SELECT (SELECT count(*) FROM metrics), (SELECT count(*) FROM other.metrics)"
        assert postgresql.execute(counted, database=TARGET) == [(100, 1)]
    finally:
        postgresql.drop_database(TARGET)
