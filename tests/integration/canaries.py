"""A look-out for secrets in every process's arguments and environment (rig 13)."""

from __future__ import annotations

import base64
import contextlib
import json
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

POLL_SECONDS = 0.005


@dataclass
class Found:
    """How often all processes were looked at, and where the secret stood."""

    looks: int = 0
    places: list[str] = field(default_factory=list)


@contextlib.contextmanager
def watching(secret: str) -> Iterator[Found]:
    """Look at all processes until the end of the block; this one's own memory holds the secret, so it is left out."""
    raw = secret.encode()
    forms = [raw, quote(secret, safe="").encode(), base64.b64encode(raw), json.dumps(secret)[1:-1].encode(),
             shlex.quote(secret).encode()]  # fmt: skip
    sightings, done = Found(), threading.Event()
    thread = threading.Thread(target=_look, args=(forms, sightings, done), daemon=True)
    thread.start()
    try:
        yield sightings
    finally:
        done.set()
        thread.join()


def _look(forms: list[bytes], sightings: Found, done: threading.Event) -> None:
    while not done.wait(POLL_SECONDS):
        sightings.looks += 1
        for folder in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    content = (folder / name).read_bytes()
                    sightings.places += [f"{folder}/{name}" for form in forms if form in content]
