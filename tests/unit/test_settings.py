"""From raw layers to frozen settings: precedence, connections of a job's own, relations, and clear refusals."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption, Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    COMMAND_LINE,
    ENVIRONMENT,
    PARAMETER,
    Layer,
    Settings,
    build,
)

Raw = Mapping[str, object]


def of_file(raw: Raw) -> Settings:
    return build([Layer("site.json", raw, is_file=True)])


def of_file_and_run(raw: Raw, run: Raw) -> Settings:
    return build([Layer("site.json", raw, is_file=True), Layer(PARAMETER, run)])


def test_nothing_at_all_gives_defaults_and_is_called_empty() -> None:
    settings = build([])
    assert settings.is_empty
    assert settings.session_cleanup.batch_rows == 1000
    assert settings.backup.directory == "/var/backups/iact"
    assert (settings.servers.mysql, settings.servers.postgresql, settings.sqlite, settings.django) == (
        None,
        None,
        None,
        None,
    )


def test_the_environment_alone_does_not_configure_a_host() -> None:
    assert build([Layer(ENVIRONMENT, {"mysql": {"login_host": "db"}})]).is_empty
    assert not build([Layer(COMMAND_LINE, {"session_cleanup": {"days": 1}})]).is_empty


def test_each_later_layer_is_stronger_and_sources_say_which_one_spoke() -> None:
    layers = [
        Layer(ENVIRONMENT, {"mysql": {"login_host": "weak", "login_user": "weak"}}),
        Layer("site.json", {"mysql": {"login_host": "file"}, "session_cleanup": {"days": 30, "batch_rows": 7}}, True),
        Layer(COMMAND_LINE, {"session_cleanup": {"days": "0"}}),
    ]
    settings = build(layers)
    assert settings.servers.mysql is not None
    assert (settings.servers.mysql.login_host, settings.servers.mysql.login_user) == ("file", "weak")
    assert (settings.session_cleanup.days, settings.session_cleanup.batch_rows) == (0, 7)
    assert settings.sources["mysql.login_user"] == ENVIRONMENT
    assert settings.sources["mysql.login_host"] == "site.json"
    assert settings.sources["session_cleanup.days"] == COMMAND_LINE
    assert settings.sources["session_cleanup.pause_seconds"] == "default"


def test_a_parameter_that_was_not_given_leaves_the_file_alone() -> None:
    settings = of_file_and_run({"session_cleanup": {"days": 30}}, {"session_cleanup": {"days": None}})
    assert settings.session_cleanup.days == 30


def test_a_null_in_the_file_is_refused() -> None:
    with pytest.raises(BadOption, match="^session_cleanup.days is nothing"):
        of_file({"session_cleanup": {"days": None}})


@pytest.mark.parametrize(
    ("raw", "message", "hint"),
    [
        ({"databse": {}}, "databse is not an option", "allowed are"),
        ({"mysql": {"login_hots": "x"}}, "mysql.login_hots is not an option", "did you mean login_host?"),
        ({"backup": {"retention_dasy": 1}}, "backup.retention_dasy is not an option", "did you mean retention_days?"),
        ({"restore": {"mysql": {"usr": 1}}}, "restore.mysql.usr is not an option", "allowed are"),
        ({"": 1}, " is not an option", "allowed are"),
    ],
)
def test_fi02_an_unknown_key_is_refused_with_the_nearest_name(raw: Raw, message: str, hint: str) -> None:
    with pytest.raises(BadOption) as caught:
        of_file(raw)
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("section", ["mysql", "postgresql"])
@pytest.mark.parametrize("job", [None, "session_cleanup", "restore"])
def test_a_password_in_the_config_file_is_refused_and_not_repeated(section: str, job: str | None) -> None:
    raw: Raw = {section: {"login_password": "hunter2"}}
    with pytest.raises(Refused) as caught:
        of_file({job: raw} if job else raw)
    assert caught.value.code == "secret_in_config"
    assert "hunter2" not in caught.value.message
    assert f"{section}.login_password" in caught.value.message


def test_a_password_as_a_parameter_is_wrapped() -> None:
    settings = build([Layer(PARAMETER, {"mysql": {"login_password": "hunter2"}})])
    assert settings.servers.mysql is not None
    assert settings.servers.mysql.login_password == Secret("hunter2")
    assert "hunter2" not in repr(settings)


def test_a_job_s_own_connection_is_laid_over_the_shared_one() -> None:
    settings = of_file(
        {
            "mysql": {"login_host": "db", "login_port": 13306, "login_user": "iact"},
            "health": {"mysql": {"login_user": "watch"}},
        }
    )
    own, shared = settings.health.servers.mysql, settings.backup.servers.mysql
    assert own is not None and shared is not None
    assert (own.login_host, own.login_port, own.login_user, own.own_account) == ("db", 13306, "watch", True)
    assert (shared.login_user, shared.own_account) == ("iact", False)


@pytest.mark.parametrize("own", [{"login_user": "watch"}, {"config_file": "/etc/watch.cnf"}])
def test_another_account_never_inherits_the_shared_password(own: Raw) -> None:
    settings = build(
        [Layer("site.json", {"health": {"mysql": own}}, True), Layer(PARAMETER, {"mysql": {"login_db": "iact"}})]
    )
    with_password = build(
        [Layer(PARAMETER, {"mysql": {"login_password": "hunter2"}, "health": {"mysql": own}})],
    )
    assert settings.health.servers.mysql is not None and settings.health.servers.mysql.login_db == "iact"
    assert with_password.health.servers.mysql is not None
    assert with_password.health.servers.mysql.login_password is None


@pytest.mark.parametrize("section", ["mysql", "postgresql"])
@pytest.mark.parametrize("job", [None, "health", "restore"])
def test_g06_a_key_without_its_certificate_is_refused_since_it_would_be_ignored(section: str, job: str | None) -> None:
    raw: Raw = {section: {"client_key": "/etc/iact/client.key"}}
    with pytest.raises(BadOption) as caught:
        of_file({job: raw} if job else raw)
    name = f"{job}.{section}" if job else section
    assert caught.value.message == f"{name}.client_key is set without {name}.client_cert, and would be ignored"
    assert caught.value.hint == "set client_cert; leave out client_key if the file of client_cert contains the key too"


def test_g06_a_job_s_own_key_goes_with_the_shared_certificate_and_another_certificate_leaves_the_shared_key() -> None:
    shared = {"client_cert": "/shared.pem", "client_key": "/shared.key"}
    settings = of_file(
        {
            "mysql": shared,
            "health": {"mysql": {"client_key": "/health.key"}},
            "backup": {"mysql": {"client_cert": "/backup.pem"}},
        }
    )
    health, backup = settings.health.servers.mysql, settings.backup.servers.mysql
    assert health is not None and (health.client_cert, health.client_key) == ("/shared.pem", "/health.key")
    assert backup is not None and (backup.client_cert, backup.client_key) == ("/backup.pem", None)


def test_the_same_account_with_another_host_keeps_the_password() -> None:
    settings = build(
        [Layer(PARAMETER, {"mysql": {"login_password": "hunter2"}, "health": {"mysql": {"login_host": "replica"}}})]
    )
    assert settings.health.servers.mysql is not None
    assert settings.health.servers.mysql.login_password == Secret("hunter2")


def test_a_run_s_own_connection_also_goes_over_what_the_file_lays_over_the_shared_one() -> None:
    settings = of_file_and_run(
        {"mysql": {"login_host": "db"}, "session_cleanup": {"mysql": {"login_host": "primary"}}},
        {"mysql": {"login_host": "now"}},
    )
    assert settings.session_cleanup.servers.mysql is not None
    assert settings.session_cleanup.servers.mysql.login_host == "now"


def test_a_restore_never_uses_a_job_s_connection() -> None:
    shared: Raw = {"mysql": {"login_host": "db"}}
    assert of_file(shared).restore.servers.mysql is None
    own = of_file({**shared, "restore": {"mysql": {"login_user": "restorer"}}}).restore.servers.mysql
    assert own is not None
    assert (own.login_user, own.own_account) == ("restorer", True)


def test_a_run_s_shared_connection_does_not_change_the_restore_s_own() -> None:
    settings = of_file_and_run(
        {"restore": {"mysql": {"login_host": "there", "login_user": "restorer"}}},
        {"mysql": {"login_host": "elsewhere"}},
    )
    assert settings.restore.servers.mysql is not None
    assert settings.restore.servers.mysql.login_host == "there"


def test_a_job_s_own_connection_works_without_a_shared_one() -> None:
    settings = of_file({"health": {"postgresql": {"login_host": "db"}}})
    assert settings.servers.postgresql is None
    assert settings.health.servers.postgresql is not None
    assert settings.health.servers.postgresql.connect_timeout == 5.0


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"sqlite": {"read_only": True}}, "sqlite.path is not set"),
        ({"django": {"python": "/usr/bin/python3"}}, "django.project_path is not set"),
    ],
)
def test_a_section_without_its_one_needed_option_is_refused(raw: Raw, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        of_file(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"session_cleanup": {"warning_rows": 9, "critical_rows": 8}}, "session_cleanup.warning_rows is 9: at most"),
        ({"session_cleanup": {"critical_rows": 8}}, "session_cleanup.warning_rows is 50000: at most"),
        ({"health": {"disk_critical_percent": 30}}, "health.disk_critical_percent is 30.0: at most"),
        ({"backup": {"keep_minimum": 4, "retention_count": 3}}, "backup.keep_minimum is 4: at most"),
        ({"backup": {"keep_minimum": 0}}, "backup.keep_minimum is 0: a whole number from 1"),
    ],
)
def test_values_that_contradict_each_other_are_refused(raw: Raw, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        of_file(raw)


def test_fi13_a_time_zone_is_looked_at_where_it_matters() -> None:
    with pytest.raises(BadOption, match="^time_zone is 'Mars/Base': a name from tzdata is allowed$"):
        of_file({"session_cleanup": {"use_tz": False, "time_zone": "Mars/Base"}})
    assert of_file({"session_cleanup": {"use_tz": False, "time_zone": "Asia/Tokyo"}}).session_cleanup.use_tz is False
    assert of_file({"session_cleanup": {"time_zone": "Mars/Base"}}).session_cleanup.time_zone == "Mars/Base"


def test_names_are_spelled_as_their_user_typed_them() -> None:
    for layer, message in (
        (Layer(COMMAND_LINE, {"session_cleanup": {"batch_rows": "x"}}), "^--batch-rows is 'x'"),
        (Layer(PARAMETER, {"session_cleanup": {"batch_rows": 0}}), "^batch_rows is 0"),
        (Layer(PARAMETER, {"mysql": {"login_port": 0}}), "^mysql.login_port is a number"),
        (Layer("site.json", {"session_cleanup": {"batch_rows": 0}}, True), "^session_cleanup.batch_rows is 0"),
    ):
        with pytest.raises(BadOption, match=message):
            build([layer])


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        build([]).session_cleanup.days = 1  # type: ignore[misc]


@pytest.mark.parametrize("path", ["-1", "../..", "nan", "db.sqlite3"])
def test_files_of_sqlite_are_named_by_absolute_paths(path: str) -> None:
    with pytest.raises(BadOption, match="backup.sqlite_files is .*: absolute paths are allowed"):
        of_file({"backup": {"sqlite_files": ["/srv/db.sqlite3", path]}})
