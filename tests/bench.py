"""Compare the jobs with what they replace: every figure is a ratio to a peer in the same run.

`make bench` runs all; `make bench ONLY=cleanup,health` runs some. Nothing is asserted, because the machine may be busy.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / ".collections")]

from ansible_collections.iact.maintenance.plugins.module_utils import _launcher  # noqa: E402
from tests.integration.servers import MariaDB, PostgreSQL, Server  # noqa: E402

FIXTURE = ROOT / "tests" / "fixtures" / "callcentersite"
SETTINGS = "callcentersite.settings.production"
# Odd, and enough for a median that a busy neighbour does not move.
RUNS = 9
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Measured:
    """A finished process: wall seconds, CPU seconds with its children, and its peak memory in bytes."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Site:
    """A MariaDB server with the fixture project's tables, and the config file of the command."""

    server: MariaDB
    database: str
    folder: Path
    command: Path
    environment: Mapping[str, str]

    def ours(self, *words: str) -> list[str]:
        """Return the command line of one of our commands."""
        return [sys.executable, "-I", str(self.command), *words, "--config", str(self.folder / "maintenance.json")]


def measure(argv: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Measured:
    """Return the measurements of one run of a command. Raise SystemExit if it does not end with 0."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        child = subprocess.Popen(argv, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _pid, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}:\n{output.read().decode()}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def paired(ours: Callable[[], Measured], peer: Callable[[], Measured]) -> tuple[list[Measured], list[Measured]]:
    """Measure both commands alternately, so that a slow phase affects both.

    The first run of each is not counted.
    """
    ours(), peer()
    pairs = [(ours(), peer()) for _round in range(RUNS)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def show(title: str, peer: str, pairs: tuple[list[Measured], list[Measured]]) -> None:
    """Print a comparison: medians and the ratios of the pairs."""
    ours, peers = pairs
    print(f"\n{title}, against {peer} (median of {len(ours)} pairs)")
    for name, pick in (("wall", "wall_seconds"), ("CPU", "cpu_seconds")):
        mine = [getattr(one, pick) for one in ours]
        other = [getattr(one, pick) for one in peers]
        ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
        print(
            f"  {name:4}  {statistics.median(mine):8.3f} s  peer {statistics.median(other):8.3f} s  ratio {ratio:.2f}"
        )
    print(f"  peak  {max(one.peak_bytes for one in ours) / _MIB:8.1f} MiB (our largest process)", flush=True)


def build_command(folder: Path) -> Path:
    """Return the command as one file, as the launcher writes it on a host."""
    core = ROOT / "plugins" / "module_utils" / "iact_maintenance"
    target = folder / "iact-maintenance"
    target.write_bytes(_launcher.build(_launcher.core_sources(str(core / "about.py"), None)))
    return target


def build_site(mariadb: MariaDB, postgresql: PostgreSQL, folder: Path) -> Site:
    """Return the project's tables on both servers, 100,000 sessions and metrics in MariaDB, and 100 MB of logs."""
    accounts = {"MYSQL": _account(mariadb), "POSTGRES": _account(postgresql)}
    database, user, _password = (accounts["MYSQL"][name] for name in ("NAME", "USER", "PASSWORD"))
    mariadb.execute(f"GRANT ALL ON {mariadb.quote(database)}.* TO '{user}'@'%'")
    mariadb.execute(f"GRANT SELECT ON mysql.proc TO '{user}'@'%'")
    owned = postgresql.quote(accounts["POSTGRES"]["NAME"]), postgresql.quote(accounts["POSTGRES"]["USER"])
    postgresql.execute(f"ALTER DATABASE {owned[0]} OWNER TO {owned[1]}")
    variables = {f"CALLCENTER_{kind}_{name}": text for kind, named in accounts.items() for name, text in named.items()}
    variables |= {"CALLCENTER_SESSIONS_DATABASE": "ivr", "CALLCENTER_METRICS_DATABASES": "ivr"}
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS, **variables}
    for words in (
        ("migrate", "--database", "default", "--verbosity", "0"),
        ("migrate", "--database", "ivr", "--verbosity", "0"),
        ("seed_site", "--sessions", "100000", "--expired", "60000", "--metrics", "100000"),
    ):
        argv = [sys.executable, "manage.py", *words]
        subprocess.run(argv, cwd=FIXTURE, env=environment, check=True, stdout=subprocess.PIPE)
    mariadb.execute("CREATE TABLE seed LIKE django_session", database=database)
    mariadb.execute("INSERT INTO seed SELECT * FROM django_session", database=database)
    _write_logs(folder / "logs")
    _write_settings(folder, accounts, variables)
    return Site(mariadb, database, folder, build_command(folder), environment)


