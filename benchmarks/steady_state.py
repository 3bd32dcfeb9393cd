"""What a study costs in a process that has done others before: CPU seconds and memory, each step on its own.

``python benchmarks/steady_state.py DICOM [--marrow FILE] [--cases 4] [--threads 1] [--json FILE] [--before FILE]``

The same study is analyzed again and again by the code of `marrowsignal batch`, all outputs written, in one fresh
process; its first case pays the imports, the further ones are the steady state, told as medians. ``--json`` keeps the
figures, ``--before`` sets such a file beside them. Memory is the process's largest so far.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from marrowsignal.cohort.case_environment import case_environment, give_memory_back

_IMPORTS = "imports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of the process.

    Attributes
    ----------
    wall_s, cpu_s : float
        All of it, all threads and ended children counted.
    peak_mb : float
        Largest resident memory of the process so far.
    steps_cpu_s : dict of str to float
        CPU seconds of each step, in their order.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    steps_cpu_s: dict[str, float]


def cases_in_this_process(dicom: Path, marrow: Path | None, count: int) -> list[Case]:
    """Analyze a study so many times; this process must be a fresh one."""
    with tempfile.TemporaryDirectory() as out:
        cases = []
        for number in range(count):
            cases.append(_case(dicom, marrow, Path(out), number))
            give_memory_back()
        return cases


def _case(dicom: Path, marrow: Path | None, out: Path, number: int) -> Case:
    wall, cpu = time.perf_counter(), _cpu_s()
    steps: dict[str, float] = {}
    last = cpu

    def done(step: str) -> None:
        nonlocal last
        now = _cpu_s()
        steps[step] = steps.get(step, 0.0) + now - last
        last = now

    from marrowsignal.cohort.one_study import (  # noqa: PLC0415 - imports are part of the first case
        StudyRequest,
        analyze_pair,
        pairs_of,
        series_of,
    )
    from marrowsignal.exports.layout import CaseOptions  # noqa: PLC0415
    from marrowsignal.marrow.supplied import MarrowRequest  # noqa: PLC0415

    done(_IMPORTS)
    request = StudyRequest(
        paths=(dicom,), out=out, options=CaseOptions(), marrow=None if marrow is None else MarrowRequest(path=marrow)
    )
    pairs = pairs_of(request, series_of(request))
    done("find_series")
    for place, pair in enumerate(pairs):
        analyze_pair(request, pair, f"case{number}-{place}", on_step=done)
    return Case(wall_s=time.perf_counter() - wall, cpu_s=_cpu_s() - cpu, peak_mb=_peak_mb(), steps_cpu_s=steps)


def _cpu_s() -> float:
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def _peak_mb() -> float:
    """Largest resident memory so far; getrusage would tell that of the process it was forked from, where larger."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def report(cases: list[Case], before: list[Case] | None) -> list[str]:
    """Return the table's lines: steps down, first and further cases across, and the further ones of `before`."""
    then = None if before is None else _further(before)
    now = _further(cases)
    head = f"{'':22}{'first':>9}{'further':>9}" + ("" if then is None else f"{'before':>9}{'x':>7}")
    lines = [f"{len(cases)} cases of one study, one process; CPU seconds", head]
    for step in dict.fromkeys((*cases[0].steps_cpu_s, *now, *(then or ()))):
        lines.append(_line(step, cases[0].steps_cpu_s.get(step), now.get(step), None if then is None else then, step))
    for name, key in (("all, CPU s", "cpu_s"), ("all, wall s", "wall_s"), ("peak MB", "peak_mb")):
        total = {key: _median(cases, key)}
        old = None if before is None else {key: _median(before, key)}
        lines.append(_line(name, getattr(cases[0], key), total[key], old, key))
    return lines


def _line(name: str, first: float | None, further: float | None, before: dict[str, float] | None, key: str) -> str:
    cells = "".join(f"{'' if value is None else f'{value:.2f}':>9}" for value in (first, further))
    old = None if before is None else before.get(key)
    if old is not None:
        cells += f"{old:>9.2f}{'' if not further else f'{old / further:.2f}':>7}"
    return f"{name:22}{cells}"


def _further(cases: list[Case]) -> dict[str, float]:
    later = cases[1:] or cases
    return {
        step: statistics.median(case.steps_cpu_s[step] for case in later)
        for step in later[0].steps_cpu_s
        if step != _IMPORTS
    }


def _median(cases: list[Case], key: str) -> float:
    return float(statistics.median(getattr(case, key) for case in cases[1:] or cases))


def main() -> int:
    """Run the process and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dicom", type=Path)
    parser.add_argument("--marrow", type=Path)
    parser.add_argument("--cases", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        told = [asdict(case) for case in cases_in_this_process(given.dicom, given.marrow, given.cases)]
        sys.stdout.write("\n" + json.dumps(told) + "\n")
        return 0
    command = [sys.executable, __file__, *sys.argv[1:], "--here"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=case_environment(given.threads))
    text = done.stdout.splitlines()[-1]
    if given.json is not None:
        given.json.write_text(text + "\n", encoding="utf-8")
    before = None if given.before is None else _read(given.before.read_text(encoding="utf-8"))
    sys.stdout.write("\n".join(report(_read(text), before)) + "\n")
    return 0


def _read(text: str) -> list[Case]:
    return [Case(**one) for one in json.loads(text)]


if __name__ == "__main__":
    raise SystemExit(main())
