"""The command as cron and people start it: what it prints, what it ends with, and what it leaves behind."""

from __future__ import annotations

import os
import pty
import pwd
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.about import NAME, VERSION
from tests.unit.jobs.test_archives import later_format
from tests.unit.session_site import MODULE_UTILS, Done, Site, finished

CRON = ("session-cleanup", "--force", "--json", "--scheduled")
Call = Callable[..., Done]
# One row, then a rest that no test waits out.
SLOWLY = ("--batch-rows", "1", "--pause-seconds", "60")


def wait_for_the_first_delete(site: Site, expired: int) -> None:
    until = time.monotonic() + 30
    while site.expired_count() == expired:
        assert time.monotonic() < until, "nothing was deleted"
        time.sleep(0.02)


def assert_one_line(text: str) -> None:
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "Traceback" not in text


def test_cron_s_line_gives_one_json_line_and_nothing_else(site: Site) -> None:
    site.fill(30, 5)
    done = site.run(*CRON)
    assert (done.status, done.errors) == (0, "")
    line = done.line
    assert (line["outcome"], line["job"], line["deleted"], line["remaining"]) == ("done", "session_cleanup", 30, 5)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"])
    assert (site.expired_count(), site.live_count()) == (0, 5)
    (run,) = site.history()
    assert (run["job"], run["exit_status"], run["scheduled"]) == ("session_cleanup", 0, True)


def test_x3_without_force_and_without_a_terminal_it_says_why_and_ends_with_2(site: Site) -> None:
    site.fill(3, 0)
    done = site.run("session-cleanup")
    assert (done.status, done.output) == (2, "")
    assert (
        done.errors == f"{NAME}: this deletes rows, and there is no terminal to ask for confirmation "
        "(add --force to run without confirmation)\n"
    )
    assert site.expired_count() == 3


@pytest.mark.parametrize(
    "days", ["0); import os; os.system('touch canary'); (", "$(touch canary)", "`touch canary`", "1; DROP TABLE x", ""]
)
def test_x4_days_is_a_number_and_never_code(site: Site, call: Call, days: str) -> None:
    site.fill(3, 0)
    before = site.snapshot()
    done = call("session-cleanup", "--force", "--days", days, "--config", str(site.config))
    assert (done.status, done.output) == (2, "")
    assert_one_line(done.errors)
    assert "--days is " in done.errors
    assert "a whole number from 0 to 36500 is allowed" in done.errors
    assert site.snapshot() == before
    assert not (MODULE_UTILS / "canary").exists()


def test_x2_the_command_keeps_what_its_dry_run_promises(site: Site, call: Call) -> None:
    site.fill(25, 5)
    announced = call("session-cleanup", "--days", "30", "--dry-run", "--json", "--config", str(site.config))
    before = site.snapshot()
    assert announced.line["eligible"] == 25
    assert site.snapshot() == before
    assert site.history() == []
    assert (
        call("session-cleanup", "--days", "30", "--force", "--json", "--config", str(site.config)).line["deleted"] == 25
    )
    assert (
        call("session-cleanup", "--days", "36500", "--dry-run", "--json", "--config", str(site.config)).line["eligible"]
        == 0
    )


def test_without_a_flag_the_file_s_value_holds_and_a_flag_goes_over_it(site: Site, call: Call) -> None:
    site.configure(session_cleanup={"days": 36500})
    site.fill(4, 0)
    assert call("session-cleanup", "--dry-run", "--json", "--config", str(site.config)).line["eligible"] == 0
    assert (
        call("session-cleanup", "--dry-run", "--json", "--days", "0", "--config", str(site.config)).line["eligible"]
        == 4
    )


def test_a_person_reads_a_verdict_first(site: Site, call: Call) -> None:
    site.fill(3, 2)
    done = call("session-cleanup", "--force", "--verbose", "--warning-rows", "1", "--config", str(site.config))
    assert (done.status, done.errors) == (0, "")
    first, *rest = done.output.splitlines()
    assert re.fullmatch(r"WARNING  session_cleanup: deleted 3 sessions in \d\.\d s; 2 remain", first)
    assert any("many_sessions" in line for line in rest)
    assert any(re.fullmatch(r"  deleted +3", line) for line in rest)


