"""How the command's own process begins and ends; a process of somebody else's, Ansible's, does neither."""

from __future__ import annotations

import gc
import os

# Python's default of 700 would search the code that is being loaded for garbage again and again; still a number,
# because a long job may make any amount of it.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def start() -> None:
    """Never returns: the process ends with the exit status of its command line, whatever still hangs in it."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    from .cli import main

    # At once, because a check that was given up may hang in a driver, which must not be torn down under it. What was
    # to be seen is written: faces/terminal.py leaves nothing in a buffer.
    os._exit(main())
