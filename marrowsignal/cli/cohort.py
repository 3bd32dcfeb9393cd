"""``marrowsignal cohort``: tables and page of all studies of an output folder, from its case folders alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import check_writable, existing_input
from marrowsignal.cli.terminal import say

if TYPE_CHECKING:
    from marrowsignal.cohort.tables.records import Cohort

__all__ = ["cohort"]

_STAGE = "cohort"
_LINE_EACH_S = 10.0
_WORKER_BYTES = 200 << 20
# More of them wait for the disk.
_MOST_WORKERS = 8


def cohort(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder of cases, as batch or analyze -o wrote it.", readable=False)
    ],
    *,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="A reader's labels: columns case, label, and if wanted reader, site, group (same for repeats of one "
            "person).",
        ),
    ] = None,
    covariates: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Column case or key, and any of age_years, sex, hemoglobin_g_dl, ferritin_ug_l, esr_mm_h, crp_mg_l, "
            "training_h_week, smoking, or your own: joined to the tables, never scored.",
        ),
    ] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Tables only, no cohort.html.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes that read cases; by default one a core.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    """Rebuild cohort.duckdb, the tables in cohort/ and the page cohort.html from the case folders of OUT.

    Nothing is analyzed again. The same cases give the same tables, whatever order or machine they were analyzed in.
    """
    existing_input(out, stage=_STAGE, what="the path given as OUT")
    for given, option in ((labels, "--labels"), (covariates, "--covariates")):
        if given is not None:
            existing_input(given, stage=_STAGE, what=f"the path given by {option}")
    check_writable(out)
    from marrowsignal.cohort.tables.build import build_cohort

    with _reading(quiet=quiet) as on_cases:
        built = build_cohort(out, labels=labels, covariates=covariates, workers=jobs or _workers(), on_cases=on_cases)
    page = None if no_page else _page(out, built)
    if as_json:
        typer.echo(json.dumps(_plain(built, page), indent=1))
        return
    _tell(built, page, quiet=quiet)


def _page(out: Path, built: Cohort) -> Path:
    from marrowsignal.cohort.page.page import write_cohort_page

    return write_cohort_page(out, built.database)


def _workers() -> int:
    from marrowsignal.cohort.capacity import default_jobs

    return min(default_jobs(_WORKER_BYTES), _MOST_WORKERS)


@contextmanager
def _reading(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a function that is told how many case folders are read, and how many there are."""
    if quiet:
        yield lambda _ready, _total: None
    elif sys.stderr.isatty():
        with _bar() as told:
            yield told
    else:
        yield _plain_lines()


def _plain_lines() -> Callable[[int, int], None]:
    last = time.monotonic()

    def told(ready: int, total: int) -> None:
        nonlocal last
        if ready == total or time.monotonic() - last > _LINE_EACH_S:
            last = time.monotonic()
            say(f"{ready} of {total} case folders read", err=True)

    return told


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Reading cases"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda ready, total: progress.update(task, completed=ready, total=total)


def _tell(built: Cohort, page: Path | None, *, quiet: bool) -> None:
    for finding in built.findings:
        if not quiet:
            say(f"{'note' if finding.severity.value == 'info' else 'warning'}: {finding.message}", err=True)
    states = ", ".join(f"{one.rows} {one.state.replace('_', ' ')}" for one in built.states)
    say(f"Studies: {states}")
    say(f"Rows: {', '.join(f'{one.table} {one.rows}' for one in built.tables)}")
    say(f"Tables: {built.folder} and {built.database}")
    if page is not None:
        say(f"Page: {page}")


def _plain(built: Cohort, page: Path | None) -> dict[str, object]:
    return {
        "tables": {one.table: one.rows for one in built.tables},
        "states": {one.state: one.rows for one in built.states},
        "tables_sha256": built.sha256,
        "page": None if page is None else page.name,
        "findings": [
            {"code": one.code, "severity": one.severity.value, "message": one.message} for one in built.findings
        ],
    }
