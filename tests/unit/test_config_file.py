"""The config file is read safely or refused with one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import config_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption, Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    COMMAND_LINE,
    Layer,
    Settings,
)
from tests.unit.fakes import FakeHost

SILENCE = Layer(COMMAND_LINE, {})


@pytest.fixture
def host() -> FakeHost:
    """Return a host whose user is the one that runs the tests."""
    return FakeHost(user_id=os.geteuid())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a good config file."""
    file = tmp_path / "maintenance.json"
    file.write_text(json.dumps({"session_cleanup": {"days": 30}}))
    file.chmod(0o644)
    return file


def load(host: FakeHost, path: Path | str | None, run: Layer = SILENCE) -> Settings:
    return config_file.load(host, None if path is None else str(path), run)


def refusal(host: FakeHost, path: Path | str) -> Refused:
    with pytest.raises(Refused) as caught:
        load(host, path)
    assert caught.value.exit_status == 2
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500
    return caught.value


def test_a_good_file_is_read_with_the_time_it_was_written(host: FakeHost, path: Path) -> None:
    os.utime(path, (1000, 2000))
    settings = load(host, path)
    assert settings.session_cleanup.days == 30
    assert settings.sources["session_cleanup.days"] == str(path)
    assert settings.config_written_at == 2000


def test_flags_go_over_the_file(host: FakeHost, path: Path) -> None:
    assert load(host, path, Layer(COMMAND_LINE, {"session_cleanup": {"days": "1"}})).session_cleanup.days == 1


def test_a_missing_default_file_is_empty_settings(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_file, "DEFAULT_CONFIG", str(tmp_path / "none.json"))
    assert load(host, None).is_empty


def test_a_missing_named_file_is_refused(host: FakeHost, tmp_path: Path) -> None:
    assert "none.json does not exist" in refusal(host, tmp_path / "none.json").message
    host.environment = {config_file.PATH_VARIABLE: str(tmp_path / "none.json")}
    with pytest.raises(Refused, match="does not exist"):
        load(host, None)


def test_an_empty_name_is_no_silence(host: FakeHost) -> None:
    assert refusal(host, "").code == "no_config"


def test_the_environment_names_a_file_and_a_flag_another(host: FakeHost, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"session_cleanup": {"days": 5}}')
    host.environment = {config_file.PATH_VARIABLE: str(other)}
    assert load(host, None).session_cleanup.days == 5
    assert load(host, path).session_cleanup.days == 30


def test_the_environment_is_weaker_than_the_file_and_stronger_than_a_default(host: FakeHost, path: Path) -> None:
    host.environment = {"PGPASSFILE": "/home/x/.pgpass", "DJANGO_SETTINGS_MODULE": "site.settings"}
    path.write_text('{"postgresql": {"login_db": "x"}, "django": {"project_path": "/srv"}}')
    settings = load(host, path)
    assert settings.servers.postgresql is not None and settings.django is not None
    assert settings.servers.postgresql.passfile == "/home/x/.pgpass"
    assert settings.django.settings_module == "site.settings"
    path.write_text('{"postgresql": {"passfile": "/a"}, "django": {"project_path": "/srv", "settings_module": "b"}}')
    settings = load(host, path)
    assert settings.servers.postgresql is not None and settings.django is not None
    assert (settings.servers.postgresql.passfile, settings.django.settings_module) == ("/a", "b")


def test_the_environment_adds_no_section_that_nobody_configured(host: FakeHost, path: Path) -> None:
    host.environment = {"PGPASSFILE": "/home/x/.pgpass", "DJANGO_SETTINGS_MODULE": "site.settings"}
    for content in ("{}", '{"postgresql": {}, "django": {}}'):
        path.write_text(content)
        settings = load(host, path)
        assert settings.servers.postgresql is None
        assert settings.django is None


def test_nonsense_in_the_environment_is_refused_by_name(host: FakeHost, path: Path) -> None:
    host.environment = {"PGPASSFILE": "../x"}
    path.write_text('{"postgresql": {"login_db": "x"}}')
    with pytest.raises(BadOption, match="postgresql.passfile is a text .*: an absolute path is allowed"):
        load(host, path)


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646, 0o622, 0o777])
def test_fi04_a_file_that_others_may_write_is_refused(host: FakeHost, path: Path, mode: int) -> None:
    path.chmod(mode)
    found = refusal(host, path)
    assert found.code == "unsafe_permissions"
    assert f"mode {mode:04o}" in found.message
    assert found.hint == f"chmod go-w {path}"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755])
def test_a_file_that_others_may_read_is_fine(host: FakeHost, path: Path, mode: int) -> None:
    path.chmod(mode)
    assert load(host, path).session_cleanup.days == 30


def test_fi04_a_file_of_another_user_is_refused(host: FakeHost, path: Path) -> None:
    host.user_id = 4242
    if os.geteuid() == 0:
        assert load(host, path).session_cleanup.days == 30
        os.chown(path, 4343, 4343)
    assert refusal(host, path).code == "unsafe_permissions"


