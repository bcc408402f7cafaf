"""Find rules that already rotate the jobs' logs, reading the configuration as logrotate(8) does."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from ..sections.jobs import SCHEDULED_JOBS
from .places import MARKER, Subject, first_lines
from .refusal import Refusal
from .variables import PREFIX

_VARIABLE = f"{PREFIX}logrotate"
# Suffixes of names that logrotate ignores in a directory (config.c, defTabooExts).
_TABOO = (
    *(",v", ".bak", ".cfsaved", ".disabled", ".dpkg-bak", ".dpkg-del", ".dpkg-dist", ".dpkg-new", ".dpkg-old"),
    *(
        ".dpkg-tmp",
        ".rhn-cfg-tmp-*",
        ".rpmnew",
        ".rpmorig",
        ".rpmsave",
        ".swp",
        ".ucf-dist",
        ".ucf-new",
        ".ucf-old",
        "~",
    ),
)
_OTHERS_MAY_WRITE = 0o022
_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")
_DEEPEST = 8


class Rule(NamedTuple):
    """A pattern of a rule, its file, and the log that it matches."""

    file: str
    pattern: str
    log: str


class _Reader:
    """Read a configuration with its includes and its list of ignored names."""

    def __init__(self) -> None:
        self.taboo = [f"*{ending}" for ending in _TABOO]

    def patterns(self, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
        """Yield each file that counts with each pattern of its rules."""
        if depth > _DEEPEST:
            return
        if os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                if not any(fnmatchcase(name, taboo) for taboo in self.taboo):
                    yield from self.patterns(os.path.join(path, name), depth + 1)
        elif _counts(path):
            yield from self._read(path, depth)

    def _read(self, path: str, depth: int) -> Iterator[tuple[str, str]]:
        lines = iter(first_lines(path))
        for line in lines:
            text = line.strip()
            if text.startswith(("/", '"', "'", "~")):
                head, brace, rest = text.partition("{")
                yield from ((path, pattern) for pattern in _words(head))
                if brace and "}" not in rest:
                    _skip_body(lines)
            elif text.startswith("{"):
                _skip_body(lines)
            else:
                yield from self._directive(text, depth)

    def _directive(self, text: str, depth: int) -> Iterator[tuple[str, str]]:
        word, *arguments = _words(text.replace("=", " ", 1)) or [""]
        if word == "include" and arguments:
            yield from self.patterns(arguments[0], depth + 1)
        elif word in ("tabooext", "taboopat"):
            if arguments[:1] != ["+"]:
                self.taboo = []
            names = ",".join(arguments).replace("+", "").split(",")
            self.taboo += [name if word == "taboopat" else f"*{name}" for name in names if name]


def _skip_body(lines: Iterator[str]) -> None:
    """Skip the rest of a rule, whose scripts may contain braces."""
    for line in lines:
        text = line.strip()
        if text in _SCRIPTS:
            for inner in lines:
                if inner.strip() == "endscript":
                    break
        elif text.startswith("}"):
            return


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def _counts(path: str) -> bool:
    """Return whether logrotate would read a file, also through a link."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    is_trusted = status.st_uid in (0, os.geteuid()) and not status.st_mode & _OTHERS_MAY_WRITE
    return stat.S_ISREG(status.st_mode) and is_trusted


def is_ours(path: str) -> bool:
    """Return whether the role wrote the rule."""
    return os.path.isfile(path) and first_lines(path)[:1] == [MARKER]


def look(subject: Subject) -> list[Rule]:
    """Return other rules that match one of our logs."""
    ours = subject.places.rotation if is_ours(subject.places.rotation) else ""
    logs = [os.path.join(subject.site.log_directory, job.log) for job in SCHEDULED_JOBS]
    main = subject.places.logrotate
    # Before logrotate is installed: its default configuration includes the directory.
    read = _Reader().patterns(main if os.path.exists(main) else os.path.dirname(subject.places.rotation))
    return [Rule(file, pattern, log) for file, pattern in read if file != ours for log in logs if _takes(pattern, log)]


def _takes(pattern: str, log: str) -> bool:
    """Return whether a pattern of glob(7) matches a path, part by part, because `*` does not match a slash."""
    if "{" in pattern:
        return False
    wanted = os.path.normpath(pattern).split("/")
    for path in (log, os.path.join(os.path.realpath(os.path.dirname(log)), os.path.basename(log))):
        parts = path.split("/")
        if len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)):
            return True
    return False


def refusals(subject: Subject, rules: list[Rule]) -> Iterator[Refusal]:
    """Return the rules that conflict with the role's own."""
    if subject.site.logrotate == "keep":
        return
    for file, pattern in dict.fromkeys((rule.file, rule.pattern) for rule in rules):
        message = (
            f"the jobs' logs are rotated already by {file} ({pattern}); set {_VARIABLE} to keep to leave it "
            "unchanged, or "
            "remove the logs from that rule"
        )
        yield Refusal("rotated_already", message, _VARIABLE)
    path = subject.places.rotation
    if os.path.lexists(path) and not is_ours(path):
        message = f"the role did not write {path} and would replace it; set {_VARIABLE} to keep, or move it away"
        yield Refusal("foreign_rotation", message, _VARIABLE)
