"""``marrowsignal analyze``: one study from its files to its case folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import check_writable, existing_input, outside_cases, site_series_rules
from marrowsignal.cli.progress import step_progress
from marrowsignal.cli.terminal import say
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import MarrowSignalError, UsageError
from marrowsignal.findings import Severity
from marrowsignal.threads import one_thread_for_algebra

if TYPE_CHECKING:
    from marrowsignal.cohort.one_study import FinishedPair, StudyRequest
    from marrowsignal.dicom.records import SeriesPair
    from marrowsignal.exports.case_folder import CaseOptions
    from marrowsignal.marrow.supplied.request import MarrowRequest

__all__ = ["analyze"]

# What does not weaken the result, but may be news to who gave the path.
_TOLD = frozenset({"other_studies"})
_STEPS_OF_STUDY = 2  # find_series and select_pair are done once, the others for each pair


def analyze(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder, file, zip or DICOMDIR of one study.", readable=False)
    ],
    path2: Annotated[
        Path | None,
        typer.Argument(metavar="PATH2", help="A second one, where T1 and STIR were exported apart.", readable=False),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder that gets the case folder.")],
    case: Annotated[
        str | None,
        typer.Option(help="Name of the case folder; by default a hash of the study's UID with the folder's key."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Built-in name or .toml file; by default chosen by BodyPartExamined."),
    ] = None,
    marrow: Annotated[
        Path | None, typer.Option(help="Label map in patient space: NIfTI, NRRD, MHA or DICOM SEG, on any grid.")
    ] = None,
    mask_kind: Annotated[
        str | None, typer.Option(help="What the labels of --marrow enclose: marrow (default) or bone, with its cortex.")
    ] = None,
    label_table: Annotated[
        Path | None, typer.Option(help="What its values are: table of ITK-SNAP or 3D Slicer, .csv, .tsv or .json.")
    ] = None,
    marrow_from: Annotated[
        str | None,
        typer.Option(help="automatic (default), atlas:FOLDER, external:NAME, or supplied together with --marrow."),
    ] = None,
    lesions_from: Annotated[
        str, typer.Option(help="rules (default), or atlas:FOLDER, a model an atlas learnt of labelled lesions.")
    ] = "rules",
    t1: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take as T1.")] = None,
    stir: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take as STIR.")] = None,
    pair: Annotated[
        str | None, typer.Option(help="Label of the one pair to take, where a study holds several (see inspect).")
    ] = None,
    allow_t1_only: Annotated[
        bool, typer.Option("--allow-t1-only", help="Without a usable STIR, measure T1 alone; no pattern is named.")
    ] = False,
    series_rules: Annotated[
        Path | None, typer.Option(help="Own rules for recognising series (.toml); see protocol show series.")
    ] = None,
    layout: Annotated[
        str, typer.Option(help="case (default): our own names; bids: those of a BIDS derivative dataset.")
    ] = "case",
    no_dicom: Annotated[
        bool, typer.Option("--no-dicom", help="Make no DICOM objects, which name the patient as a PACS asks.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print result.json on stdout; a list of them for several pairs.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Analyze one study: measure marrow on T1 and STIR and write the case folder.

    A study with several pairs, such as the left and the right hip, gets one case folder for each.
    """
    if verbose:
        be_verbose()
    one_thread_for_algebra()
    way = _way(marrow_from, marrow)
    paths = (path,) if path2 is None else (path, path2)
    for given in paths:
        existing_input(given)
    mask = _mask(marrow, mask_kind, label_table, output)
    check_writable(output)
    options = _options(layout, dicom=not no_dicom)
    _check_case_name(case, output, options)
    _check_protocol(protocol)
    from marrowsignal.cohort.one_study import StudyRequest

    request = StudyRequest(
        paths=paths,
        out=output,
        options=options,
        case=case,
        protocol=protocol,
        marrow=mask,
        marrow_from=way,
        lesions_from=_lesion_way(lesions_from),
        t1_uid=None if t1 is None else t1.strip(),
        stir_uid=None if stir is None else stir.strip(),
        label=pair,
        allow_t1_only=allow_t1_only,
        rules=site_series_rules(series_rules),
    )
    _run(request, quiet=quiet, json=json)


def _way(marrow_from: str | None, marrow: Path | None) -> str:
    """Return the way to a mask, refused before the long work when it contradicts ``--marrow``."""
    from marrowsignal.marrow.ways import AUTOMATIC_WAY, check_way

    if marrow_from == "supplied":
        if marrow is None:
            raise _usage("--marrow-from supplied needs --marrow FILE", "give the label map's path")
        return AUTOMATIC_WAY
    if marrow_from is None:
        return AUTOMATIC_WAY
    check_way(marrow_from)
    if marrow is not None:
        raise _usage(
            f"--marrow-from {marrow_from.partition(':')[0]} and --marrow FILE contradict each other", "give one of them"
        )
    return marrow_from


def _lesion_way(way: str) -> str:
    """Refuse an unknown way or an atlas without lesions before the long work."""
    from marrowsignal.learned_lesions.way import check_lesion_way

    check_lesion_way(way)
    return way


