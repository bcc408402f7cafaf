"""Find what named PostgreSQL tables need that a dump of them does not contain.

`pg_dump --table` silently omits types, functions and parent tables, without which a table cannot be created. Foreign
keys and triggers are not considered: a restore works without them and reports them.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import DatabaseFault
from ..report import Finding
from ..secret import printable
from .model import Source

# `inside` is what the dump holds: the tables, then everything that goes when they are dropped (their types, defaults,
# constraints, indexes, sequences, policies, partitions' indexes). What depends on a schema is left out, because the
# restore makes schemas; objects below 16384 are those that every database has.
OUTSIDE = """
WITH RECURSIVE inside (class, object, of_table) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, t, t::pg_catalog.regclass
    FROM pg_catalog.unnest(%s::oid[]) t
    UNION
    SELECT d.classid, d.objid, inside.of_table FROM inside JOIN pg_catalog.pg_depend d
    ON d.refclassid = inside.class AND d.refobjid = inside.object AND d.deptype IN ('a', 'i', 'P', 'S')
    LEFT JOIN pg_catalog.pg_constraint c ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
    AND c.oid = d.objid WHERE c.contype IS DISTINCT FROM 'f' AND d.classid NOT IN (
    'pg_catalog.pg_trigger'::pg_catalog.regclass, 'pg_catalog.pg_publication_rel'::pg_catalog.regclass)
)
SELECT DISTINCT inside.of_table::text, pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0)
FROM inside JOIN pg_catalog.pg_depend d ON d.classid = inside.class AND d.objid = inside.object
WHERE d.refobjid >= 16384 AND d.refclassid <> 'pg_catalog.pg_namespace'::pg_catalog.regclass
AND (d.refclassid, d.refobjid) NOT IN (SELECT class, object FROM inside) ORDER BY 1, 2
"""
_SHOWN_THINGS = 10


def check(source: Source, needed: Iterable[tuple[str, str]], *, allow_incomplete: bool) -> tuple[Finding, ...]:
    """Return a warning that names what is missing, if that is allowed. Raise DatabaseFault `needs_whole_database`."""
    things = [f"{table} needs the {thing}" for table, thing in needed]
    if not things:
        return ()
    shown = printable(", ".join(things[:_SHOWN_THINGS]))
    message = f"a dump of only the tables of {source.component} could not be restored: {shown}"
    hint = "back up the whole database with backup.postgresql_databases"
    if not allow_incomplete:
        raise DatabaseFault("needs_whole_database", message, hint=hint)
    return (Finding("warning", "needs_whole_database", subject=source.component, message=message, hint=hint),)
