"""Begin and end the process of the command; when a module runs a job, Ansible does that."""

from __future__ import annotations

import gc
import os
import signal

# Python's default of 700 would search the code that is being loaded for garbage again and again; still a number,
# because a long job may make any amount of it.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def start() -> None:
    """Run the command line and end the process with its exit status, even if a thread hangs."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until guards.protect() is called, signals end the process without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    from .command import main

    # At once, because a check that was given up may hang in a driver, which must not be torn down under it. What was
    # to be seen is written: cli/terminal.py leaves nothing in a buffer.
    os._exit(main())


if __name__ == "__main__":
    # `python3 -m iact_maintenance.cli.start`, from a checkout; Galaxy refuses a collection that has a `__main__.py`
    start()
