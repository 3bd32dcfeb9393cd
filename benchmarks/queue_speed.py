"""What a run over 10,000 studies costs beside the analyses: memory, operations of the ledger, the search for studies.

``python benchmarks/queue_speed.py [--studies 10000] [--files 2000] [--json FILE]``. Each part runs in a process of its
own. Studies are simulated: the ledger, the runner and the files on disk are the true ones, the analysis is not.

- queue: `run_batch` takes all studies through the ledger with threads that answer at once; the process's peak memory,
  once with a path a study and once with 40 (studies that share one folder), and each operation of the ledger timed
- rerun: the decision that all of them are done, case folders looked for
- search: `find_studies` over DICOM files of 20 to a study, half of them in zip archives, and what 500,000 would take
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

_GOAL_MB, _GOAL_MS = 300.0, 1.0
_MANY_FILES = 500_000
_FILES_A_STUDY = 20
_PATHS = (1, 40)
_UID = "1.2.826.0.1.3680043.10.99999999"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCost:
    """What a run over simulated studies cost."""

    studies: int
    paths_a_study: int
    enqueue_s: float
    studies_per_s: float
    operation_median_ms: float
    operation_p99_ms: float
    rerun_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCost:
    """What the search for studies cost."""

    files: int
    studies: int
    wall_s: float
    cpu_s: float
    files_per_cpu_s: float
    half_a_million_s: float
    peak_mb: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        kind, _, paths = asked.part.partition("/")
        cost = search_cost(asked.files) if kind == "search" else queue_cost(asked.studies, int(paths))
        _say(json.dumps(asdict(cost)))
        return
    line = [sys.executable, __file__, "--studies", str(asked.studies), "--files", str(asked.files), "--part"]
    parts = [*(f"queue/{paths}" for paths in _PATHS), "search"]
    costs = {}
    for part in parts:
        costs[part] = cost = json.loads(subprocess.check_output([*line, part], text=True))
        _say(f"{part}: " + ", ".join(f"{name} {value:.6g}" for name, value in cost.items()))
    queues = [cost for part, cost in costs.items() if part != "search"]
    _say(f"goal: peak below {_GOAL_MB:g} MB: {all(cost['peak_mb'] < _GOAL_MB for cost in queues)}")
    _say(f"goal: median below {_GOAL_MS:g} ms: {all(cost['operation_median_ms'] < _GOAL_MS for cost in queues)}")
    if asked.json:
        asked.json.write_text(json.dumps(costs, indent=2) + "\n", encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def queue_cost(studies: int, paths: int) -> QueueCost:
    """Run simulated studies in this process, which must be a fresh one."""
    from marrowsignal.cohort.ledger import Ledger, preview  # noqa: PLC0415 - only what the part needs is in its memory
    from marrowsignal.cohort.records import CaseTask  # noqa: PLC0415
    from marrowsignal.cohort.runner import RunSetup, StopRequest, run_batch  # noqa: PLC0415
    from marrowsignal.cohort.watched_process import CaseLimits  # noqa: PLC0415

    sources = list(_sources(studies, paths))
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as threads:
        out = Path(scratch)
        with Ledger.open(out) as ledger:
            start = time.perf_counter()
            plan = ledger.enqueue(sources, settings_sha256="settings")
            enqueue_s = time.perf_counter() - start
            timed = _Timed(ledger)
            start = time.perf_counter()
            run_batch(
                (CaseTask(source=source, out=scratch) for source in plan.to_do),
                timed,
                threads,
                setup=RunSetup(window=lambda: 4, limits=CaseLimits(), analyze=_answer_at_once, stop_now=lambda: None),
                stop=StopRequest(),
            )
            run_s = time.perf_counter() - start
        start = time.perf_counter()
        again = preview(out, sources, shard=None, settings_sha256="settings")
        rerun_s = time.perf_counter() - start
        assert again.skipped == studies, "a study was not found to be done"
    return QueueCost(
        studies=studies,
        paths_a_study=paths,
        enqueue_s=enqueue_s,
        studies_per_s=studies / run_s,
        operation_median_ms=1e3 * statistics.median(timed.seconds),
        operation_p99_ms=1e3 * float(np.percentile(timed.seconds, 99)),
        rerun_s=rerun_s,
        peak_mb=_peak_mb(),
    )


def _sources(studies: int, paths: int) -> Iterator:  # type: ignore[type-arg]
    from marrowsignal.cohort.records import StudySource  # noqa: PLC0415

    for number in range(studies):
        folder = f"/archive/site_07/2024/exported_by_the_pacs/study_{number:06d}"
        places = (folder,) if paths == 1 else tuple(f"{folder}_{image:04d}.dcm" for image in range(paths))
        yield StudySource(
            key=f"{number:012x}",
            paths=places,
            study_instance_uid=f"{_UID}.{number}",
            signature=f"{number:032x}",
            size_bytes=11_000_000,
            files=50,
        )


def _answer_at_once(task, _limits):  # type: ignore[no-untyped-def]
    """Leave what a finished study leaves, as far as the ledger looks for it."""
    from marrowsignal.cohort.records import CaseAnswer, CaseState, MadeCase  # noqa: PLC0415

    folder = Path(task.out) / task.source.key
    folder.mkdir()
    (folder / "result.json").touch()
    made = MadeCase(case=task.source.key, pattern_class="normal_for_age", confidence="high")
    return CaseAnswer(state=CaseState.DONE, cases=(made,), input_sha256="0" * 64, protocol_sha256="0" * 64)


@dataclass(slots=True)
class _Timed:
    """A ledger whose operations are timed."""

    ledger: object
    seconds: list[float] = field(default_factory=list)

    def start(self, key: str) -> None:
        self._time(self.ledger.start, key)  # type: ignore[attr-defined]

    def finish(self, key: str, answer: object) -> None:
        self._time(self.ledger.finish, key, answer)  # type: ignore[attr-defined]

    def requeue(self, key: str) -> None:
        self._time(self.ledger.requeue, key)  # type: ignore[attr-defined]

    def _time(self, operation: Callable[..., None], *what: object) -> None:
        start = time.perf_counter()
        operation(*what)
        self.seconds.append(time.perf_counter() - start)


def search_cost(files: int) -> SearchCost:
    """Search for studies in files written for it."""
    from marrowsignal.cohort.discovery import find_studies  # noqa: PLC0415
    from marrowsignal.dicom import CaseKey  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as scratch:
        studies = max(1, files // _FILES_A_STUDY)
        _write_studies(Path(scratch), studies)
        start, busy = time.perf_counter(), time.process_time()
        found = find_studies([Path(scratch)], key=CaseKey(secret=b"benchmark"))
        wall, cpu = time.perf_counter() - start, time.process_time() - busy
    assert len(found.sources) == studies, "a study was not found"
    seen = sum(source.files for source in found.sources)
    return SearchCost(
        files=seen,
        studies=studies,
        wall_s=wall,
        cpu_s=cpu,
        files_per_cpu_s=seen / cpu,
        half_a_million_s=_MANY_FILES * cpu / seen,
        peak_mb=_peak_mb(),
    )


def _write_studies(root: Path, studies: int) -> None:
    """Write studies of two series; every second one as a zip."""
    image = _image_bytes()
    for number in range(studies):
        uid = f"{_UID[:-8]}{number:08d}".encode()
        data = image.replace(_UID.encode(), uid)
        names = [f"{series}/{place:04d}.dcm" for series in ("t1", "stir") for place in range(_FILES_A_STUDY // 2)]
        study = root / f"study_{number:06d}"
        if number % 2:
            with zipfile.ZipFile(study.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
                for name in names:
                    archive.writestr(name, data)
        else:
            for name in names:
                (study / name).parent.mkdir(parents=True, exist_ok=True)
                (study / name).write_bytes(data)


def _image_bytes() -> bytes:
    """Return one image of the sample data, its study named by a UID of known length and its pixels few."""
    import pydicom  # noqa: PLC0415
    from pydicom.uid import ExplicitVRLittleEndian  # noqa: PLC0415

    sample = Path(__file__).parents[1] / "sample_data" / "focal_edema_like" / "dicom" / "T1" / "IM0001.dcm"
    image = pydicom.dcmread(sample)
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.StudyInstanceUID = _UID
    image.Rows = image.Columns = 32
    image.PixelData = bytes(2 * 32 * 32)
    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
