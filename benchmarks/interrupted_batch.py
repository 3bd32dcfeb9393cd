"""What a night does to a batch: two workers, kill -9 at random instants, damaged studies, a full disk.

``python -m benchmarks.interrupted_batch WORK [--count 200] [--kills 20] [--only scaling,kills,corrupt,full_disk]``
makes small phantom studies below WORK and runs ``marrowsignal batch`` over them as a user would:

- scaling: one worker, then two; the same bytes, and the ratio of their times
- kills: the whole process group is killed at random instants and the batch begun again, until it ends by itself;
  tables and case folders must be those of the run that nobody disturbed
- corrupt: one study in twenty is damaged; all others are done, each bad one has its reason, exit code 8
- full_disk: the output lies on a file system that is too small (needs the right to mount); the run ends in order, and
  goes on once there is room
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.small_studies import small_studies

_TABLES = (".csv", ".parquet", ".nii.gz", ".dcm", ".html")
_KEY = "a key for tries, so that names are the same in every run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be tried, and on how much."""

    work: Path
    count: int
    kills: int
    seed: int


def batch(inputs: Path, out: Path, *, jobs: int) -> subprocess.Popen[str]:
    """Begin a batch in a process group of its own."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    line = [sys.executable, "-m", "marrowsignal", "batch", str(inputs), "-o", str(out), "-j", str(jobs)]
    log = (out.parent / f"{out.name}.log").open("a")
    return subprocess.Popen(
        line,
        stdout=log,
        stderr=log,
        text=True,
        start_new_session=True,
        env={**os.environ, **threads, "MARROWSIGNAL_CASE_KEY": _KEY},
    )


def finished(inputs: Path, out: Path, *, jobs: int) -> tuple[int, float]:
    """Run a batch to its end; return its exit code and seconds of the wall."""
    began = time.perf_counter()
    with batch(inputs, out, jobs=jobs) as process:
        code = process.wait()
    return code, time.perf_counter() - began


def fingerprint(out: Path) -> dict[str, str]:
    """SHA-256 of every table, image, page and DICOM object, and of each result without its dates and times."""
    prints = {}
    for file in sorted(out.rglob("*")):
        place = file.relative_to(out).as_posix()
        if file.name == "result.json":
            document = {name: value for name, value in json.loads(file.read_bytes()).items() if name != "run"}
            prints[place] = hashlib.sha256(json.dumps(document).encode()).hexdigest()
        elif file.name.endswith(_TABLES) and not place.startswith("private/"):
            prints[place] = hashlib.sha256(file.read_bytes()).hexdigest()
    return prints


def differing(one: Path, other: Path) -> tuple[str, ...]:
    """Files of which two outputs do not hold the same bytes."""
    left, right = fingerprint(one), fingerprint(other)
    return tuple(sorted(place for place in left.keys() | right.keys() if left.get(place) != right.get(place)))


def scaling(asked: Asked) -> str:
    """Time one worker and two."""
    seconds = {}
    for jobs in (1, 2):
        out = asked.work / f"out{jobs}"
        shutil.rmtree(out, ignore_errors=True)
        code, seconds[jobs] = finished(asked.work / "studies", out, jobs=jobs)
        _say(f"  {jobs} worker(s): exit {code}, {seconds[jobs]:.1f} s, {seconds[jobs] / asked.count:.2f} s a study")
    unlike = differing(asked.work / "out1", asked.work / "out2")
    return f"2 workers are {seconds[1] / seconds[2]:.2f} times as fast; files that differ: {len(unlike)} {unlike[:5]}"


def kills(asked: Asked) -> str:
    """Kill the process group again and again, then compare with the run that nobody disturbed."""
    whole = asked.work / "out2"
    took = None
    if not whole.exists():
        _, took = finished(asked.work / "studies", whole, jobs=2)
    out = asked.work / "killed"
    shutil.rmtree(out, ignore_errors=True)
    instants = random.Random(asked.seed)
    longest = 2 * (took or asked.count * 1.5) / asked.kills
    done = 0
    while done < asked.kills:
        process = batch(asked.work / "studies", out, jobs=2)
        try:
            process.wait(timeout=instants.uniform(0.2, longest))
            break  # it ended before it could be killed
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
    code, _ = finished(asked.work / "studies", out, jobs=2)
    unlike = differing(whole, out)
    left = [one.name for one in out.iterdir() if one.name.endswith(".partial")]
    return f"{done} kills, then exit {code}; files that differ: {len(unlike)} {unlike[:5]}; leftovers: {len(left)}"


def corrupt(asked: Asked) -> str:
    """Damage one study in twenty."""
    inputs, out = asked.work / "with_damaged", asked.work / "out_damaged"
    for old in (inputs, out):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(asked.work / "studies", inputs)
    damaged = small_studies(inputs, asked.count, corrupt=0.05)
    code, _ = finished(inputs, out, jobs=2)
    cases = sum(1 for _ in out.glob("*/result.json"))
    reasons = [line for line in (asked.work / f"{out.name}.log").read_text().splitlines() if "[" in line][-20:]
    _say("  " + "\n  ".join(reasons))
    return f"{len(damaged)} of {asked.count} damaged: {cases} cases, exit {code}"


def full_disk(asked: Asked) -> str:
    """Write to a file system that holds about eight cases, then make it larger."""
    out = asked.work / "small_disk"
    out.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(out)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "not tried: no right to mount"
    inputs = asked.work / "few"
    small_studies(inputs, 16)
    try:
        first, _ = finished(inputs, out, jobs=2)
        before = sum(1 for _ in out.glob("*/result.json"))
        subprocess.run(["mount", "-o", "remount,size=512m", str(out)], check=True)
        second, _ = finished(inputs, out, jobs=2)
        after = sum(1 for _ in out.glob("*/result.json"))
    finally:
        subprocess.run(["umount", str(out)], check=True)
    return f"full: exit {first} with {before} whole cases; with room: exit {second} with {after} of 16"


_TRIES: dict[str, Callable[[Asked], str]] = {
    "scaling": scaling,
    "kills": kills,
    "corrupt": corrupt,
    "full_disk": full_disk,
}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Try what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(_TRIES))
    given = parser.parse_args()
    asked = Asked(work=given.work.resolve(), count=given.count, kills=given.kills, seed=given.seed)
    small_studies(asked.work / "studies", asked.count)
    for name in given.only.split(","):
        _say(f"{name}: {_TRIES[name](asked)}")


if __name__ == "__main__":
    main()