def _account(server: Server) -> dict[str, str]:
    """Return a new database with an account of its own, as the fixture's variables name them."""
    database = server.create_database()
    user, password = server.create_account()
    return {"HOST": server.host, "PORT": str(server.port), "NAME": database, "USER": user, "PASSWORD": password}


def _write_logs(folder: Path) -> None:
    """Write 100 MB of JSON lines that compress like the application's."""
    folder.mkdir()
    for number in range(10):
        with (folder / f"application_json.log.{number}").open("w", encoding="utf-8") as stream:
            written = 0
            while written < 10 * _MIB:
                line = {
                    "time": time.time() + written,
                    "level": "INFO",
                    "agent": written % 997,
                    "message": f"call {written * 7919}",
                }
                written += stream.write(json.dumps(line) + "\n")


def _write_settings(folder: Path, accounts: Mapping[str, Mapping[str, str]], variables: Mapping[str, str]) -> None:
    for name in ("state", "backups"):
        (folder / name).mkdir(mode=0o700)
    mysql, postgresql = accounts["MYSQL"], accounts["POSTGRES"]
    _write_private(folder / "my.cnf", f'[client]\nuser="{mysql["USER"]}"\npassword="{mysql["PASSWORD"]}"\n')
    _write_private(folder / "pgpass", f"*:*:*:{postgresql['USER']}:{postgresql['PASSWORD']}\n")
    _write_private(folder / "site.env", "".join(f"{name}={text}\n" for name, text in variables.items()))
    settings = {
        "state_directory": str(folder / "state"),
        "mysql": {**_place(mysql), "config_file": str(folder / "my.cnf")},
        "postgresql": {**_place(postgresql), "login_user": postgresql["USER"], "passfile": str(folder / "pgpass")},
        "django": {
            "project_path": str(FIXTURE),
            "python": sys.executable,
            "settings_module": SETTINGS,
            "env_file": str(folder / "site.env"),
        },
        "session_cleanup": {"pause_seconds": 0},
        "backup": {
            "directory": str(folder / "backups"),
            "tables": ["dora_metrics"],
            "log_directory": str(folder / "logs"),
            "log_patterns": ["*_json.log*"],
        },
    }
    config = folder / "maintenance.json"
    config.write_text(json.dumps(settings), encoding="utf-8")
    config.chmod(0o644)


def _place(account: Mapping[str, str]) -> dict[str, object]:
    return {"login_host": account["HOST"], "login_port": int(account["PORT"]), "login_db": account["NAME"]}


