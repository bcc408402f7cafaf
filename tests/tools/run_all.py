"""Run all tests, or the groups in the arguments: lint, build, unit, demo, integration, sanity, molecule.

The output of a stage is in .cache/test/<stage>.log and is shown if it fails. Exit status 0 if nothing failed. With the
variable CI set, skipping sanity, Galaxy's importer, the servers or Molecule is a failure.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import FrameType

import packages
from processes import Processes, give_children_ordinary_signals
from results import Result, judge, summary
from stages import LOGS, Stage, lanes

_printing = threading.Lock()


def main(groups: list[str]) -> int:
    """Return 0 if nothing failed, 1 if something did, 2 for an unknown group."""
    chosen = [[stage for stage in lane if not groups or stage.group in groups] for lane in lanes()]
    known = {stage.group for lane in lanes() for stage in lane}
    if unknown := set(groups) - known:
        sys.stderr.write(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}\n")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    processes = Processes()
    give_children_ordinary_signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        results = [*_packages({stage.group for lane in chosen for stage in lane}, processes), *_run(chosen, processes)]
    except KeyboardInterrupt:
        processes.end_all()
        sys.stderr.write("interrupted\n")
        return 130
    _show(summary(results))
    return 1 if any(result.failed for result in results) else 0


def _run(chosen: list[list[Stage]], processes: Processes) -> list[Result]:
    """Return the results in the order of the stages."""
    pool = ThreadPoolExecutor(len(chosen))
    try:
        lanes_running = [pool.submit(_run_lane, lane, processes) for lane in chosen]
        return [result for lane in lanes_running for result in lane.result()]
    finally:
        # Not waiting, because after an interruption the programs are still to be ended.
        pool.shutdown(wait=False, cancel_futures=True)


def _run_lane(lane: list[Stage], processes: Processes) -> list[Result]:
    return [_run_stage(stage, processes) for stage in lane]


def _run_stage(stage: Stage, processes: Processes) -> Result:
    started = time.monotonic()
    stage.log.unlink(missing_ok=True)
    stage.log.touch()
    result = judge(stage.run(processes, stage.log), stage.skips_fail_in_ci and bool(os.environ.get("CI")))
    result = replace(result, duration_seconds=time.monotonic() - started)
    text = f"{stage.name}: {result.line()} ({result.duration_seconds:.1f} s)"
    if result.failed:
        text = f"{stage.log.read_text(encoding='utf-8', errors='replace')}\n{text}; the above is {stage.log}"
    _show(text)
    return result


def _packages(groups: set[str], processes: Processes) -> list[Result]:
    """Install what is missing; gives a failed result where that does not work, and says what is missing elsewhere."""
    missing = packages.missing(groups)
    if not missing:
        return []
    if not packages.can_install():
        _show(f"not installed, so some tests will be skipped: {', '.join(missing)}")
        return []
    _show(f"installing {', '.join(missing)} ...")
    log = LOGS / "packages.log"
    log.unlink(missing_ok=True)
    status = packages.install(missing, processes, log)
    if status == 0:
        return []
    _show(log.read_text(encoding="utf-8", errors="replace"))
    return [Result("packages", failed=1, reasons=(f"apt-get ended with status {status}",))]


def _show(text: str) -> None:
    with _printing:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
