"""What the role writes into the config file is what the host's facts say, as they are."""

from __future__ import annotations

import json

from tests.unit.role import HOST, rendered


def test_the_config_file_is_the_fact_in_its_order() -> None:
    config = {"user": "iact", "mysql": {"login_host": 'ä"', "login_port": "1"}, "backup": {"tables": ["a", "b"]}}
    text = rendered("maintenance.json.j2", __iact_maintenance_first_look={**HOST, "config": config})
    assert json.loads(text) == config
    assert list(json.loads(text)) == list(config)


def test_the_second_look_counts_where_there_was_one() -> None:
    given = {"__iact_maintenance_first_look": {**HOST, "config": {"a": 1}}}
    given["__iact_maintenance_second_look"] = {**HOST, "config": {"a": 2}}
    assert json.loads(rendered("maintenance.json.j2", **given)) == {"a": 2}
