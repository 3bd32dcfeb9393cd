"""Time and memory of ``marrowsignal cohort`` over many cases: copies of a few finished ones under new names.

    python -m benchmarks.cohort_rebuild OUT/case1 OUT/case2 --cases 10000 --work FOLDER

Only what the command reads is copied: ``result.json`` with another case name and hash of the input, and an empty page.
CPU seconds count all processes: on a shared machine they say more than the clock.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

_EACH_S = 0.5
_MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """One rebuild: seconds by the clock, CPU seconds and largest memory of all its processes together, bytes read."""

    cases: int
    jobs: int
    wall_s: float
    cpu_s: float
    peak_pss_mb: float
    read_mb: float
    product_mb: float


def main() -> None:
    """Make the cases, rebuild their cohort, print what it took as JSON, and delete everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="+", type=Path, help="finished case folders")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--page", action="store_true", help="with cohort.html")
    parser.add_argument("--work", type=Path, help="where there is room for the copies")
    asked = parser.parse_args()
    out = Path(tempfile.mkdtemp(prefix="cohort_rebuild_", dir=asked.work))
    try:
        read = copy_cases(asked.case, out, asked.cases)
        done = rebuild(out, jobs=asked.jobs, cases=asked.cases, read_bytes=read, page=asked.page)
        sys.stdout.write(json.dumps(asdict(done)) + "\n")
    finally:
        shutil.rmtree(out)


def copy_cases(sources: list[Path], out: Path, count: int) -> int:
    """Write `count` case folders in the likeness of `sources` in turn; return how many bytes their documents have."""
    documents = [(source / "result.json").read_bytes() for source in sources]
    total = 0
    for number in range(count):
        name = hashlib.sha256(str(number).encode()).hexdigest()
        text = re.sub(
            rb'"case": "[^"]*"', f'"case": "{name[:12]}"'.encode(), documents[number % len(documents)], count=1
        )
        text = re.sub(rb'"input_sha256": "[^"]*"', f'"input_sha256": "{name}"'.encode(), text, count=1)
        folder = out / name[:12]
        folder.mkdir()
        (folder / "result.json").write_bytes(text)
        (folder / "report.html").touch()
        total += len(text)
    return total


def rebuild(out: Path, *, jobs: int, cases: int, read_bytes: int, page: bool) -> Rebuild:
    """Run the command over `out` and watch all its processes."""
    line = [sys.executable, "-m", "marrowsignal", "cohort", str(out), "-j", str(jobs), "--quiet"]
    started = time.perf_counter()
    process = subprocess.Popen([*line, *(() if page else ("--no-page",))], stdout=subprocess.DEVNULL)
    watched, spent, peak = psutil.Process(process.pid), {}, 0
    while process.poll() is None:
        memory = 0
        with suppress(psutil.Error):
            for one in (watched, *watched.children(recursive=True)):
                with suppress(psutil.Error):
                    times = one.cpu_times()
                    spent[one.pid] = times.user + times.system
                    memory += one.memory_full_info().pss
        peak = max(peak, memory)
        time.sleep(_EACH_S)
    wall = time.perf_counter() - started
    if process.returncode:
        sys.exit("the rebuild failed")
    products = [out / "cohort.duckdb", *(out / "cohort").iterdir()]
    return Rebuild(
        cases=cases,
        jobs=jobs,
        wall_s=round(wall, 1),
        cpu_s=round(sum(spent.values()), 1),
        peak_pss_mb=round(peak / _MB),
        read_mb=round(read_bytes / _MB),
        product_mb=round(sum(file.stat().st_size for file in products) / _MB),
    )


if __name__ == "__main__":
    main()