def _mask(path: Path | None, kind: str | None, table: Path | None, out: Path) -> MarrowRequest | None:
    from marrowsignal.marrow.records import MaskKind
    from marrowsignal.marrow.supplied.request import MarrowRequest

    if path is None:
        if kind is not None or table is not None:
            raise _usage("--mask-kind and --label-table need --marrow FILE", "give the label map's path")
        return None
    if kind not in (None, *MaskKind):
        raise _usage("--mask-kind takes marrow or bone", "see marrowsignal analyze --help")
    for given in (path, table):
        if given is not None:
            outside_cases(existing_input(given, stage="segment_marrow"), out)
    return MarrowRequest(path=path, kind=MaskKind(kind or MaskKind.MARROW), table=table)


def _options(layout: str, *, dicom: bool) -> CaseOptions:
    from marrowsignal.exports.case_folder import CaseOptions, Layout

    if layout not in tuple(Layout):
        raise _usage("--layout takes case or bids", "see marrowsignal analyze --help")
    return CaseOptions(dicom=dicom, layout=Layout(layout))


def _check_case_name(case: str | None, out: Path, options: CaseOptions) -> None:
    from marrowsignal.exports.case_folder import check_case_place

    if case is not None:
        check_case_place(case, out, options=options)


def _check_protocol(protocol: str | None) -> None:
    """Refuse an unknown or malformed protocol before the long work, and once for all pairs."""
    from marrowsignal.protocol import load_protocol

    if protocol is not None:
        load_protocol(protocol)


def _usage(message: str, hint: str) -> UsageError:
    return UsageError(message, code="option", stage="analyze", hint=hint)


def _run(request: StudyRequest, *, quiet: bool, json: bool) -> None:
    from marrowsignal.cohort.one_study import analyze_pair, folder_names, pairs_of, series_of

    with step_progress(quiet=quiet) as done:
        catalog = series_of(request)
        done("find_series")
        pairs = pairs_of(request, catalog)
        done("select_pair")
        _check_case_key(request)
        names = folder_names(request, pairs)
        if len(pairs) == 1:
            case = analyze_pair(request, pairs[0], names[0], on_step=done)
    if len(pairs) == 1:
        _warn(case, quiet=quiet)
        _tell((case,), json=json, several=False)
    else:
        _run_each(request, pairs, names, quiet=quiet, json=json)


def _check_case_key(request: StudyRequest) -> None:
    """Make or read the key before the long work, not after it."""
    from marrowsignal.dicom import case_key

    if request.case is None:
        for finding in case_key(request.out).findings:
            say(f"note: {finding.message}", err=True)


def _run_each(
    request: StudyRequest, pairs: tuple[SeriesPair, ...], names: tuple[str, ...], *, quiet: bool, json: bool
) -> None:
    """Analyze pair after pair; one that fails is told and does not stop the others."""
    from marrowsignal.cohort.one_study import analyze_pair, some_pairs_failed

    for name in names:
        _check_case_name(name, request.out, request.options)
    cases, failed = [], []
    for pair, name in zip(pairs, names, strict=True):
        if not quiet:
            say(f"pair {pair.label}", err=True)
        try:
            with step_progress(quiet=quiet, before=_STEPS_OF_STUDY) as done:
                cases.append(analyze_pair(request, pair, name, on_step=done))
            _warn(cases[-1], quiet=quiet)
        except MarrowSignalError as error:
            say(f"error: pair {pair.label}: {error}", err=True)
            failed.append(pair.label)
    _tell(tuple(cases), json=json, several=True)
    if failed:
        raise some_pairs_failed(len(pairs), failed)


def _warn(case: FinishedPair, *, quiet: bool) -> None:
    """Say on stderr what a user must know of the series chosen and of DICOM objects; the rest is in the report."""
    dicom = case.written.dicom
    for finding in (*case.result.series.findings, *(() if dicom is None else dicom.findings)):
        weakens = finding.severity is not Severity.INFO
        if (weakens or finding.code in _TOLD) and not quiet:
            say(f"{'warning' if weakens else 'note'}: {finding.message}", err=True)


def _tell(cases: tuple[FinishedPair, ...], *, json: bool, several: bool) -> None:
    from marrowsignal.patterns.records import PatternClass
    from marrowsignal.results.quality_section import quality_sentence

    if json:
        texts = [(case.written.folder / "result.json").read_text(encoding="utf-8") for case in cases]
        typer.echo("[\n" + ",\n".join(text.rstrip() for text in texts) + "\n]\n" if several else texts[0], nl=False)
        return
    for case in cases:
        call, label = case.result.call, case.result.series.label
        start = f"{label}: " if label else ""
        say(f"{start}{call.pattern_class.value} (confidence {call.confidence.value})")
        say(quality_sentence(case.result.quality))
        say(call.summary)
        if call.pattern_class is PatternClass.CANNOT_ASSESS:
            for reason in call.reasons:
                say(f"- {reason}")
        say(f"Report: {case.written.folder / 'report.html'}")