def test_fi04_a_link_is_judged_by_the_file_it_leads_to(host: FakeHost, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    assert load(host, link).session_cleanup.days == 30
    path.chmod(0o666)
    assert refusal(host, link).code == "unsafe_permissions"
    link.unlink()
    link.symlink_to(link)
    assert refusal(host, link).code == "no_config"


def test_fi04_a_fifo_a_directory_and_a_device_are_refused_at_once(host: FakeHost, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for odd in (tmp_path / "fifo", tmp_path, Path("/dev/zero")):
        assert "is not a regular file" in refusal(host, odd).message


@pytest.mark.parametrize("name", ["a\0b", "\udcff", "x" * 5000, "no/such/\x1b[31m\n"])
def test_a_name_that_is_no_path_is_refused_on_one_line(host: FakeHost, name: str) -> None:
    assert refusal(host, name).code == "no_config"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"session_cleanup": {"days": 1},}',
        b"session_cleanup:\n  days: 1\n",
        b"\xff\xfe{}",
        b'{"user": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"session_cleanup": {"days": ' + b"9" * 5000 + b"}}",
    ],
    ids=["empty", "cut", "word", "comma", "yaml", "utf16", "latin1", "deep list", "deep mapping", "5000 digits"],
)
def test_fi04_what_is_not_json_is_refused(host: FakeHost, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    found = refusal(host, path)
    assert found.code == "bad_option"
    assert "is not valid JSON" in found.message or "days is a huge number" in found.message


@pytest.mark.parametrize("content", ["[]", '"text"', "1", "null", "true"])
def test_fi04_json_that_is_no_object_is_refused(host: FakeHost, path: Path, content: str) -> None:
    path.write_text(content)
    assert "holds no JSON object" in refusal(host, path).message


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_fi04_a_number_that_is_none_is_refused(host: FakeHost, path: Path, word: str) -> None:
    path.write_text(f'{{"session_cleanup": {{"pause_seconds": {word}}}}}')
    assert refusal(host, path).message == f"{word} is in the config file: a number is allowed"


@pytest.mark.parametrize("content", ['{"user": "a", "user": "b"}', '{"session_cleanup": {"user": 1, "user": 1}}'])
def test_fi04_a_key_that_stands_twice_is_refused(host: FakeHost, path: Path, content: str) -> None:
    path.write_text(content)
    assert refusal(host, path).message == "user is in the config file twice"


def test_fi04_a_file_of_more_than_1_mb_is_refused(host: FakeHost, path: Path) -> None:
    path.write_bytes(b'{"user": "x"}' + b" " * 1024 * 1024)
    assert "is larger than 1048576 bytes" in refusal(host, path).message


@pytest.mark.parametrize("depth", range(700, 1000, 10))
def test_a_value_as_deep_as_json_allows_is_refused_in_one_line(host: FakeHost, path: Path, depth: int) -> None:
    path.write_text('{"session_cleanup": {"days": ' + "[" * depth + "]" * depth + "}}")
    refusal(host, path)


@pytest.mark.parametrize("section", ["mysql", "postgresql", "sqlite", "django", "backup", "restore", "session_cleanup"])
def test_g10_a_section_that_is_a_password_is_refused_without_showing_it(
    host: FakeHost, path: Path, section: str
) -> None:
    for raw in ("hunter2-canary", ["hunter2-canary"], 220_284_422):
        path.write_text(json.dumps({section: raw}))
        with pytest.raises(BadOption, match=rf"^{section} is ") as refused:
            load(host, path)
        assert not [word for word in ("hunter2", "220284422") if word in refused.value.message + refused.value.hint]


@pytest.mark.parametrize("section", ["mysql", "postgresql"])
@pytest.mark.parametrize("job", ["", "session_cleanup", "health", "backup", "restore"])
def test_g10_a_value_below_a_connection_is_never_shown(host: FakeHost, path: Path, job: str, section: str) -> None:
    options = ["login_port", "tls", "read_only", "connect_timeout", "ca_cert", "login_host"]
    for option in options:
        for raw in ("hunter2\ncanary", ["hunter2-canary"], {"password": "hunter2-canary"}, 22_028_442_200):
            connection = {section: {option: raw}}
            path.write_text(json.dumps({job: connection} if job else connection))
            with pytest.raises(BadOption, match=rf"{section}\.{option} is ") as refused:
                load(host, path)
            assert not [word for word in ("hunter2", "22028442200") if word in refused.value.message]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b'{"session_cleanup":\n  {"days": 1,,}}', "line 2, column 14: "),
        (b"", "line 1, column 1: "),
        (b'{"a": 1} x', "line 1, column 10: Extra data"),
        (b"\xef\xbb\xbf{}", "line 1, column 1: Unexpected UTF-8 BOM"),
        ('{\n"\u00f1\u00e1'.encode() + b'\xe9": 1}', "line 2, column 4: the byte 0xe9 is not UTF-8"),
        (b"[" * 200_000, "lists or mappings are nested too deep"),
        (b'{"session_cleanup": {"days": ' + b"1" * 5000 + b"}}", "a number has too many digits"),
    ],
)
def test_g1e_a_file_that_is_no_json_is_told_by_its_place_and_one_cause(
    host: FakeHost, path: Path, content: bytes, place: str
) -> None:
    path.write_bytes(content)
    found = refusal(host, path)
    assert f"{path} is not valid JSON: {place}" in found.message
    assert "check-config" in found.hint


def test_g1j_a_file_that_cannot_be_used_has_a_hint(host: FakeHost, tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path / "absent" / "x.json"):
        assert "--config" in refusal(host, path).hint
