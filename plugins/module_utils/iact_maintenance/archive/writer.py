"""Write an archive front to back into one `.part` file; a repository publishes it under its final name.

A member's size is not known before its dump ends, so its header is written first and patched by seeking back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .. import tar
from ..errors import StorageFault
from ..files import check_room, close, create, mark_in_use, storage, write_all
from .manifest import DIGEST, MANIFEST, Manifest, digest_line
from .reading import Opened, stamp_of


class Unwritable(StorageFault):
    """The archive file cannot be written, so the remaining components cannot be saved either."""


@contextlib.contextmanager
def writing(path: str) -> Iterator[None]:
    """Return a context that turns faults of the archive's file into Unwritable."""
    try:
        with storage(path):
            yield
    except StorageFault as fault:
        raise Unwritable(fault.code, fault.message, hint=fault.hint) from None


@dataclass
class MemberSink:
    """Receive a member's compressed bytes; `name` may change until the end, since a dump's kind is known only then."""

    descriptor: int
    path: str
    name: str
    keep_free_bytes: int = 0
    size_bytes: int = 0

    def __post_init__(self) -> None:
        self._digest = hashlib.sha256()

    def __call__(self, chunk: bytes) -> None:
        """Write the chunk. Raise Unwritable, also if too little disk space would remain."""
        with writing(self.path):
            if self.keep_free_bytes:
                check_room(self.descriptor, os.path.dirname(self.path), len(chunk) + self.keep_free_bytes)
            write_all(self.descriptor, chunk)
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    @property
    def sha256(self) -> str:
        """Return the digest of all bytes received, in hexadecimal."""
        return self._digest.hexdigest()


class ArchiveWriter:
    """An archive being written, in a file that nobody takes for one and that goes away unless it is published.

    `part` is the file's name while it is written. It is locked as long as it is open, so that another run of this host,
    whatever became of the lock between the two, leaves it alone.
    """

    def __init__(self, folder: int, directory: str, part: str, created_at: datetime, keep_free_bytes: int = 0) -> None:
        self.folder, self.part, self._keep_free_bytes = folder, part, keep_free_bytes
        self._modified = int(created_at.timestamp())
        self.path = os.path.join(directory, self.part)
        with writing(self.path):
            self.descriptor = create(self.part, folder=folder)

    def __enter__(self) -> ArchiveWriter:
        try:
            with writing(self.path):
                mark_in_use(self.descriptor)
                # A umask of 0777 would remove even the owner's rights.
                os.fchmod(self.descriptor, 0o600)
                # Before any dump is started, because a disk that refuses this also refuses the archive.
                os.fsync(self.descriptor)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        # While it is locked, so that nobody else takes it for a leftover; after a link its own name is still there.
        with contextlib.suppress(OSError):
            os.unlink(self.part, dir_fd=self.folder)
        close(self.descriptor)

    @contextlib.contextmanager
    def member(self, name: str = "") -> Iterator[MemberSink]:
        """Return a context whose sink writes a member; after an exception the archive is unchanged."""
        with writing(self.path):
            start = os.lseek(self.descriptor, 0, os.SEEK_CUR)
            write_all(self.descriptor, bytes(tar.BLOCK_BYTES))
        sink = MemberSink(self.descriptor, self.path, name, self._keep_free_bytes)
        try:
            yield sink
            with writing(self.path):
                write_all(self.descriptor, tar.padding(sink.size_bytes))
                patch = tar.build(tar.Header(sink.name, sink.size_bytes, self._modified))
                if os.pwrite(self.descriptor, patch, start) != len(patch):
                    raise Unwritable("storage", f"{self.path}: a header could not be written")
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self.descriptor, start)
                os.lseek(self.descriptor, start, os.SEEK_SET)
            raise

    def finish(self, manifest: Manifest) -> None:
        """Complete and sync the archive, still under its temporary name. Raise StorageFault."""
        content = manifest.to_bytes()
        for name, data in ((MANIFEST, content), (DIGEST, digest_line(content))):
            with self.member(name) as sink:
                sink(data)
        with writing(self.path):
            write_all(self.descriptor, tar.END)
            # Never retried: after a fault the kernel forgets the pages, and a second fsync would report success.
            os.fsync(self.descriptor)

    def reopened(self) -> Opened:
        """Return the archive for reading, through the same open file."""
        with writing(self.path):
            stamp = stamp_of(os.fstat(self.descriptor))
            return Opened(os.dup(self.descriptor), self.part, stamp)
