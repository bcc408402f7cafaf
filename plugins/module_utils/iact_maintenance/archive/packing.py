"""Compress and decompress members: with zstd as a stage of the pipeline, or with gzip in this process."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import MaintenanceError, ProcessFault, ToolMissing
from ..host import Host
from ..limits import CODE as SHORTAGE
from ..limits import shortage_in
from ..processes import Command, Completed, Limits, Sink

ZSTD, GZIP = "zstd", "gzip"
SUFFIXES = {ZSTD: ".zst", GZIP: ".gz"}
_GZIP_WINDOW = 31
_GZIP_LEVEL = 6
_STEP_BYTES = 1 << 18
_VERSION_LIMITS = Limits(deadline_seconds=10)


class Compression(NamedTuple):
    """The compression of members: by the program `tool`, or in this process if it is empty."""

    name: str
    tool: str = ""
    version: str = ""

    @property
    def suffix(self) -> str:
        """Return the suffix of a member's name."""
        return SUFFIXES[self.name]


def choose(host: Host) -> Compression:
    """Return zstd if the program is installed and works, otherwise gzip. Raise MaintenanceError `resources`."""
    try:
        tool = host.find_tool("zstd")
        asked = host.run(Command((tool, "--version")), _VERSION_LIMITS)
    except ToolMissing:
        return Compression(GZIP)
    except ProcessFault as fault:
        if fault.code == SHORTAGE:
            raise
        return Compression(GZIP)
    if asked.status != 0:
        trouble = shortage_in(asked.errors)
        if trouble is not None:
            raise trouble
        return Compression(GZIP)
    words = asked.output.decode("ascii", "replace").split()
    numbers = [word.strip("v,*") for word in words if word[:1] == "v" and word[1:2].isdigit()]
    return Compression(ZSTD, tool, numbers[0] if numbers else "")


class Packer:
    """Compress one member into `sink`: the output of a dump program (`run`), or chunks of bytes (`feed`)."""

    def __init__(self, host: Host, compression: Compression, sink: Sink) -> None:
        self._host, self._compression, self._sink = host, compression, sink
        self.raw_size_bytes = 0

    def run(self, host: Host, command: Command, observe: Sink, limits: Limits) -> Completed:
        """Run `command`; its output goes to `observe` unchanged and into the member compressed.

        Return how it ended. Raise ProcessFault if the compressor fails or a time limit is exceeded.
        """

        def tap(chunk: bytes) -> None:
            self.raw_size_bytes += len(chunk)
            observe(chunk)

        if self._compression.name == GZIP:
            packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

            def pack(chunk: bytes) -> None:
                tap(chunk)
                self._put(packer.compress(chunk))

            (done,) = host.pipeline([command], [pack], limits)
            self._put(packer.flush())
            return done
        done, packed = host.pipeline([command, self._packer()], [tap, self._sink], limits)
        if done.status == 0:
            _require(packed)
        return done

    def feed(self, chunks: Iterator[bytes], limits: Limits) -> None:
        """Write all of `chunks` into the member. Raise ProcessFault."""

        def counted() -> Iterator[bytes]:
            for chunk in chunks:
                self.raw_size_bytes += len(chunk)
                yield chunk

        if self._compression.name == GZIP:
            packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
            for chunk in counted():
                self._put(packer.compress(chunk))
            self._put(packer.flush())
            return
        (packed,) = self._host.pipeline([self._packer()], [self._sink], limits, counted())
        _require(packed)

    def _packer(self) -> Command:
        return Command((self._compression.tool, "-T0", "-3", "-q", "-c"))

    def _put(self, chunk: bytes) -> None:
        if chunk:
            self._sink(chunk)


def _require(done: Completed) -> None:
    if done.status != 0:
        trouble = shortage_in(done.errors)
        if trouble is not None:
            raise ProcessFault(trouble.code, f"{done.reason}: {trouble.message}", hint=trouble.hint)
        raise ProcessFault("compressor_failed", done.reason)


def unpacker(host: Host, compression: str) -> str:
    """Return the program that decompresses; empty if none is needed. Raise ToolMissing."""
    return "" if compression == GZIP else host.find_tool("zstd", hint="install zstd to read this archive")


def unpack(host: Host, compression: str, chunks: Iterator[bytes], sink: Sink, limits: Limits) -> None:
    """Decompress `chunks` into `sink`. Raise MaintenanceError `integrity`, ToolMissing or ProcessFault.

    Nothing is buffered: `sink` receives a hostile member in pieces and can stop it at any size.
    """
    if compression == GZIP:
        return _gunzip(chunks, sink)
    command = Command((unpacker(host, compression), "-d", "-q", "-c"))
    (done,) = host.pipeline([command], [sink], limits, chunks)
    if done.status != 0:
        raise MaintenanceError("integrity", f"it does not decompress: {done.reason}")


def _gunzip(chunks: Iterator[bytes], sink: Sink) -> None:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    begun = False
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(_GZIP_WINDOW)
                sink(unpacker.decompress(waiting, _STEP_BYTES))
                waiting = unpacker.unconsumed_tail or unpacker.unused_data
                begun = True
        while begun and not unpacker.eof:
            rest = unpacker.decompress(b"", _STEP_BYTES)
            if not rest:
                break
            sink(rest)
    except zlib.error:
        raise MaintenanceError("integrity", "it does not decompress") from None
    if not begun or not unpacker.eof:
        raise MaintenanceError("integrity", "it does not decompress: it ends early")
