"""What pg_restore says where named tables lack something: which of it a restore may do without."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import postgresql_restore
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Completed
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Finding

TABLE = Source("postgresql.site", "postgresql", "site", ("metrics",))
KEY = """pg_restore: error: could not execute query: ERROR:  relation "public.team" does not exist
Command was: ALTER TABLE ONLY public."met rics"
    ADD CONSTRAINT of_team FOREIGN KEY (team_id) REFERENCES public.team(id);


"""
# Up to PostgreSQL 14 there are more words around it.
OLD_TRIGGER = """pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3212; 2620 16399 TRIGGER metrics touched iact
pg_restore: error: could not execute query: FEHLER:  Funktion public.touch() existiert nicht
Command was: CREATE TRIGGER touched BEFORE INSERT ON public.metrics FOR EACH ROW EXECUTE FUNCTION public.touch();


"""
INDEX = """pg_restore: error: could not execute query: ERROR:  operator class "gin_trgm_ops" does not exist
Command was: CREATE INDEX i ON public.metrics USING gin (value gin_trgm_ops);


"""
CHECK = """pg_restore: error: could not execute query: ERROR:  function public.own(integer) does not exist
Command was: ALTER TABLE public.metrics
    ADD CONSTRAINT of_own CHECK (public.own(id) FOREIGN KEY > 0) NOT VALID;


"""
IMITATION = """pg_restore: error: could not execute query: ERROR:  type "public.mood" does not exist
Command was: CREATE TABLE public.metrics (mood public.mood, value text DEFAULT '
Command was: CREATE TRIGGER x');


"""
COPY = 'pg_restore: error: COPY failed for table "metrics": ERROR:  invalid input syntax\nCONTEXT:  COPY metrics\n'


def judged(said: str, ignored: int, source: Source = TABLE) -> tuple[Finding, ...]:
    """Return what is made of a restore that said this and ignored so many errors."""
    errors_said = f"{said}pg_restore: warning: errors ignored on restore: {ignored}\n" if ignored else said
    return postgresql_restore._skipped_objects(Completed("pg_restore", 1, errors_said), source, "iact_restore_1")


def test_a_restore_that_ended_well_leaves_nothing_out() -> None:
    assert postgresql_restore._skipped_objects(Completed("pg_restore", 0, ""), TABLE, "iact_restore_1") == ()


def test_foreign_keys_and_triggers_that_need_others_are_named() -> None:
    (finding,) = judged(KEY + OLD_TRIGGER, 2)
    assert (finding.severity, finding.code) == ("warning", "skipped_objects")
    assert 'ALTER TABLE ONLY public."met rics" ADD CONSTRAINT of_team FOREIGN KEY' in finding.message
    assert finding.message.endswith("EXECUTE FUNCTION public.touch();")


@pytest.mark.parametrize("other", [INDEX, CHECK, IMITATION, COPY, "pg_restore: error: could not read input\n"])
def test_any_other_error_fails_the_restore_and_is_the_one_that_is_told(other: str) -> None:
    with pytest.raises(errors.DatabaseFault) as caught:
        judged(KEY + other, 2)
    assert caught.value.code == "restore_failed"
    assert other.splitlines()[0] in caught.value.message and "team" not in caught.value.message


@pytest.mark.parametrize(("ignored", "source"), [(2, TABLE), (0, TABLE), (1, TABLE._replace(tables=()))])
def test_a_restore_that_did_not_say_all_of_it_or_is_of_a_whole_database_fails(ignored: int, source: Source) -> None:
    with pytest.raises(errors.DatabaseFault, match="failed: "):
        judged(KEY, ignored, source)
