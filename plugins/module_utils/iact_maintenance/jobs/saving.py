"""Write components into an archive, one member each, and record what could not be saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..archive.manifest import Component, Member
from ..archive.packing import Compression, Packer
from ..archive.writer import ArchiveWriter, Unwritable
from ..dumps.dumper import Dump
from ..dumps.model import NothingLeft, Source
from ..errors import MaintenanceError
from ..host import Host
from ..report import REPORT_HINT, Finding, location_of
from ..tar import member_name
from .components import Trouble

_SCHEMA_CHANGED = "schema_changed"


@dataclass
class Saved:
    """What was saved, and troubles; `notes` are sentences for the manifest only.

    `skipped` names what existed when it was located and has nothing to save any more.
    """

    components: list[Component] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Saver(NamedTuple):
    """Write components into an archive; `dumps` has the function that dumps each of them."""

    host: Host
    archive: ArchiveWriter
    dumps: Mapping[str, Dump]
    compression: Compression

    def attempt(self, saved: Saved, source: Source) -> None:
        """Write a component into the archive, or record its trouble. Raise Unwritable, which ends the run."""
        try:
            self._save(saved, source)
        except Unwritable:
            raise
        except NothingLeft as nothing:
            saved.skipped.append(source.component)
            saved.findings += nothing.facts.findings
            saved.notes += nothing.facts.notes
        except MaintenanceError as error:
            saved.troubles.append(Trouble(source.component, error))
        except Exception as fault:
            # A fault of ours that one component meets must not cost the others.
            trouble = MaintenanceError("internal_fault", f"internal fault: {location_of(fault)}", hint=REPORT_HINT)
            saved.troubles.append(Trouble(source.component, trouble))

    def _save(self, saved: Saved, source: Source) -> None:
        """Write a component into the archive, with one retry if its schema changed during the dump."""
        try:
            self._save_once(saved, source)
        except MaintenanceError as error:
            if error.code != _SCHEMA_CHANGED:
                raise
            self._save_once(saved, source)

    def _save_once(self, saved: Saved, source: Source) -> None:
        with self.archive.member() as sink:
            packer = Packer(self.host, self.compression, sink)
            facts = self.dumps[source.component](packer)
            sink.name = member_name("", source.component, f".{facts.suffix}{self.compression.suffix}")
        member = Member(sink.name, self.compression.name, sink.size_bytes, sink.sha256, packer.raw_size_bytes)
        component = Component(
            source.component,
            source.engine,
            source.database,
            member,
            source.tables,
            facts.rows,
            facts.rows_reason,
            facts.server_version,
            facts.server_identity,
            facts.tool,
            facts.files,
        )
        saved.components.append(component)
        saved.findings += facts.findings
        saved.notes += facts.notes
