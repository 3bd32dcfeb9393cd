"""``marrowsignal compare``: two studies of one patient against repeatability."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import check_writable, existing_input, outside_cases
from marrowsignal.cli.progress import step_progress
from marrowsignal.cli.terminal import say
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import MarrowSignalError, UsageError
from marrowsignal.findings import Severity

if TYPE_CHECKING:
    from marrowsignal.comparison.records import Comparison
    from marrowsignal.dicom.records import SeriesPair
    from marrowsignal.marrow.supplied.request import MarrowRequest
    from marrowsignal.results.study_result import StudyResult

__all__ = ["compare"]

_STAGE = "compare"
_DATES = ("baseline", "follow-up")
_STEPS_OF_STUDY = 2  # find_series and select_pair are done for both dates before the long work


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What the user asked for, checked."""

    paths: tuple[Path, Path]
    out: Path
    case: str | None
    protocol: str | None
    marrow: tuple[MarrowRequest | None, MarrowRequest | None]
    marrow_from: str
    label: str | None
    other_patient: bool


def compare(
    baseline: Annotated[
        Path, typer.Argument(metavar="BASELINE", help="Folder, file, zip or DICOMDIR of the earlier study.")
    ],
    followup: Annotated[Path, typer.Argument(metavar="FOLLOWUP", help="The same of the later study.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder that gets the folder of the comparison.")],
    case: Annotated[
        str | None, typer.Option(help="Name of that folder; by default hashes of the two studies' UIDs.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="Built-in name or .toml file; by default chosen by BodyPartExamined.")
    ] = None,
    marrow: Annotated[
        Path | None, typer.Option(help="Label map of the baseline in patient space: NIfTI, NRRD, MHA or DICOM SEG.")
    ] = None,
    marrow_followup: Annotated[Path | None, typer.Option(help="The same of the follow-up.")] = None,
    mask_kind: Annotated[
        str | None, typer.Option(help="What the labels enclose: marrow (default) or bone, with its cortex.")
    ] = None,
    marrow_from: Annotated[
        str | None, typer.Option(help="automatic (default), atlas:FOLDER or external:NAME, where no map is given.")
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="Label of the pair to take, where a study holds several (see inspect).")
    ] = None,
    other_patient: Annotated[
        bool, typer.Option("--other-patient", help="Compare although the headers name two patients.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print comparison.json on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Compare two studies of one patient: what changed beyond repeatability, and what did not."""
    if verbose:
        be_verbose()
    for given, what in ((baseline, "BASELINE"), (followup, "FOLLOWUP")):
        existing_input(given, what=f"the path given as {what}")
    kind = _kind(mask_kind)
    masks = tuple(
        None if path is None else _mask(path, kind, output, option)
        for path, option in ((marrow, "--marrow"), (marrow_followup, "--marrow-followup"))
    )
    if mask_kind is not None and not any(masks):
        raise _usage("--mask-kind needs --marrow FILE or --marrow-followup FILE", "give the label map's path")
    check_writable(output)
    _check_names(case, protocol, marrow_from)
    request = _Request(
        paths=(baseline, followup),
        out=output,
        case=case,
        protocol=protocol,
        marrow=(masks[0], masks[1]),
        marrow_from=marrow_from or "automatic",
        label=pair,
        other_patient=other_patient,
    )
    _run(request, quiet=quiet, json=json)


def _kind(words: str | None) -> str:
    from marrowsignal.marrow.records import MaskKind

    if words not in (None, *MaskKind):
        raise _usage("--mask-kind takes marrow or bone", "see marrowsignal compare --help")
    return words or MaskKind.MARROW.value


def _usage(message: str, hint: str) -> UsageError:
    return UsageError(message, code="option", stage=_STAGE, hint=hint)


def _mask(path: Path, kind: str, out: Path, option: str) -> MarrowRequest:
    from marrowsignal.marrow.records import MaskKind
    from marrowsignal.marrow.supplied.request import MarrowRequest

    outside_cases(existing_input(path, stage="segment_marrow", what=f"the path given by {option}"), out)
    return MarrowRequest(path=path, kind=MaskKind(kind))


def _check_names(case: str | None, protocol: str | None, marrow_from: str | None) -> None:
    """Refuse before the long work what makes no sense."""
    from marrowsignal.exports.case_folder import check_case_name
    from marrowsignal.marrow.ways import check_way
    from marrowsignal.protocol import load_protocol

    if case is not None:
        check_case_name(case)
    if protocol is not None:
        load_protocol(protocol)
    if marrow_from is not None:
        check_way(marrow_from)


def _run(request: _Request, *, quiet: bool, json: bool) -> None:
    from marrowsignal.comparison import compare_studies
    from marrowsignal.comparison.dates import check_one_patient
    from marrowsignal.exports.comparison_folder import write_comparison
    from marrowsignal.report import render_comparison

    pairs = (_pair(request, 0), _pair(request, 1))
    check_one_patient(*pairs, other_patient=request.other_patient)
    results = [_analyzed(request, number, pair, quiet=quiet) for number, pair in enumerate(pairs)]
    if not quiet:
        say("comparing", err=True)
    found = compare_studies(*results, case=request.case, other_patient=request.other_patient)
    folder = write_comparison(found, request.out, report_html=render_comparison(found))
    _warn(found, quiet=quiet)
    _tell(found, folder, json=json)


@contextmanager
def _told_of(number: int) -> Iterator[None]:
    """Say of an error which of the two studies it means."""
    try:
        yield
    except MarrowSignalError as error:
        error.message = f"{_DATES[number]}: {error.message}"
        raise


def _pair(request: _Request, number: int) -> SeriesPair:
    from marrowsignal.dicom import find_series, select_pair

    with _told_of(number):
        return select_pair(find_series(request.paths[number]), label=request.label)


def _analyzed(request: _Request, number: int, pair: SeriesPair, *, quiet: bool) -> StudyResult:
    from marrowsignal.study import analyze_study

    if not quiet:
        say(_DATES[number], err=True)
    with _told_of(number), step_progress(quiet=quiet, before=_STEPS_OF_STUDY) as done:
        return analyze_study(
            pair,
            key_folder=request.out,
            protocol=request.protocol,
            marrow=request.marrow[number],
            marrow_from=request.marrow_from,
            on_step=done,
        )


def _warn(found: Comparison, *, quiet: bool) -> None:
    for finding in found.findings:
        if finding.severity is not Severity.INFO and not quiet:
            say(f"warning: {finding.message}", err=True)


def _tell(found: Comparison, folder: Path, *, json: bool) -> None:
    from marrowsignal.comparison.document import comparison_json, to_comparison_document

    if json:
        typer.echo(comparison_json(to_comparison_document(found)), nl=False)
        return
    say(found.summary)
    say(f"Report: {folder / 'report.html'}")
