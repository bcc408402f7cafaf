"""The results of the stages of the tests, and their summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Result:
    """How many tests of a stage passed, failed and were skipped, with the reasons."""

    stage: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()
    duration_seconds: float = 0.0

    def line(self) -> str:
        """Return the figures as in the last line of the summary."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def one(stage: str, status: int) -> Result:
    """Return the result of a stage that counts as one test."""
    if status == 0:
        return Result(stage, passed=1)
    return Result(stage, failed=1, reasons=(f"ended with status {status}",))


def skip(stage: str, reason: str) -> Result:
    """Return the result of a stage that could not run here."""
    return Result(stage, skipped=1, reasons=(reason,))


def from_junit(stage: str, report: Path, status: int) -> Result:
    """Return pytest's result from its JUnit file; a run that ended early counts one failure more."""
    if not report.exists():
        return Result(stage, failed=1, reasons=(f"pytest ended with status {status} and without a report",))
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        kind, reason = _kind(case)
        kinds[kind] += 1
        reasons.update([reason] if reason else [])
    broken = status != 0 and not kinds["failed"]
    told = [f"{number} x {reason}" if number > 1 else reason for reason, number in reasons.items()]
    told += [f"pytest ended with status {status}"] if broken else []
    return Result(stage, kinds["passed"], kinds["failed"] + broken, kinds["skipped"], tuple(told))


def judge(result: Result, skips_fail: bool) -> Result:
    """Return the result as it counts: no tests at all is a failure, and with `skips_fail` a skip is one too."""
    if result.passed + result.failed + result.skipped == 0:
        return replace(result, failed=1, reasons=("there was nothing to test",))
    if skips_fail and result.skipped:
        return replace(result, failed=result.failed + result.skipped, skipped=0)
    return result


def summary(results: Iterable[Result]) -> str:
    """Return the table of all stages, the reasons for failures and skips, and the totals as the last line."""
    rows = list(results)
    lines = [f"{'stage':<24}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}"]
    for row in rows:
        lines.append(f"{row.stage:<24}{row.passed:>8}{row.failed:>8}{row.skipped:>8}{row.duration_seconds:>9.1f}")
    lines += [f"{row.stage}: {reason}" for row in rows for reason in row.reasons]
    figures = [sum(column) for column in zip(*((row.passed, row.failed, row.skipped) for row in rows))]
    total = Result("all", *figures)
    return "\n".join([*lines, total.line()])


def _kind(case: ElementTree.Element) -> tuple[str, str]:
    """Return passed, failed or skipped, and the reason of the last two."""
    name = f"{case.get('classname', '')}.{case.get('name', '')}"
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed", name
    skipped = case.find("skipped")
    if skipped is not None:
        return "skipped", skipped.get("message", "")
    return "passed", ""
