"""What Galaxy's importer remarks is found in what it prints, whatever its exit status is."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import packages
from tests.tools import galaxy

CHECKOUT = Path(__file__).resolve().parents[3]


def test_errors_and_warnings_are_found_and_a_name_is_none():
    text = "Loading module iact_backup\nWARNING: no role metadata found\nLoading role ERROR\nERROR: The import failed\n"
    assert galaxy.remarks(text) == ["WARNING: no role metadata found", "ERROR: The import failed"]


def test_no_file_of_the_collection_has_a_name_that_galaxy_refuses():
    """Galaxy takes names in lower case without two underlines in front."""
    names = [path.stem for path in (CHECKOUT / "plugins").rglob("*.py") if path.name != "__init__.py"]
    assert [name for name in names if name.startswith("__") or name != name.lower()] == []


def test_the_role_s_metadata_names_the_releases_that_the_role_supports():
    role = CHECKOUT / "roles/iact_maintenance"
    metadata = yaml.safe_load((role / "meta/main.yml").read_text(encoding="utf-8"))["galaxy_info"]
    numbers = {"bullseye": "11", "bookworm": "12", "trixie": "13"}
    stated = {one["name"]: [numbers[release] for release in one["versions"]] for one in metadata["platforms"]}
    assert stated == {"Debian": list(packages.SUPPORTED["debian"])}
    runtime = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"].startswith(f">={metadata['min_ansible_version']}")
