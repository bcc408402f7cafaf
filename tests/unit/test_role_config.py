"""What the role writes into the config file beside what a site says."""

from __future__ import annotations

import json

from tests.unit.role import rendered


def test_h1_health_is_told_where_the_jobs_own_logs_lie() -> None:
    config = json.loads(rendered("maintenance.json.j2", iact_maintenance_log_directory="/var/log/jobs"))
    assert config["health"]["log_directory"] == "/var/log/jobs"
    assert config["backup"]["log_directory"] == "/var/log/iact"
