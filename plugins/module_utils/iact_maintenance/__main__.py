"""`python3 -m iact_maintenance`: the command, from a checkout."""

from __future__ import annotations

from .faces.start import start

if __name__ == "__main__":
    start()
