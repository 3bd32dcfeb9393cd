"""A run over many studies, from the paths of a user to the cohort tables."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from marrowsignal.cli.batch_cluster import ClusterChoice, cluster_run
from marrowsignal.cli.batch_progress import batch_progress
from marrowsignal.cli.batch_report import BatchReport
from marrowsignal.cli.terminal import say
from marrowsignal.cohort.capacity import default_jobs
from marrowsignal.cohort.discovery import find_studies
from marrowsignal.cohort.ledger import Ledger, preview
from marrowsignal.cohort.manifest import read_manifest
from marrowsignal.cohort.records import CaseState
from marrowsignal.cohort.run_choices import RunChoices
from marrowsignal.cohort.runner import BatchOutcome, StopRequest, run_here
from marrowsignal.cohort.shards import Shard
from marrowsignal.cohort.sources_file import mended_places, write_sources
from marrowsignal.cohort.watched_process import CaseLimits
from marrowsignal.dicom.privacy.case_name import CASE_KEY_VARIABLE, KEY_FILE, CaseKey, case_key
from marrowsignal.errors import InputError
from marrowsignal.findings import Finding, Severity

if TYPE_CHECKING:
    from marrowsignal.cohort.discovery import Discovery
    from marrowsignal.cohort.ledger_plan import Plan

__all__ = ["BatchRequest", "preview_studies", "run_studies"]

_MANIFEST = ".csv"
_LINE_EACH_S = 10.0
_BAD = (CaseState.FAILED, CaseState.REFUSED)
_STDERR = 2
_ONCE = b"\nstopping: running studies are finished first; once more to stop them too\n"
_TWICE = b"\nstopping at once: what runs is done again by the next run\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """What a user asked for, checked.

    Attributes
    ----------
    paths : tuple of Path
        Folders and archives, or one manifest.
    choices : RunChoices
        For all studies.
    limits : CaseLimits
        Of one study.
    jobs : int or None
        Studies at once.
    cluster : ClusterChoice or None
        Where studies are run elsewhere than in processes of this command.
    shard : tuple of int or None
        Which part of the studies.
    retry_failed, cohort, quiet : bool
        As the options.
    labels, covariates : Path or None
        For the cohort products.
    """

    paths: tuple[Path, ...]
    choices: RunChoices
    limits: CaseLimits
    jobs: int | None
    cluster: ClusterChoice | None
    shard: Shard | None
    retry_failed: bool
    cohort: bool
    labels: Path | None
    covariates: Path | None
    quiet: bool

    @property
    def out(self) -> Path:
        """Folder of the cases."""
        return self.choices.out


def preview_studies(request: BatchRequest) -> Plan:
    """Return what a run would do; nothing is written."""
    if os.environ.get(CASE_KEY_VARIABLE) or (request.out / KEY_FILE).is_file():
        key = case_key(request.out)
    else:
        say("note: the output folder has no key yet, so the names shown are not those that a run will give", err=True)
        key = CaseKey.random()
    plan = preview(
        request.out,
        _found(request, key).sources,
        shard=request.shard,
        settings_sha256=request.choices.sha256(),
        retry_failed=request.retry_failed,
    )
    _tell_findings(plan.findings)
    return plan


def run_studies(request: BatchRequest) -> BatchReport:
    """Find studies, do what is to be done, and make the cohort products.

    Raises
    ------
    MarrowSignalError
        One of `marrowsignal.errors`, when the run cannot begin; why it ended early stands in the report.
    """
    settings = request.choices.sha256()
    key = case_key(request.out)
    _tell_findings(key.findings)
    stop = StopRequest()
    with Ledger.open(request.out, shard=request.shard) as ledger:
        found = _found(request, key)
        mended = _mended(request, found)
        # First the ledger: a run that is killed in between finds them again.
        ledger.forget(mended)
        write_sources(request.out, found.sources, shard=request.shard, forget=mended)
        plan = ledger.enqueue(found.sources, settings_sha256=settings, retry_failed=request.retry_failed)
        _tell_findings(plan.findings)
        outcome = _run(request, plan, ledger, stop)
        keys = {study.source.key for study in plan.studies}
        left = [row for row in ledger.rows() if row.key in keys and row.state is not CaseState.DONE]
    complete = outcome.problem is None and not stop.times
    # Of one shard a cohort is not the cohort.
    cohort_code = _make_cohort(request) if complete and request.cohort and request.shard is None else 0
    return BatchReport(
        plan=plan,
        outcome=outcome,
        bad=tuple(row for row in left if row.state in _BAD),
        waiting=sum(row.state not in _BAD for row in left),
        interrupted=stop.times > 0,
        cohort_code=cohort_code,
    )


def _run(request: BatchRequest, plan: Plan, ledger: Ledger, stop: StopRequest) -> BatchOutcome:
    to_do = [study for study in plan.studies if study.why.to_do]
    if not to_do:
        return BatchOutcome()
    tasks = map(request.choices.task, to_do)
    run: Callable[..., BatchOutcome]
    if request.cluster is None:
        jobs = min(request.jobs or default_jobs(request.limits.memory_bytes), len(to_do))
        told, run = f"{jobs} at a time", partial(run_here, jobs=jobs)
    else:
        told, run = "on a cluster", cluster_run(request.cluster, request.out, to_do, quiet=request.quiet)
    if not request.quiet:
        say(f"{len(to_do)} studies to do, {told}; {plan.skipped} skipped", err=True)
    with _stopped_by_signals(stop), batch_progress(len(to_do), quiet=request.quiet) as ended:
        return run(tasks, ledger, limits=request.limits, stop=stop, on_end=ended)


def _found(request: BatchRequest, key: CaseKey) -> Discovery:
    on_found = _search_lines(quiet=request.quiet)
    if len(request.paths) == 1 and request.paths[0].suffix.lower() == _MANIFEST and request.paths[0].is_file():
        found = read_manifest(request.paths[0], key=key, on_found=on_found)
    else:
        found = find_studies(request.paths, key=key, on_found=on_found)
    _tell_findings(found.findings)
    if not found.sources:
        raise InputError(
            "there is no study at the given paths",
            code="no_studies",
            stage="find_studies",
            hint="marrowsignal inspect says what a folder or an archive holds",
        )
    return found


def _mended(request: BatchRequest, found: Discovery) -> tuple[str, ...]:
    # What a share did not show this time may be there still.
    if not found.looked_everywhere:
        return ()
    return mended_places(request.out, found.sources, request.paths, shard=request.shard)


def _search_lines(*, quiet: bool) -> Callable[[int, int], None]:
    last = time.monotonic()

    def told(files: int, studies: int) -> None:
        nonlocal last
        if not quiet and time.monotonic() - last >= _LINE_EACH_S:
            last = time.monotonic()
            say(f"looking for studies: {files} files looked at, {studies} studies found", err=True)

    return told


def _tell_findings(findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        word = "note" if finding.severity is Severity.INFO else "warning"
        say(f"{word}: {finding.message}", err=True)


@contextmanager
def _stopped_by_signals(stop: StopRequest) -> Iterator[None]:
    """End in order at Ctrl-C and SIGTERM, at once when they come again."""

    def ask(_number: int, _frame: object) -> None:
        stop.ask()
        # Past the buffers of Python, which may be in the middle of a line.
        os.write(_STDERR, _ONCE if stop.times == 1 else _TWICE)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _make_cohort(request: BatchRequest) -> int:
    """Have the tables and the page made in a process of its own, and return its exit code: this one stays small."""
    options = [("--labels", request.labels), ("--covariates", request.covariates)]
    words = [word for name, file in options if file is not None for word in (name, str(file))]
    words += ["--quiet"] if request.quiet else []
    line = [sys.executable, "-m", "marrowsignal", "cohort", str(request.out), *words]
    # Our stdout belongs to the machine result of this command.
    return subprocess.run(line, check=False, stdout=subprocess.DEVNULL if request.quiet else _STDERR).returncode