@pytest.mark.parametrize(
    ("answer", "status", "left"), [("y", 0, 0), ("YES", 0, 0), ("n", 2, 3), ("", 2, 3), ("x", 2, 3)]
)
def test_c4_on_a_terminal_it_asks_and_does_as_told(site: Site, answer: str, status: int, left: int) -> None:
    site.fill(3, 0)
    ours, theirs = pty.openpty()
    try:
        process = site.start("session-cleanup", stdin=theirs)
        os.write(ours, answer.encode() + b"\n")
        done = finished(process)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "session_cleanup: would delete 3 of 3 sessions. Go on? [y/N] " in done.errors
    assert (done.status, site.expired_count()) == (status, left)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no command was given"),
        (("session-clenup",), "session-clenup"),
        (
            ("session-cleanup", "--dayz", "3"),
            "--dayz is not an option of iact-maintenance session-cleanup (did you mean --days?)",
        ),
        (
            ("session-cleanup", "--batchrows=3"),
            "--batchrows is not an option of iact-maintenance session-cleanup (did you mean --batch-rows?)",
        ),
        (("session-cleanup", "--days"), "--days"),
        (("session-cleanup", "--dry"), "--dry is not an option"),
        (("session-cleanup", "5"), "5 is not an option"),
        (("check-config", "a", "b"), "b is not an option"),
        (("check-config", "--example", "--host"), "not allowed with argument --example"),
    ],
)
def test_fi02_words_that_mean_nothing_are_refused_in_one_line(call: Call, words: tuple[str, ...], said: str) -> None:
    done = call(*words)
    assert (done.status, done.output) == (2, "")
    assert_one_line(done.errors)
    assert said in done.errors


@pytest.mark.parametrize(
    "words",
    [
        ("session-cleanup", "--password", "hunter2"),
        ("session-cleanup", "--password=hunter2"),
        ("session-cleanup", "--login-password", "hunter2", "--days"),
        ("--mysql-password", "hunter2", "session-cleanup"),
        ("session-cleanup", "-phunter2"),
        ("session-cleanup", "-p", "hunter2", "--json"),
        ("check-config", "--PASSWORD", "hunter2"),
    ],
)
def test_fi10_a_password_on_the_command_line_is_refused_and_never_repeated(call: Call, words: tuple[str, ...]) -> None:
    done = call(*words)
    assert done.status == 2
    assert "a password on the command line" in done.errors
    assert "hunter2" not in done.output + done.errors


def test_a_refusal_in_json_is_one_document_and_one_line_for_people(site: Site, call: Call) -> None:
    config = ("--config", str(site.config))
    done = call("session-cleanup", "--json", "--days", "x", *config)
    assert done.status == 2
    assert done.line["outcome"] == "failed with error bad_option"
    assert done.errors == f"{NAME}: --days is 'x': a whole number from 0 to 36500 is allowed\n"
    scheduled = call(*CRON, "--dayz", "x", *config)
    assert (scheduled.status, scheduled.errors) == (2, "")
    assert "--dayz" in scheduled.line["summary"]


def test_version_and_help_are_for_people(site: Site, call: Call) -> None:
    assert call("version") == Done(0, f"{NAME} {VERSION}\n", "")
    assert call("version", "--json", "--config", str(site.config)).line["version"] == VERSION
    done = site.run("session-cleanup", "--help")
    assert (done.status, done.errors) == (0, "")
    assert "Example: iact-maintenance session-cleanup" in done.output


def test_check_config_shows_each_value_and_where_it_came_from(site: Site, call: Call) -> None:
    site.configure(session_cleanup={"days": 30})
    rows = call("check-config", "--json", "--config", str(site.config)).line["settings"]
    by_name = {row["option"]: row for row in rows}
    assert by_name["session_cleanup.days"] == {
        "option": "session_cleanup.days",
        "value": 30,
        "source": str(site.config),
    }
    assert by_name["session_cleanup.batch_rows"]["source"] == "default"


def test_check_config_takes_the_file_to_check_as_a_word(site: Site, call: Call, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"backup": {"retention_dasy": 3}}')
    done = call("check-config", str(other), "--config", str(site.config))
    assert done.status == 2
    assert done.errors == f"{NAME}: backup.retention_dasy is not an option (did you mean retention_days?)\n"
    assert call("check-config", "", "--config", str(site.config)).status == 2


