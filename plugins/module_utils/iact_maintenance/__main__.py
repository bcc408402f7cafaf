"""`python3 -m iact_maintenance`: the command, from a checkout."""

from __future__ import annotations

from .faces.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
