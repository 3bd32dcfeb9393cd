"""``marrowsignal analyze``: one study from its files to its case folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import check_writable, existing_input
from marrowsignal.cli.progress import step_progress
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import UsageError

if TYPE_CHECKING:
    from marrowsignal.results.study_result import StudyResult

__all__ = ["analyze"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What the user asked for, checked."""

    path: Path
    out: Path
    case: str | None
    protocol: str | None
    marrow: Path | None
    t1_uid: str | None
    stir_uid: str | None


def analyze(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder, file, zip or DICOMDIR of one study.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder that gets the case folder.")],
    case: Annotated[
        str | None, typer.Option(help="Name of the case folder; by default a keyed hash of the study's UID.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Built-in name or .toml file; by default chosen by BodyPartExamined."),
    ] = None,
    marrow: Annotated[Path | None, typer.Option(help="Marrow label map in patient space (.nii, .nii.gz).")] = None,
    marrow_from: Annotated[str | None, typer.Option(help="automatic, or supplied together with --marrow.")] = None,
    t1: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take as T1.")] = None,
    stir: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take as STIR.")] = None,
    allow_t1_only: Annotated[bool, typer.Option("--allow-t1-only", help="Not available in this version.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print result.json on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Analyze one study: measure marrow on T1 and STIR and write the case folder."""
    if verbose:
        be_verbose()
    _refuse_what_is_not_there(marrow_from, marrow, allow_t1_only=allow_t1_only)
    existing_input(path)
    if marrow is not None:
        existing_input(marrow, stage="segment_marrow")
    check_writable(output)
    _check_case_name(case)
    request = _Request(path=path, out=output, case=case, protocol=protocol, marrow=marrow, t1_uid=t1, stir_uid=stir)
    result, folder = _run(request, quiet=quiet)
    _tell(result, folder, json=json)


def _refuse_what_is_not_there(marrow_from: str | None, marrow: Path | None, *, allow_t1_only: bool) -> None:
    if allow_t1_only:
        raise _usage("--allow-t1-only is not available in this version", "a T1 and a STIR series are needed")
    if marrow_from is None:
        return
    kind = marrow_from.partition(":")[0]
    if kind in ("atlas", "external"):
        raise _usage(f"--marrow-from {kind} is not available in this version", "use automatic, or --marrow FILE")
    if kind not in ("automatic", "supplied") or kind != marrow_from:
        raise _usage("--marrow-from takes automatic or supplied", "see marrowsignal analyze --help")
    if kind == "supplied" and marrow is None:
        raise _usage("--marrow-from supplied needs --marrow FILE", "give the label map's path")
    if kind == "automatic" and marrow is not None:
        raise _usage("--marrow-from automatic and --marrow FILE contradict each other", "give one of them")


def _check_case_name(case: str | None) -> None:
    from marrowsignal.exports.case_folder import check_case_name

    if case is not None:
        check_case_name(case)


def _usage(message: str, hint: str) -> UsageError:
    return UsageError(message, code="option", stage="analyze", hint=hint)


def _run(request: _Request, *, quiet: bool) -> tuple[StudyResult, Path]:
    with step_progress(quiet=quiet) as done:
        from marrowsignal.exports.case_folder import write_case
        from marrowsignal.report import render_report
        from marrowsignal.study import analyze_study

        result = analyze_study(
            request.path,
            case=request.case,
            protocol=request.protocol,
            marrow=request.marrow,
            t1_uid=request.t1_uid,
            stir_uid=request.stir_uid,
            on_step=done,
        )
        page = render_report(result)
        done("render_report")
        folder = write_case(result, request.out, report_html=page)
        done("write_case")
    return result, folder


def _tell(result: StudyResult, folder: Path, *, json: bool) -> None:
    if json:
        from marrowsignal.results.document import to_document, to_json

        typer.echo(to_json(to_document(result)), nl=False)
        return
    typer.echo(f"{result.call.pattern_class.value} (confidence {result.call.confidence.value})")
    typer.echo(result.call.summary)
    typer.echo(f"Report: {folder / 'report.html'}")
