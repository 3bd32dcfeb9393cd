"""``marrowsignal batch``: many studies, each in a process of its own, with a ledger of what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.batch_report import tell_plan, tell_report
from marrowsignal.cli.paths import check_writable, existing_input
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import UsageError

if TYPE_CHECKING:
    from marrowsignal.cli.batch_cluster import ClusterChoice
    from marrowsignal.cohort.run_choices import RunChoices
    from marrowsignal.cohort.watched_process import CaseLimits

__all__ = ["batch"]

_STAGE = "batch"
_MB = 1_000_000
_USUAL_MARROW, _USUAL_LESIONS = "automatic", "rules"


def batch(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATHS|MANIFEST.csv",
            help="Folders and archives that hold studies, at any depth; or one CSV with a row for each study.",
            readable=False,
        ),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the case folders and of the ledger.")],
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Studies at once; by default one a core, as far as memory goes."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|FILE.json",
            help="Run on the dask cluster of this scheduler (tcp://HOST:PORT), whose workers see the same folders.",
        ),
    ] = None,
    dask_local: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Run on N dask workers of this machine.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Do the I-th of N parts of the studies, for N machines on one OUT."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; say what would be done with each study, and why.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed, though nothing of it has changed.")
    ] = False,
    memory_limit: Annotated[
        int,
        typer.Option(metavar="MB", min=0, help="Memory of one study; one that needs more fails alone. 0: no limit."),
    ] = 3000,
    time_limit: Annotated[
        float,
        typer.Option(metavar="S", min=0.0, help="Time of one study; one that needs more fails alone. 0: no limit."),
    ] = 3600.0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the process of a study.")] = 1,
    protocol: Annotated[str | None, typer.Option(help="As for analyze.")] = None,
    marrow_from: Annotated[
        str, typer.Option(help="As for analyze: automatic, atlas:FOLDER, external:NAME.")
    ] = _USUAL_MARROW,
    lesions_from: Annotated[str, typer.Option(help="As for analyze: rules, atlas:FOLDER.")] = _USUAL_LESIONS,
    series_rules: Annotated[Path | None, typer.Option(help="As for analyze.")] = None,
    allow_t1_only: Annotated[bool, typer.Option("--allow-t1-only", help="As for analyze.")] = False,
    no_dicom: Annotated[bool, typer.Option("--no-dicom", help="As for analyze.")] = False,
    layout: Annotated[str, typer.Option(help="As for analyze: case, bids.")] = "case",
    labels: Annotated[Path | None, typer.Option(metavar="CSV", help="A reader's labels, for the cohort page.")] = None,
    covariates: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Age, sex, blood tests and the like, for the cohort tables.")
    ] = None,
    no_cohort: Annotated[
        bool, typer.Option("--no-cohort", help="Make no cohort tables and page; marrowsignal cohort OUT does.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was done, or would be, as JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Analyze all studies below folders and archives, or of a manifest; run it again to go on where it ended.

    What is done with the same input and settings is skipped. Ctrl-C once: running studies are finished; twice: they
    are stopped, and are done by the next run. Studies that failed or have no usable pair are told with their reason.
    """
    if verbose:
        be_verbose()
    for given in (*paths, *(file for file in (labels, covariates, series_rules) if file is not None)):
        existing_input(given)
    if not dry_run:
        check_writable(output)
    from marrowsignal.cli.batch_run import BatchRequest, preview_studies, run_studies
    from marrowsignal.cohort.shards import parse_shard

    request = BatchRequest(
        paths=tuple(paths),
        choices=_choices(
            output,
            protocol=protocol,
            ways=(marrow_from, lesions_from),
            series_rules=series_rules,
            flags=(allow_t1_only, not no_dicom),
            layout=layout,
        ),
        limits=_limits(memory_limit, time_limit, threads),
        jobs=jobs,
        cluster=_cluster(scheduler, dask_local, jobs),
        shard=None if shard is None else parse_shard(shard),
        retry_failed=retry_failed,
        cohort=not no_cohort,
        labels=labels,
        covariates=covariates,
        quiet=quiet,
    )
    if dry_run:
        tell_plan(preview_studies(request), json=json)
        return
    report = run_studies(request)
    tell_report(report, json=json)
    if report.outcome.problem is not None and not report.interrupted:
        raise report.outcome.problem
    raise typer.Exit(report.exit_code)


def _choices(
    out: Path,
    *,
    protocol: str | None,
    ways: tuple[str, str],
    series_rules: Path | None,
    flags: tuple[bool, bool],
    layout: str,
) -> RunChoices:
    """Return the choices for all studies; those that make no sense are refused now, not at the first study."""
    from marrowsignal.cohort.run_choices import RunChoices
    from marrowsignal.exports.layout import Layout

    if layout not in tuple(Layout):
        raise UsageError(
            "--layout takes case or bids", code="option", stage=_STAGE, hint="see marrowsignal batch --help"
        )
    _check_ways(*ways)
    return RunChoices(
        out=out,
        protocol=protocol,
        marrow_from=ways[0],
        lesions_from=ways[1],
        series_rules=series_rules,
        allow_t1_only=flags[0],
        dicom=flags[1],
        layout=layout,
    )


def _cluster(scheduler: str | None, dask_local: int | None, jobs: int | None) -> ClusterChoice | None:
    from marrowsignal.cli.batch_cluster import ClusterChoice

    if sum(one is not None for one in (scheduler, dask_local, jobs)) > 1:
        raise UsageError(
            "of -j, --scheduler and --dask-local only one can be given",
            code="option",
            stage=_STAGE,
            hint="how many studies a cluster does at once is the number of threads of its workers",
        )
    if scheduler is None and dask_local is None:
        return None
    from marrowsignal.cohort.cluster_client import check_cluster_extra

    check_cluster_extra()
    return ClusterChoice(scheduler=scheduler, local_workers=dask_local or 1)


def _check_ways(marrow_from: str, lesions_from: str) -> None:
    # The usual ways need no look, and what looks is heavy: this process stays small.
    if marrow_from != _USUAL_MARROW:
        from marrowsignal.marrow.ways import check_way

        check_way(marrow_from)
    if lesions_from != _USUAL_LESIONS:
        from marrowsignal.learned_lesions.way import check_lesion_way

        check_lesion_way(lesions_from)


def _limits(memory_mb: int, time_s: float, threads: int) -> CaseLimits:
    from marrowsignal.cohort.watched_process import CaseLimits

    return CaseLimits(memory_bytes=memory_mb * _MB or None, time_s=time_s or None, threads=threads)
