"""What this program is called, which version it is, and where its settings are."""

from __future__ import annotations

NAME = "iact-maintenance"
VERSION = "0.1.1"
DEFAULT_CONFIG = "/etc/iact/maintenance.json"
