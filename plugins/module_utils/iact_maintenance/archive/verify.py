"""Verify an archive: read every byte and decompress every member to its end."""

from __future__ import annotations

from ..errors import Damaged, MaintenanceError
from ..host import Host
from ..processes import Limits, Sink
from .packing import unpack
from .reading import Layout, Opened, Place, member_chunks, read_layout


def verify(host: Host, archive: Opened, limits: Limits) -> Layout:
    """Return the layout of an archive after verifying it. Raise Damaged, ToolMissing or ProcessFault."""
    layout = read_layout(archive)
    for place in layout.places:
        read_member(host, archive, place, _ignore, limits)
    return layout


def _ignore(_chunk: bytes) -> None:
    return


def read_member(host: Host, archive: Opened, place: Place, sink: Sink, limits: Limits) -> None:
    """Decompress the member into `sink` and verify digest and size.

    Raise Damaged, also as soon as the content is larger than the manifest says.
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
        raise Damaged(archive.label, member.name, f"it is {left:,} bytes shorter than the manifest states")
