"""Makes the machine ready for Molecule: a Docker engine that answers, and images of a Debian host.

Molecule runs it as its dependency, before anything else. What is there already is used as it is; what is missing is
installed and built once. ``IACT_TEST_IMAGE`` names a Debian image with systemd, Python and sudo to use instead of the
built base.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SUITE = os.environ.get("IACT_TEST_SUITE", "bookworm")
GIVEN_IMAGE = os.environ.get("IACT_TEST_IMAGE")
REQUIREMENTS = ROOT / "tests/fixtures/callcentersite/requirements.txt"
PYTHONS = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
ENGINE_TIMEOUT_SECONDS = 60

ENGINE_PROGRAMS = {"dockerd": "docker.io", "docker": "docker.io", "iptables": "iptables"}
BUILD_PROGRAMS = {"debootstrap": "debootstrap"}
# cron and logrotate stay out, so that the role meets a host without them
BASE_PACKAGES = "python3,python3-apt,systemd,systemd-sysv,dbus,procps,ca-certificates,sudo"
# -no-install-recommends because postgresql-common recommends logrotate; and no drivers, no zstd: the role brings them
SITE_PACKAGES = ("mariadb-server", "postgresql", "python3-venv", "curl")


def stop(sentence: str) -> NoReturn:
    """Print one line for people and end with exit status 1."""
    raise SystemExit(f"prepare.py: {sentence}")


def run(argv: Sequence[str], **options: object) -> None:
    """Run a program with its output on the terminal; end if its exit status is not 0."""
    print("+ " + " ".join(argv), flush=True)
    status = subprocess.run(list(argv), check=False, **options).returncode  # type: ignore[call-overload]
    if status != 0:
        stop(f"`{' '.join(argv[:3])}` ended with status {status}")


def answers(argv: Sequence[str]) -> bool:
    """Return whether a program exists and ends with status 0."""
    try:
        return subprocess.run(list(argv), check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def install_programs() -> None:
    """Install the Debian packages whose programs are missing; elsewhere name them and stop."""
    wanted = sorted(missing_packages())
    if not wanted:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        stop(f"these packages are missing: {', '.join(wanted)} (they are installed only on Debian and as root)")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    wait = ["-o", "DPkg::Lock::Timeout=600"]
    run(["apt-get", *wait, "-q", "update"], env=environment)
    run(["apt-get", *wait, "-q", "install", "-y", "--no-install-recommends", *wanted], env=environment)


def missing_packages() -> set[str]:
    """Return the packages without which this machine cannot start a test host."""
    engine = answers(["docker", "info"])
    programs = {} if engine else dict(ENGINE_PROGRAMS)
    if GIVEN_IMAGE is None and not (engine and image_exists(base_image())):
        programs.update(BUILD_PROGRAMS)
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return {package for program, package in programs.items() if shutil.which(program, path=path) is None}


def start_engine() -> None:
    """Start dockerd in the background unless an engine answers, and wait for it."""
    if answers(["docker", "info"]):
        return
    if os.geteuid() != 0:
        stop("no Docker engine answers, and only root may start one: start it, or let this user into the group docker")
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "dockerd.log", "ab") as log:
        engine = subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    until = time.monotonic() + ENGINE_TIMEOUT_SECONDS
    while not answers(["docker", "info"]):
        # two checkouts may start one at the same time: the loser ends, and the winner's answers
        if time.monotonic() > until:
            stop(f"the Docker engine (pid {engine.pid}) does not answer; see .cache/dockerd.log")
        time.sleep(0.2)


def key(*recipe: str) -> str:
    """Return a short hash of a recipe, so that a changed recipe makes another image."""
    return hashlib.sha256("\n".join(recipe).encode()).hexdigest()[:12]


def base_image() -> str:
    """Return the name of the image of a bare Debian with systemd and Python."""
    return GIVEN_IMAGE or f"iact-host:{SUITE}-{key(SUITE, BASE_PACKAGES, *BASE_COMMANDS)}"


def site_image() -> str:
    """Return the name of the image that also has the large packages: both database servers."""
    return f"iact-site:{SUITE}-{key(base_image(), site_script())}"


def image_exists(name: str) -> bool:
    """Return whether the engine has an image with this name."""
    return answers(["docker", "image", "inspect", name])


def read_deb822(text: str) -> Iterator[dict[str, str]]:
    """Yield each paragraph of a deb822 sources file as a mapping with lower-case names."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        fields = [line.split(":", 1) for line in lines if ":" in line and not line[0].isspace()]
        if fields:
            yield {name.strip().lower(): content.strip() for name, content in fields}


