"""Thousands of mutated files through the whole way, watched from outside: ``make fuzz``.

Usage: ``python -m tests.dicom.fuzz_many [--files 10000] [--first-seed 0] [--workers 2]``; ``--seed 123`` runs one
case in this process, with its traceback. Exit code 1 when a case ends in a foreign exception, in a crash, takes
more than 5 s, or its process needs more than 500 MB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests.dicom.mutations import case_of, write_case
from tests.dicom.sample_studies import SAMPLES, sample_study
from tests.dicom.whole_way import go, inspect

__all__ = ["main"]

MOST_SECONDS, MOST_MB = 5.0, 500.0
_ADDRESS_SPACE = 6 * 2**30
_EVERY_WHICH_INSPECTED = 5
_EVERY_WHICH_ZIPPED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a worker tells of one case; `trouble` is empty when it ended as it should."""

    seed: int
    files: int = 0
    files_read: int = 0
    code: str = ""
    trouble: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0


@dataclass
class Tally:
    """What has come in so far."""

    files: int = 0
    files_read: int = 0
    cases: int = 0
    inspected: int = 0
    hangs: list[int] = field(default_factory=list)
    crashes: list[int] = field(default_factory=list)
    tracebacks: list[Report] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: Report = field(default_factory=lambda: Report(seed=-1))
    largest: Report = field(default_factory=lambda: Report(seed=-1))

    def add(self, report: Report) -> None:
        """Count one case."""
        self.cases += 1
        self.inspected += report.seed % _EVERY_WHICH_INSPECTED == 0
        self.files += report.files
        self.files_read += report.files_read
        if report.trouble:
            self.tracebacks.append(report)
        else:
            self.codes[report.code] += 1
        self.slowest = max(self.slowest, report, key=lambda one: one.seconds)
        self.largest = max(self.largest, report, key=lambda one: one.peak_mb)


def run_case(seed: int) -> Report:
    """One case; any exception that reaches this place is trouble."""
    start = time.perf_counter()
    files, read, code, trouble = 0, 0, "", ""
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        try:
            files = write_case(case_of(seed), Path(folder))
            path = zipped(Path(folder), seed) if seed % _EVERY_WHICH_ZIPPED == 0 else Path(folder)
            start = time.perf_counter()
            ending = go(path)
            code, read = ending.code, ending.files
            if seed % _EVERY_WHICH_INSPECTED == 0:
                inspect(path, as_json=seed % 2 == 0)
        except BaseException:  # noqa: BLE001 - whatever gets here is what the run looks for
            trouble = traceback.format_exc()
        seconds = time.perf_counter() - start
    return Report(
        seed=seed, files=files, files_read=read, code=code, trouble=trouble, seconds=seconds, peak_mb=_peak_mb()
    )


def zipped(folder: Path, seed: int) -> Path:
    """Pack a folder's files into a zip, half of the time with a few bytes wrong, and return where it is."""
    chance = random.Random(seed)
    path = folder / "study.zip"
    with zipfile.ZipFile(path, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file() and file != path):
            archive.write(file, file.relative_to(folder))
    if chance.random() < 0.5:
        data = bytearray(path.read_bytes())
        for _ in range(chance.choice((1, 3, 20))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice((len(data), len(data), len(data) - 30))])
    return path


def _peak_mb() -> float:
    """Largest resident size of this process; getrusage would tell that of the process it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _work(pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    # What libraries write to the terminal would bury the summary.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for name in SAMPLES:
        sample_study(name)
    pipe.send("ready")
    while (seed := pipe.recv()) is not None:
        pipe.send(run_case(seed))


@dataclass
class Worker:
    """A process, the case it is at and since when."""

    process: multiprocessing.Process
    pipe: Connection
    seed: int
    since: float

    @classmethod
    def start(cls) -> Worker:
        """Start a process and wait until it can take cases."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        ours.recv()
        return cls(process, ours, -1, 0.0)

    def give(self, seed: int) -> None:
        """Send a case."""
        self.seed, self.since = seed, time.monotonic()
        self.pipe.send(seed)

    def replaced(self) -> Worker:
        """Stop it and start another."""
        self.stop()
        return Worker.start()

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run_many(files: int, first_seed: int, workers: int) -> Tally:
    """Run cases from `first_seed` on until `files` mutated files were looked at."""
    tally, seed = Tally(), first_seed
    crew = [Worker.start() for _ in range(workers)]
    for worker in crew:
        worker.give(seed)
        seed += 1
    while crew and tally.files < files:
        ready = wait([worker.pipe for worker in crew], timeout=0.2)
        for number, worker in enumerate(crew):
            if worker.pipe in ready:
                try:
                    tally.add(worker.pipe.recv())
                except (EOFError, ConnectionResetError):
                    tally.crashes.append(worker.seed)
                    crew[number] = worker.replaced()
            elif time.monotonic() - worker.since > MOST_SECONDS:
                tally.hangs.append(worker.seed)
                crew[number] = worker.replaced()
            else:
                continue
            crew[number].give(seed)
            seed += 1
    for worker in crew:
        worker.stop()
    return tally


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run and print one summary line, and what was wrong before it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--seed", type=int)
    given = options.parse_args()
    if given.seed is not None:
        _say(f"{case_of(given.seed)}\n{(report := run_case(given.seed))}\n{report.trouble}")
        return int(bool(report.trouble))
    tally = run_many(given.files, given.first_seed, given.workers)
    for report in tally.tracebacks[:20]:
        _say(f"seed {report.seed}: {report.trouble}")
    for name, seeds in (("hang", tally.hangs), ("crash", tally.crashes)):
        for seed in seeds:
            _say(f"{name} at seed {seed}: {case_of(seed)}")
    codes = ", ".join(f"{code} {count}" for code, count in tally.codes.most_common())
    _say(
        f"{tally.files} mutated files in {tally.cases} studies ({tally.inspected} also through the command): "
        f"{len(tally.tracebacks)} tracebacks, {len(tally.hangs)} hangs, {len(tally.crashes)} crashes; slowest "
        f"{tally.slowest.seconds:.2f} s (seed {tally.slowest.seed}); peak {tally.largest.peak_mb:.0f} MB; "
        f"{tally.files_read} files still read; endings: {codes}"
    )
    return int(bool(tally.tracebacks or tally.hangs or tally.crashes) or tally.largest.peak_mb > MOST_MB)


if __name__ == "__main__":
    sys.exit(main())
