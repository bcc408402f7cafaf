"""What this program is called and which version it is."""

from __future__ import annotations

NAME = "iact-maintenance"
VERSION = "0.1.0"
