"""Proves an archive: every byte is read, every member decompressed to its end."""

from __future__ import annotations

from ..errors import Damaged, MaintenanceError
from ..host import Host
from ..processes import Limits, Sink
from .packing import unpack
from .reading import Layout, Opened, Place, member_chunks, read_layout


def verify(host: Host, archive: Opened, limits: Limits) -> Layout:
    """Return the layout of an archive that is proven whole. Raise Damaged, ToolMissing or ProcessFault."""
    layout = read_layout(archive)
    for place in layout.places:
        read_member(host, archive, place, _ignore, limits)
    return layout


def _ignore(_chunk: bytes) -> None:
    return


def read_member(host: Host, archive: Opened, place: Place, sink: Sink, limits: Limits) -> None:
    """Read the member's content decompressed into `sink`, proven by digest and size.

    Raise Damaged; at the first byte more than the manifest states, whatever a hostile member would still grow to.
    """
    member = place.component.member
    left = member.raw_size_bytes

    def bounded(chunk: bytes) -> None:
        nonlocal left
        left -= len(chunk)
        if left < 0:
            raise Damaged(archive.label, member.name, f"it is larger than its {member.raw_size_bytes} bytes")
        sink(chunk)

    try:
        unpack(host, member.compression, member_chunks(archive, place), bounded, limits)
    except Damaged:
        raise
    except MaintenanceError as error:
        if error.code != "integrity":
            raise
        raise Damaged(archive.label, member.name, error.message) from None
    if left:
        raise Damaged(archive.label, member.name, f"it is {left} bytes shorter than the manifest states")
