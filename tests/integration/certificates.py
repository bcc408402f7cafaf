"""Certificates for servers of tests: an authority, and what it signed."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """An authority of the test's own, another one, and a server's certificate by the first for one name."""

    authority: Path
    stranger: Path
    certificate: Path
    key: Path


def make(directory: Path, owner: str, name: str = "IP:127.0.0.1") -> Certificates:
    """Return certificates in a new folder that the server's account can read."""
    directory.mkdir()
    for authority in ("authority", "stranger"):
        _openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={authority}",
                 "-keyout", f"{authority}.key", "-out", f"{authority}.pem")  # fmt: skip
    _openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-keyout", "server.key",
             "-out", "server.csr")  # fmt: skip
    (directory / "extensions").write_text(f"subjectAltName={name}\n", encoding="ascii")
    _openssl(directory, "x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "authority.pem", "-CAkey",
             "authority.key", "-CAcreateserial", "-extfile", "extensions", "-out", "server.pem")  # fmt: skip
    for path in (directory, *directory.iterdir()):
        shutil.chown(path, owner, owner)
    directory.chmod(0o755)
    (directory / "server.key").chmod(0o600)
    return Certificates(*(directory / name for name in ("authority.pem", "stranger.pem", "server.pem", "server.key")))


@dataclass(frozen=True)
class ClientFiles:
    """A client's certificate and key, each in a file of its own, both in one file, and the key under a passphrase."""

    certificate: Path
    key: Path
    both: Path
    locked: Path


def make_client(directory: Path, made: Certificates, name: str) -> ClientFiles:
    """Return the files of a client of that name, readable by whoever runs the test alone."""
    directory.mkdir()
    authority = str(made.authority.with_suffix(""))
    _openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", "client.key",
             "-out", "client.csr")  # fmt: skip
    _openssl(directory, "x509", "-req", "-days", "2", "-in", "client.csr", "-CA", f"{authority}.pem", "-CAkey",
             f"{authority}.key", "-CAcreateserial", "-out", "client.pem")  # fmt: skip
    _openssl(directory, "rsa", "-aes128", "-passout", "pass:x", "-in", "client.key", "-out", "locked.key")
    files = ClientFiles(*(directory / name for name in ("client.pem", "client.key", "both.pem", "locked.pem")))
    for path, key in ((files.both, files.key), (files.locked, directory / "locked.key")):
        path.write_text(files.certificate.read_text(encoding="ascii") + key.read_text(encoding="ascii"))
    for path in directory.iterdir():
        path.chmod(0o600)
    return files


def _openssl(directory: Path, *argv: str) -> None:
    subprocess.run(["openssl", *argv], cwd=directory, check=True, capture_output=True, timeout=60)
