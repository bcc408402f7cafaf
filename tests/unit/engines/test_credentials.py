"""Files with passwords are read only when nobody else can."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors, host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import credentials

HOST = host.Host({})


def test_a_private_file_is_read_whatever_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\xff\r\n")
    path.chmod(0o600)
    assert credentials.read_private(HOST, str(path), required=True) == "a\udcff\r\n"


def test_a_missing_file_is_refused_only_where_it_was_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    assert credentials.read_private(HOST, missing, required=False) is None
    with pytest.raises(errors.Refused) as caught:
        credentials.read_private(HOST, missing, required=True)
    assert caught.value.code == "no_credentials_file"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_fi04_a_file_that_others_may_use_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("secret", encoding="ascii")
    path.chmod(mode)
    with pytest.raises(errors.Refused) as caught:
        credentials.read_private(HOST, str(path), required=False)
    assert (caught.value.code, caught.value.hint) == ("unsafe_permissions", f"chmod 600 {path}")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path, make: object) -> None:
    path = tmp_path / "thing"
    make(path)  # type: ignore[operator]
    with pytest.raises(errors.Refused) as caught:
        credentials.read_private(HOST, str(path), required=True)
    assert caught.value.code == "no_credentials_file"


def test_an_account_without_a_name_has_its_number_and_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.Host, "effective_user_id", lambda _self: 4_000_000)
    assert credentials.account_name(HOST) == "4000000"
    assert not os.path.exists(credentials.home_file(HOST, ".my.cnf"))


def test_the_home_is_the_account_s_own_and_not_the_environment_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    assert not credentials.home_file(HOST, ".my.cnf").startswith("/nowhere")
