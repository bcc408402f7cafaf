from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import (
    Component,
    Manifest,
    Member,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import table as dumps_table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source, of_database
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.servers import ServerDumper
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    MaintenanceError,
    Refused,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import components
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build

BOTH = {"mysql": {"login_user": "a"}, "postgresql": {"login_user": "b"}}


class Engine(ModuleType):
    """A server whose catalogue shows these tables, or that cannot be asked."""

    def __init__(self, name: str, tables: tuple[str, ...], trouble: MaintenanceError | None = None) -> None:
        super().__init__(name)
        self.engine, self.tables, self.trouble, self.asked = name, tables, trouble, 0

    def locate(self, settings: object, server: object, host: object) -> list[Source]:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return [of_database(self.engine, "iact", self.tables, whole=False)] if self.tables else []


def located(
    monkeypatch: pytest.MonkeyPatch, engines: list[Engine], backup: dict[str, object], **sections: object
) -> components.Located:
    for engine in engines:
        monkeypatch.setitem(dumps_table.DUMPERS, engine.engine, ServerDumper(engine.engine, engine))
    settings = build([Layer("test", {**sections, "backup": backup})])
    components.check_configured(settings)
    return components.locate(settings, Host())


def test_b1_a_table_is_looked_up_in_every_configured_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = [Engine("mysql", ("dora_metrics",)), Engine("postgresql", ("dora_metrics",))]
    found = located(monkeypatch, engines, {"tables": ["dora_metrics"]}, **BOTH)
    assert [source.component for source in found.sources] == ["mysql.iact", "postgresql.iact"]
    assert found.troubles == ()


def test_b4_a_server_that_is_down_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    down = Engine("mysql", (), MaintenanceError("db_unreachable", "nothing listens"))
    found = located(monkeypatch, [down, Engine("postgresql", ("t",))], {"tables": ["t"]}, **BOTH)
    assert [source.engine for source in found.sources] == ["postgresql"]
    assert [(trouble.name, trouble.error.code) for trouble in found.troubles] == [("mysql", "db_unreachable")]


def manifest(*engines: str) -> Manifest:
    """Return the manifest of an archive with a component of each engine."""
    member = Member("m", "zstd", 1, "0" * 64, 1)
    components = tuple(Component(f"{engine}.iact", engine, "iact", member, ("t",)) for engine in engines)
    return Manifest(datetime(2026, 1, 1, tzinfo=timezone.utc), "h", components)


@pytest.mark.parametrize("down", ["mysql", "postgresql"])
def test_g24_a_server_that_nothing_was_ever_saved_from_fails_no_backup(
    monkeypatch: pytest.MonkeyPatch, down: str
) -> None:
    (up,) = {"mysql", "postgresql"} - {down}
    engines = [Engine(down, (), MaintenanceError("db_unreachable", "nothing listens")), Engine(up, ("t",))]
    section = {"tables": ["t"]}
    found = located(monkeypatch, engines, section, **BOTH)
    site = build([Layer("test", {**BOTH, "backup": section})])
    for earlier in ([], [manifest(up), manifest(up, down)], [manifest(up, down)]):
        assert [each.name for each in components.compared(found, earlier, site).troubles][:1] == [down]
    judged = components.compared(found, [manifest(up), manifest(up)], site)
    assert judged.troubles == () and [source.engine for source in judged.sources] == [up]
    (finding,) = judged.findings
    assert (finding.severity, finding.code) == ("warning", "db_unreachable") and down in finding.message
    # Its databases are named: then it is no bystander, whatever earlier archives hold.
    named = build([Layer("test", {**BOTH, "backup": {**section, f"{down}_databases": ["iact"]}})])
    assert [each.name for each in components.compared(found, [manifest(up)], named).troubles] == [down]


def test_g24_a_table_that_is_found_nowhere_else_fails_although_the_server_that_is_down_never_had_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engines = [Engine("mysql", (), MaintenanceError("auth", "no")), Engine("postgresql", ())]
    found = located(monkeypatch, engines, {"tables": ["t"]}, **BOTH)
    site = build([Layer("test", {**BOTH, "backup": {"tables": ["t"]}})])
    judged = components.compared(found, [manifest("postgresql")], site)
    assert "table t" in [each.name for each in judged.troubles]


def test_a_table_found_nowhere_is_a_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    found = located(monkeypatch, [Engine("mysql", ("t",))], {"tables": ["t", "u"]}, mysql=BOTH["mysql"])
    assert [trouble.name for trouble in found.troubles] == ["table u"]


def test_a_connection_alone_configures_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mysql = Engine("mysql", ())
    assert located(monkeypatch, [mysql], {"log_directory": str(tmp_path)}, **BOTH).sources == ()
    assert mysql.asked == 0
    with pytest.raises(Refused, match="nothing is configured"):
        located(monkeypatch, [mysql], {}, **BOTH)


@pytest.mark.parametrize(
    "backup", [{"tables": ["t"]}, {"mysql_databases": ["iact"]}, {"postgresql_databases": ["iact"]}]
)
def test_what_has_no_connection_is_refused(monkeypatch: pytest.MonkeyPatch, backup: dict[str, object]) -> None:
    with pytest.raises(Refused) as raised:
        located(monkeypatch, [], backup)
    assert raised.value.code == "not_configured"


def test_logs_that_cannot_be_read_hide_no_missing_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = {"tables": ["t"], "log_directory": str(tmp_path / "none")}
    found = located(monkeypatch, [Engine("mysql", ())], options, mysql=BOTH["mysql"])
    assert {trouble.name for trouble in found.troubles} == {"logs", "table t"}