def test_fh19_of_twenty_at_once_exactly_one_works_and_the_others_name_it(site: Site) -> None:
    site.fill(20, 3)
    running = [site.start(*CRON, *SLOWLY) for _unused in range(20)]
    began = time.monotonic()
    while sum(process.poll() is None for process in running) > 1:
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    (working,) = [process for process in running if process.poll() is None]
    wait_for_the_first_delete(site, 20)
    for process in running:
        if process is not working:
            done = finished(process)
            assert (done.status, done.errors) == (75, "")
            assert done.line["outcome"] == "failed with error busy"
            said = rf"busy: session_cleanup runs as process {working.pid} on \S+ since \d{{4}}-\S+Z"
            assert re.fullmatch(said, done.line["summary"])
            assert done.line["duration_seconds"] < 1
    working.send_signal(signal.SIGTERM)
    assert finished(working).status == 143
    assert (site.expired_count(), site.live_count()) == (19, 3)
    assert sorted(run["exit_status"] for run in site.history()) == [75] * 19 + [143]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_fh12_a_signal_ends_the_run_in_order(site: Site, number: signal.Signals, status: int) -> None:
    site.fill(5, 3)
    process = site.start(*CRON, *SLOWLY)
    wait_for_the_first_delete(site, 5)
    began = time.monotonic()
    process.send_signal(number)
    done = finished(process)
    assert time.monotonic() - began < 5
    assert (done.status, done.errors) == (status, "")
    assert done.line["outcome"] == "failed with error interrupted"
    assert done.line["summary"] == f"interrupted by {number.name} after at least 1 of 5 rows"
    assert done.line["changed"] is True
    (run,) = site.history()
    assert (run["exit_status"], run["outcome"]) == (status, "failed with error interrupted")
    assert site.run(*CRON).line["deleted"] == 4
    assert site.live_count() == 3


