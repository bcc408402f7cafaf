"""What to do about a path that cannot be used: no sudo for what was run with it, no chown of what is not ours."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import permissions
from tests.unit.session_site import MODULE_UTILS, Site, let_everybody_enter

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
SCRIPT = """
import os, pwd, sys
from iact_maintenance import permissions
user, jobs, path, shared, written, within = sys.argv[1:]
account = pwd.getpwnam(user)
os.setgroups([]); os.setgid(account.pw_gid); os.setuid(account.pw_uid)
permissions.run_for(jobs or None)
try:
    os.listdir(path) if os.path.isdir(path) else os.close(os.open(path, os.O_RDWR | os.O_CREAT))
except OSError as error:
    print(permissions.advice(path, error, is_shared=bool(shared), is_written=bool(written), within=within))
"""


def told(
    path: Path,
    *,
    user: str = "nobody",
    jobs: str = "nobody",
    shared: bool = False,
    written: bool = False,
    within: str = "",
) -> str:
    """Return the advice that an account gets for a path, in a process of its own."""
    words = [user, jobs, str(path), "x" if shared else "", "x" if written else "", within]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, check=True, cwd=MODULE_UTILS, timeout=30
    )
    return done.stdout.strip()


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory into which everybody may look."""
    place = tmp_path_factory.mktemp("place")
    let_everybody_enter(place)
    return place


@as_root
def test_g1j_what_is_ours_and_root_s_is_given_to_the_account_of_the_jobs(place: Path) -> None:
    (place / "state").mkdir(mode=0o750)
    (place / "state" / "x.lock").touch(0o600)
    state = place / "state"
    assert told(state) == f"chown nobody {state} (it belongs to root)"
    assert told(state / "x.lock", within=str(state)) == f"chown nobody {state} (it belongs to root)"
    state.chmod(0o755)
    assert told(state / "x.lock", within=str(state)) == f"chown nobody {state} (it belongs to root)"
    os.chown(state, pwd.getpwnam("nobody").pw_uid, -1)
    assert told(state / "x.lock", within=str(state)) == f"chown nobody {state}/x.lock (it belongs to root)"


@as_root
@pytest.mark.parametrize("path", ["/var/lib", "/usr"])
def test_g1j_a_directory_of_the_system_is_never_given_away(path: str) -> None:
    assert told(Path(path) / "x.lock") == f"{path} belongs to the system: set a directory in it, such as {path}/iact"


@as_root
def test_g1j_a_directory_on_the_way_is_never_given_away(place: Path) -> None:
    (place / "home").mkdir(mode=0o700)
    (place / "home" / ".pgpass").touch(0o600)
    assert told(place / "home" / ".pgpass") == (
        f"let nobody enter {place}/home (chmod o+x, or its group root), or set another path"
    )


@as_root
def test_g13_what_belongs_to_the_application_stays_its_own(place: Path) -> None:
    (place / ".env").touch(0o600)
    os.chown(place / ".env", -1, grp.getgrnam("daemon").gr_gid)
    advice = told(place / ".env", shared=True)
    assert "usermod -aG daemon nobody" in advice and f"chmod g+r {place}/.env" in advice
    assert "chown" not in advice


@as_root
@pytest.mark.parametrize(("use", "mode"), [("read", "g+r"), ("written", "g+rw")])
def test_g1j_the_account_of_the_jobs_is_never_put_into_root_s_group(place: Path, use: str, mode: str) -> None:
    path = place / "db"
    path.touch(0o644 if use == "written" else 0o600)
    advice = told(path, shared=True, written=use == "written")
    assert "usermod" not in advice and f"chgrp {path}" in advice
    assert advice.endswith(f"chmod {mode} {path}")


@as_root
def test_g1j_somebody_else_is_told_to_use_sudo(place: Path) -> None:
    (place / "state").mkdir(mode=0o700)
    assert told(place / "state", jobs="daemon") == "run this with sudo, or with -b in Ansible"


@as_root
def test_g1j_without_a_named_account_the_owner_is_named_first(place: Path) -> None:
    (place / "state").mkdir(mode=0o700)
    os.chown(place / "state", pwd.getpwnam("daemon").pw_uid, -1)
    assert told(place / "state", jobs="").startswith(f"{place}/state belongs to daemon: run this as daemon")


@as_root
def test_g1j_a_mode_that_keeps_its_own_owner_out_is_mended_by_chmod(place: Path) -> None:
    (place / "x").touch(0o400)
    os.chown(place / "x", pwd.getpwnam("nobody").pw_uid, -1)
    assert told(place / "x") == f"chmod u+rw {place}/x"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "correct django.env_file, or create it"),
        (errno.ENOTDIR, "correct django.env_file, or create it"),
        (errno.EROFS, "findmnt"),
        (errno.ELOOP, "symbolic link"),
        (errno.EISDIR, "set django.env_file to a file"),
        (errno.EIO, "journalctl -k"),
        (errno.ENAMETOOLONG, ""),
    ],
)
def test_g13_each_fault_has_the_advice_that_fits_it(number: int, words: str, tmp_path: Path) -> None:
    advice = permissions.advice(str(tmp_path / "x"), OSError(number, "x"), option="django.env_file")
    assert words in advice and bool(words) == bool(advice)


@as_root
def test_g1j_a_config_file_is_opened_to_the_account_and_stays_root_s(site: Site) -> None:
    """Given to the account, it would be refused when root runs the command."""
    let_everybody_enter(site.folder)
    site.config.chmod(0o600)
    line = [sys.executable, "-m", "iact_maintenance.cli.start", "archives", "--config", str(site.config)]
    done = subprocess.run(
        ["setpriv", "--reuid=nobody", "--clear-groups", *line],
        capture_output=True, text=True, check=False, cwd=MODULE_UTILS, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2 and f"chmod 0644 {site.config}" in done.stderr, done
    assert "chown" not in done.stderr


@as_root
@pytest.mark.parametrize("owner", ["root", "daemon"])
def test_g1j_a_state_directory_of_another_owner_is_told_to_root_as_well(site: Site, owner: str, place: Path) -> None:
    site.state = place / "state"
    site.state.mkdir(mode=0o755)
    os.chown(site.state, pwd.getpwnam(owner).pw_uid, -1)
    let_everybody_enter(site.folder)
    os.chown(site.database, pwd.getpwnam("nobody").pw_uid, -1)
    site.configure(user="nobody")  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-m", "iact_maintenance.cli.start", "archives", "--config", str(site.config)],
        capture_output=True, text=True, check=False, cwd=MODULE_UTILS, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"chown nobody {site.state} (it belongs to {owner})" in done.stderr
    assert "sudo" not in done.stderr