def _write_private(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def bench_cleanup(site: Site) -> None:
    """Compare the deletion of 60,000 of 100,000 rows with Django's clearsessions; ours asks Django first."""

    def again(argv: list[str]) -> Measured:
        site.server.execute("TRUNCATE django_session", database=site.database)
        site.server.execute("INSERT INTO django_session SELECT * FROM seed", database=site.database)
        return measure(argv, site.environment, FIXTURE)

    peer = [sys.executable, "manage.py", "clearsessions"]
    ours = site.ours("session-cleanup", "--force")
    show(
        "cleanup of 60,000 of 100,000 rows", "manage.py clearsessions", paired(lambda: again(ours), lambda: again(peer))
    )


def bench_health(site: Site) -> None:
    """Compare the health check with a start of the Django project."""
    peer = [sys.executable, "-c", "import django; django.setup()"]
    # A finding is no trouble here: the command is only measured.
    ours = ["/bin/sh", "-c", '"$@" || true', "sh", *site.ours("health")]
    show(
        "health",
        "a bare django.setup()",
        paired(lambda: measure(ours, site.environment, FIXTURE), lambda: measure(peer, site.environment, FIXTURE)),
    )


def bench_backup(site: Site) -> None:
    """Compare the backup of 100,000 rows and 100 MB of logs, read back, with the old script's two commands."""
    options, out = site.folder / "my.cnf", site.folder / "peer"
    out.mkdir()
    where = f"--defaults-file={options} --host={site.server.host} --port={site.server.port} --protocol=tcp"
    dump = f"mariadb-dump {where} --single-transaction --quick {site.database} dora_metrics | gzip > {out}/d.gz"
    peer = ["/bin/sh", "-c", f"{dump} && tar czf {out}/logs.tar.gz -C {site.folder} logs"]
    ours = site.ours("backup")
    show(
        "backup of 100,000 rows and 100 MB of logs",
        "mariadb-dump | gzip and tar czf",
        paired(lambda: measure(ours), lambda: measure(peer)),
    )


def bench_start(site: Site) -> None:
    """Compare the start of the command with that of Python."""
    ours = [sys.executable, "-I", str(site.command), "version"]
    peer = [sys.executable, "-I", "-c", "pass"]
    pairs = paired(lambda: measure(ours), lambda: measure(peer))
    show("start-up (iact-maintenance version)", "python3 -I -c pass", pairs)
    more = statistics.median(a.wall_seconds - b.wall_seconds for a, b in zip(*pairs, strict=True))
    print(f"  {more * 1000:.0f} ms more than bare Python")


def bench_play() -> None:
    """Measure a second run of site.yml on provisioned hosts."""
    molecule = [sys.executable, "-m", "molecule"]
    subprocess.run([sys.executable, "tests/hosts/prepare.py"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    try:
        for step in ("create", "prepare", "converge"):
            measure([*molecule, step, "-s", "default"])
        began = time.monotonic()
        done = subprocess.run(
            [*molecule, "converge", "-s", "default"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        took = time.monotonic() - began
    finally:
        subprocess.run([*molecule, "destroy", "-s", "default"], cwd=ROOT, check=False, capture_output=True)
    print(f"\nsecond run of site.yml over unchanged hosts: {took:.1f} s")
    # Molecule colours its output whether or not anybody sees it, and may draw a line beside it.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    for host, ok, changed in re.findall(r"^[\s│]*(\S+)\s+: ok=(\d+)\s+changed=(\d+)", plain, re.MULTILINE):
        print(f"  {host}: {ok} tasks, {changed} changed")


BENCHES: dict[str, Callable[[Site], None]] = {
    "start": bench_start,
    "cleanup": bench_cleanup,
    "health": bench_health,
    "backup": bench_backup,
}
PLAY = "play"


def main() -> int:
    """Return 0 after printing every comparison."""
    names = [*BENCHES, PLAY]
    wanted = [name for name in os.environ.get("ONLY", ",".join(names)).split(",") if name]
    if unknown := set(wanted) - set(names):
        raise SystemExit(f"ONLY names {', '.join(sorted(unknown))}: of {', '.join(names)} any are allowed")
    if set(wanted) & set(BENCHES):
        compare([name for name in wanted if name in BENCHES])
    if PLAY in wanted:
        bench_play()
    return 0


def compare(names: Sequence[str]) -> None:
    """Run the named comparisons on a server of their own."""
    with contextlib.ExitStack() as stack:
        mariadb, postgresql = MariaDB.launch(), PostgreSQL.launch()
        stack.callback(mariadb.remove)
        stack.callback(postgresql.remove)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="iact-bench-"))
        site = build_site(mariadb, postgresql, Path(folder))
        for name in names:
            BENCHES[name](site)


if __name__ == "__main__":
    raise SystemExit(main())
