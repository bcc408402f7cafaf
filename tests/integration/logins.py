"""Logins that must not work, and what is then said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.faults import LOOPBACK
from tests.integration import sites

CANARY = "canary-7f3a:/?#[x]%20"


def refusal(ping: Callable[..., str], login: Login, host: Host = sites.HOST) -> errors.MaintenanceError:
    """Return the error of a login that must not work, after searching its words for the password."""
    with pytest.raises(errors.MaintenanceError) as caught:
        ping(login, host)
    assert CANARY not in caught.value.message + caught.value.hint
    return caught.value


def away(port: int, **changes: object) -> Login:
    """Return the settings of a login to some port of this host."""
    settings: dict[str, object] = {"login_host": LOOPBACK, "login_port": port, "login_user": "iact", "login_db": "site"}
    return Login(**{**settings, "login_password": Secret(CANARY), "connect_timeout": 1.0, **changes})  # type: ignore[arg-type]