def sources() -> Iterator[tuple[str, list[str]]]:
    """Yield each address that the machine's apt reads, with its suites."""
    folder = Path("/etc/apt")
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for entry in read_deb822(path.read_text(encoding="utf-8")):
            for address in entry.get("uris", "").split():
                yield address, entry.get("suites", "").split()
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for match in re.finditer(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE):
            yield match.group(1), [match.group(2)]


def machine_suite() -> str | None:
    """Return the code name of the machine's own distribution."""
    match = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    return match.group(1) if match else None


def mirror() -> str:
    """Return the Debian mirror of the machine's own apt."""
    suite = machine_suite()
    for address, suites in sources():
        if suite in suites:
            return address.rstrip("/")
    return stop("no apt source of this machine names its own suite; set IACT_TEST_IMAGE to an image that you have")


# debootstrap leaves the package lists, which the role must be able to do without: a real virgin host has none either
BASE_COMMANDS = ("rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin", "apt-get clean")


def build_base() -> None:
    """Build the base image with debootstrap, in a folder under .cache that is removed again."""
    folder = CACHE / f"debootstrap-{SUITE}-{os.getpid()}"
    CACHE.mkdir(exist_ok=True)
    try:
        run(["debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", SUITE, str(folder), mirror()])
        for command in BASE_COMMANDS:
            run(["chroot", str(folder), "sh", "-c", command])
        import_folder(folder, base_image())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def import_folder(folder: Path, image: str) -> None:
    """Turn a folder into an image."""
    with subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as packer:
        run(["docker", "import", "-", image], stdin=packer.stdout)
    if packer.returncode != 0:
        run(["docker", "image", "rm", image])
        stop("tar could not pack the base image")


def site_script() -> str:
    """Return the shell script that makes the site's image from the base image."""
    return " && ".join(
        [
            "apt-get -q update",
            "apt-get -q install -y --no-install-recommends " + " ".join(SITE_PACKAGES),
            "apt-get clean",
            "rm -rf /var/lib/apt/lists/*",
        ]
    )


def build_site() -> None:
    """Build the second image by running its script in a container of the first one."""
    name = f"iact-build-{os.getpid()}"
    environment = ["--env", "DEBIAN_FRONTEND=noninteractive"]
    try:
        run(["docker", "run", "--name", name, *environment, base_image(), "sh", "-c", site_script()])
        run(["docker", "commit", name, site_image()], stdout=subprocess.DEVNULL)
    finally:
        answers(["docker", "rm", "--force", name])


def fetch_wheels() -> None:
    """Download what the fixture project needs as wheels for the host's Python, so that hosts need no package index."""
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    folder, stamp = CACHE / f"wheels-{SUITE}", CACHE / f"wheels-{SUITE}" / ".recipe"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHONS[SUITE]}"]
    target.append(f"--platform=manylinux2014_{platform.machine()}")
    run([sys.executable, "-m", "pip", "download", "-q", *target, "-d", str(folder), "-r", str(REQUIREMENTS)])
    stamp.write_text(wanted, encoding="utf-8")


def main() -> int:
    """Prepare engine, images and wheels, and tag the images with the names in molecule.yml."""
    install_programs()
    start_engine()
    if not image_exists(base_image()):
        if GIVEN_IMAGE is None:
            build_base()
        else:
            run(["docker", "pull", GIVEN_IMAGE])
    if not image_exists(site_image()):
        build_site()
    run(["docker", "tag", base_image(), f"iact-host:{SUITE}"])
    run(["docker", "tag", site_image(), f"iact-site:{SUITE}"])
    fetch_wheels()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
