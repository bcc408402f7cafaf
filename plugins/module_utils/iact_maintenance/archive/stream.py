"""Read a member's content as an iterator: the reader asks for the next piece."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Union

from ..host import Host
from ..processes import Limits
from .reading import Opened, Place
from .verify import read_member

_WAITING_PIECES = 8
_POLL_SECONDS = 0.2
_Piece = Union[bytes, BaseException, None]


class _Abandoned(Exception):
    """The reader has stopped, so the thread ends."""


class _Pump(threading.Thread):
    """Decompress in a thread, a few pieces ahead; its last piece is None or the exception."""

    def __init__(self, host: Host, archive: Opened, place: Place, limits: Limits) -> None:
        super().__init__(daemon=True)
        self._work = (host, archive, place, limits)
        self._abandoned = threading.Event()
        self.pieces: queue.Queue[_Piece] = queue.Queue(_WAITING_PIECES)

    def run(self) -> None:
        host, archive, place, limits = self._work
        last: _Piece = None
        try:
            read_member(host, archive, place, self._put, limits)
        except BaseException as trouble:
            last = trouble
        with contextlib.suppress(_Abandoned):
            self._put(last)

    def _put(self, piece: _Piece) -> None:
        while not self._abandoned.is_set():
            with contextlib.suppress(queue.Full):
                return self.pieces.put(piece, timeout=_POLL_SECONDS)
        raise _Abandoned

    def abandon(self) -> None:
        """End the thread and the programs that it started."""
        self._abandoned.set()
        self.join()


@contextlib.contextmanager
def content(host: Host, archive: Opened, place: Place, limits: Limits) -> Iterator[Iterator[bytes]]:
    """Return a context with the member's content as an iterator, which raises what `read_member` raises."""
    pump = _Pump(host, archive, place, limits)
    pump.start()
    try:
        yield _pieces(pump)
    finally:
        pump.abandon()


def _pieces(pump: _Pump) -> Iterator[bytes]:
    while True:
        piece = pump.pieces.get()
        if isinstance(piece, BaseException):
            raise piece
        if piece is None:
            return
        yield piece