def test_a_run_started_with_nohup_outlives_its_terminal(site: Site) -> None:
    site.fill(3, 0)
    process = site.start(
        *CRON,
        "--batch-rows",
        "1",
        "--pause-seconds",
        "0.1",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    wait_for_the_first_delete(site, 3)
    process.send_signal(signal.SIGHUP)
    assert finished(process).status == 0
    assert site.expired_count() == 0


@pytest.mark.parametrize("moment", range(4))
def test_fh20_fd39_after_a_kill_in_the_middle_the_next_run_succeeds(site: Site, moment: int) -> None:
    site.fill(2000, 50)
    process = site.start(*CRON, "--batch-rows", "50", "--pause-seconds", "0.01")
    wait_for_the_first_delete(site, 2000)
    time.sleep(0.013 * moment)
    process.kill()
    assert finished(process).status == -signal.SIGKILL
    left = site.expired_count()
    assert left % 50 == 0
    assert site.live_count() == 50
    done = site.run(*CRON)
    assert (done.status, done.line["deleted"], site.live_count()) == (0, left, 50)
    assert [run["exit_status"] for run in site.history()] == [0]


@pytest.mark.long
@pytest.mark.parametrize("moment", range(100))
def test_fd39_a_hundred_kills_at_any_time_lose_no_live_session(site: Site, moment: int) -> None:
    site.fill(3000, 50)
    process = site.start(*CRON, "--batch-rows", "20", "--pause-seconds", "0")
    time.sleep(0.1 + 0.005 * moment)
    process.kill()
    finished(process)
    left = site.expired_count()
    assert (left % 20, site.live_count()) == (0, 50)
    done = site.run(*CRON)
    assert (done.status, done.line["deleted"], site.live_count()) == (0, left, 50)


def test_c8_ten_thousand_rows_go_in_a_few_seconds(site: Site, call: Call) -> None:
    site.fill(10_000, 100)
    line = call(*CRON, "--config", str(site.config)).line
    assert (line["deleted"], line["remaining"]) == (10_000, 100)
    assert line["duration_seconds"] < 30


def test_fd40_a_thousand_renewals_against_a_running_cleanup_lose_nothing(site: Site) -> None:
    site.fill(1000, 0)
    process = site.start(*CRON, "--batch-rows", "20", "--pause-seconds", "0.005")
    renewed = set()
    with site.connect() as application:
        for number in range(999, -1, -1):
            key = f"expired{number:06}"
            changed = application.execute(
                "UPDATE django_session SET expire_date = '2100-01-01 00:00:00' WHERE session_key = ?", (key,)
            )
            renewed |= {key} if changed.rowcount else set()
    done = finished(process)
    assert done.status == 0
    assert site.sessions() == renewed
    assert done.line["deleted"] == 1000 - len(renewed)


def test_a_missing_state_directory_is_refused_with_what_to_do(site: Site, call: Call) -> None:
    site.fill(3, 0)
    site.state.rmdir()
    done = call("session-cleanup", "--force", "--config", str(site.config))
    assert (done.status, done.output) == (2, "")
    assert_one_line(done.errors)
    assert f"the state directory {site.state} does not exist" in done.errors
    assert "mkdir -p" in done.errors
    assert site.expired_count() == 3


def test_a_state_file_that_cannot_be_written_costs_the_record_and_not_the_work(site: Site, call: Call) -> None:
    site.fill(3, 0)
    (site.state / "history.jsonl").mkdir()
    done = call(*CRON, "--config", str(site.config))
    assert (done.status, done.line["deleted"], done.line["status"]) == (0, 3, "warning")
    assert [finding["code"] for finding in done.line["findings"]] == ["not_recorded"]
    assert site.expired_count() == 0


@pytest.mark.parametrize(
    ("words", "sudo_user", "expected"),
    [
        (CRON, "anna", {"started_by": "cron"}),
        (("session-cleanup", "--force"), "anna", {"started_by": "hand", "user": "anna"}),
        (("session-cleanup", "--force"), "a\x1b[31m\n", {"started_by": "hand", "user": "a\\x1b[31m\\n"}),
        (("session-cleanup", "--force"), "", {"started_by": "hand", "user": pwd.getpwuid(os.getuid()).pw_name}),
    ],
)
def test_the_history_says_who_started_a_run(
    site: Site,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    sudo_user: str,
    expected: dict[str, str],
) -> None:
    monkeypatch.setenv("SUDO_USER", sudo_user)
    call(*words, "--config", str(site.config))
    (run,) = site.history()
    assert {name: run[name] for name in ("started_by", "user") if name in run} == expected


def test_a_dry_run_needs_no_state_directory(site: Site, call: Call) -> None:
    site.fill(3, 0)
    site.state.rmdir()
    assert call("session-cleanup", "--dry-run", "--json", "--config", str(site.config)).line["eligible"] == 3
    assert not site.state.exists()


SHELL_FORMS = {
    "stdout closed": (">&-", 0),
    "stdin closed": ("<&-", 0),
    "all closed": ("<&- >&- 2>&-", 0),
    "stdout full": (">/dev/full", 0),
    "reader gone": ("| true; exit ${PIPESTATUS[0]}", 0),
}


@pytest.mark.parametrize("form", SHELL_FORMS)
@pytest.mark.parametrize("json_flag", ["--json", "--verbose"])
def test_fh13_the_work_and_its_exit_status_stand_though_nobody_reads(site: Site, form: str, json_flag: str) -> None:
    site.fill(3, 2)
    redirect, status = SHELL_FORMS[form]
    words = " ".join(["exec", *site.words("session-cleanup", "--force", json_flag)])
    done = subprocess.run(
        ["/bin/bash", "-c", f"({words}) {redirect}"], cwd=MODULE_UTILS, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (status, "")
    assert (site.expired_count(), site.live_count()) == (0, 2)
    assert site.sql("PRAGMA integrity_check") == [("ok",)]
    assert [run["exit_status"] for run in site.history()] == [0]


def test_fh40_a_question_with_no_standard_input_at_all_is_a_clear_refusal(site: Site) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", " ".join([*site.words("session-cleanup"), "<&-"])],
        cwd=MODULE_UTILS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no terminal to ask for confirmation" in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LANG": "C", "PATH": "/usr/bin:/bin"},
        {"LC_ALL": "POSIX", "TZ": "Mars/Base", "HOME": "/nonexistent"},
        {"LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1", "TZ": "Asia/Tokyo"},
        {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"},
        {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "1"},
    ],
)
def test_fh40_it_works_in_any_environment(site: Site, environment: dict[str, str]) -> None:
    site.fill(3, 2)
    done = subprocess.run(
        site.words("session-cleanup", "--force", "--verbose"),
        cwd=MODULE_UTILS,
        env=environment,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert site.live_count() == 2


def test_fh40_text_that_the_terminal_cannot_show_is_escaped_and_not_lost(site: Site) -> None:
    done = subprocess.run(
        site.words("session-cleanup", "--force", "--table", "sesión日"),
        cwd=MODULE_UTILS,
        env={"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert "there is no table sesión\\u65e5 in".encode("latin-1") in done.stdout


@pytest.mark.parametrize("mask", [0, 0o777])
def test_fh38_files_are_private_whatever_the_umask(site: Site, mask: int) -> None:
    assert finished(site.start(*CRON, preexec_fn=lambda: os.umask(mask))).status == 0
    assert {path.stat().st_mode & 0o777 for path in site.state.iterdir()} == {0o600}


def test_a_crash_leaves_no_memory_image(site: Site) -> None:
    site.fill(2, 0)
    process = site.start(*CRON, *SLOWLY)
    wait_for_the_first_delete(site, 2)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    process.kill()
    finished(process)
    assert re.search(r"Max core file size +0 +0 ", limits)


def test_nothing_configured_says_what_to_set(tmp_path: Path) -> None:
    config = tmp_path / "maintenance.json"
    config.write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "iact_maintenance.cli.start", *CRON[:2], "--config", str(config)],
        cwd=MODULE_UTILS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr)
    assert "nothing is configured for session_cleanup" in done.stderr
    assert "--config" in done.stderr


def test_the_operator_s_two_greps_find_exactly_the_runs_that_did_not_end_well(site: Site, call: Call) -> None:
    site.fill(3, 3)
    config = ("--config", str(site.config))
    good = [
        call(*CRON, *config, "--dry-run"),
        call(*CRON, *config, "--warning-rows", "1", "--critical-rows", "2"),
        call(*CRON, *config),
        call("check-config", "--json", *config),
        call("version", "--json"),
    ]
    site.sql("ALTER TABLE django_session RENAME TO elsewhere")
    good.append(call(*CRON, *config, "--missing-ok"))
    bad = [
        call(*CRON, *config),
        call(*CRON, *config, "--days", "x"),
        call(*CRON, *config, "--nonsense"),
        call("session-cleanup", "--json", "--scheduled", *config),
    ]
    for done in good:
        assert done.status == 0
        assert not re.search("error|fail", done.output, re.IGNORECASE), done.output
    for done in bad:
        assert done.status != 0
        assert re.search("error", done.output, re.IGNORECASE)
        assert re.search("fail", done.output, re.IGNORECASE)


def test_x3_without_a_terminal_it_says_so_before_any_database_is_asked(site: Site, call: Call) -> None:
    site.database.unlink()
    done = call("session-cleanup", "--json", "--config", str(site.config))
    assert (done.status, done.line["outcome"]) == (2, "failed with error not_confirmed")


def test_progress_is_taken_off_the_terminal_before_the_verdict_is_shown(site: Site) -> None:
    site.fill(3, 0)
    ours, theirs = pty.openpty()
    try:
        process = site.start("session-cleanup", "--force", stderr=theirs)
        done = finished(process)
        os.set_blocking(ours, False)
        shown = os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.status == 0
    assert shown.endswith(b"\r\x1b[K")
    assert b"expired sessions deleted" in shown


def test_g109_one_archive_is_shown_with_what_it_holds(site: Site, call: Call) -> None:
    directory = site.folder / "backups"
    directory.mkdir(mode=0o700)
    site.configure(backup={"directory": str(directory), "sqlite_files": [str(site.database)]})
    config = ("--config", str(site.config))
    for _unused in range(2):
        assert call(*config, "backup").status == 0
    first, second = sorted(os.listdir(directory))
    for words, name in ((("archives", first), first), (("archives", "latest"), second)):
        line = call(*words, *config, "--json").line
        assert [row["name"] for row in line["archives"]] == [name]
        assert [row["name"] for row in line["components"]] == ["sqlite.db"]
        assert line["summary"] == f"{name} is good and holds 1 component"
    assert len(call("archives", *config, "--json").line["archives"]) == 2
    missing = call("archives", "absent.tar", *config)
    assert (missing.status, "there is no archive absent.tar" in missing.errors) == (2, True)


def test_g109_an_archive_that_cannot_be_read_is_not_said_to_hold_nothing(site: Site, call: Call) -> None:
    directory = site.folder / "backups"
    directory.mkdir(mode=0o700)
    site.configure(backup={"directory": str(directory), "sqlite_files": [str(site.database)]})
    config = ("--config", str(site.config))
    assert call(*config, "backup").status == 0
    (path,) = directory.iterdir()
    content = path.read_bytes()
    for changed, kind, code in (
        (content[:1000], "broken", "broken_archive"),
        (later_format(content), "newer", "newer_format"),
    ):
        path.write_bytes(changed)
        line = call("archives", path.name, *config, "--json").line
        assert line["summary"] == f"{path.name} is {kind}; what it holds is not known"
        assert [(row["severity"], row["code"]) for row in line["findings"]] == [("warning", code)]


def test_g109_a_quiet_run_prints_only_what_is_not_well(site: Site, call: Call) -> None:
    config = ("--config", str(site.config))
    site.fill(3, 0)
    assert call("-q", "session-cleanup", "--force", *config) == Done(0, "", "")
    assert "would delete" not in call("session-cleanup", "-n", "-q", *config).output
    site.configure(session_cleanup={"warning_rows": 1, "critical_rows": 1})
    site.fill(0, 4)
    assert "many_sessions" in call("session-cleanup", "--force", "-q", *config).output
