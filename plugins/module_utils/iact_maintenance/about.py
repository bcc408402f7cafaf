"""The program's name, its version and the path of its settings."""

from __future__ import annotations

NAME = "iact-maintenance"
VERSION = "0.1.1"
DEFAULT_CONFIG = "/etc/iact/maintenance.json"
