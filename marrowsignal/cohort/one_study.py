"""One study from its files to its case folders: the same lines for the command `analyze` and for a run over many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from marrowsignal.dicom import SeriesCatalog, SeriesPair, case_key, find_pairs, find_series, pair_case_name, select_pair
from marrowsignal.errors import InputError, SomeStudiesFailedError

if TYPE_CHECKING:
    from marrowsignal.exports.case_folder import WrittenCase
    from marrowsignal.exports.layout import CaseOptions
    from marrowsignal.marrow.supplied import MarrowRequest
    from marrowsignal.protocol.series_rules import SeriesRules
    from marrowsignal.results.study_result import StudyResult

__all__ = ["FinishedPair", "StudyRequest", "analyze_pair", "folder_names", "pairs_of", "series_of", "some_pairs_failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """One study and all choices of who asked for it, checked.

    Attributes
    ----------
    paths : tuple of Path
        Folders, files or archives that hold it.
    out : Path
        Folder of the cases.
    options : CaseOptions
        What a case folder holds, and how it is named.
    study_instance_uid : str or None
        Which study of those paths; None where all that lies there is meant, T1 and STIR of two studies included when
        there are several paths.
    case : str or None
        Name of the case; by default a hash of the study's UID with the key of `out`.
    protocol : str or None
        Built-in name or TOML file; by default chosen by BodyPartExamined.
    marrow : MarrowRequest or None
        A mask of the user's.
    marrow_from, lesions_from : str
        As `marrowsignal.study.analyze_study` takes them.
    t1_uid, stir_uid : str or None
        SeriesInstanceUIDs that override the choice of series.
    label : str or None
        The one pair to take, where there are several.
    allow_t1_only : bool
        Whether a T1 without a usable STIR is measured as far as T1 goes.
    rules : SeriesRules or None
        How series are recognised and paired; the shipped rules by default.
    """

    paths: tuple[Path, ...]
    out: Path
    options: CaseOptions
    study_instance_uid: str | None = None
    case: str | None = None
    protocol: str | None = None
    marrow: MarrowRequest | None = None
    marrow_from: str = "automatic"
    lesions_from: str = "rules"
    t1_uid: str | None = None
    stir_uid: str | None = None
    label: str | None = None
    allow_t1_only: bool = False
    rules: SeriesRules | None = None

    @property
    def across_studies(self) -> bool:
        """Whether T1 and STIR may come from two studies."""
        return len(self.paths) > 1 and self.study_instance_uid is None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedPair:
    """One pair analyzed and written."""

    result: StudyResult
    written: WrittenCase


def series_of(request: StudyRequest) -> SeriesCatalog:
    """Find every series of the study that is asked for.

    Raises
    ------
    InputError
        As `find_series`; also if the study that is asked for is not there.
    """
    catalog = find_series(request.paths, rules=request.rules, study_instance_uid=request.study_instance_uid)
    if request.study_instance_uid is not None and not catalog.series:
        raise InputError(
            "the study is no longer where it was found",
            code="study_gone",
            stage="find_series",
            hint="look where its files are now, and run again",
        )
    return catalog


def pairs_of(request: StudyRequest, catalog: SeriesCatalog) -> tuple[SeriesPair, ...]:
    """Choose the pairs to analyze: each field of view's, or the one that is asked for.

    Raises
    ------
    NoUsablePairError, UsageError
        As `find_pairs`.
    """
    if request.label is None:
        return find_pairs(
            catalog,
            t1_uid=request.t1_uid,
            stir_uid=request.stir_uid,
            allow_t1_only=request.allow_t1_only,
            across_studies=request.across_studies,
            rules=request.rules,
        )
    one = select_pair(
        catalog,
        t1_uid=request.t1_uid,
        stir_uid=request.stir_uid,
        label=request.label,
        allow_t1_only=request.allow_t1_only,
        across_studies=request.across_studies,
        rules=request.rules,
    )
    return (one,)


def folder_names(request: StudyRequest, pairs: tuple[SeriesPair, ...]) -> tuple[str, ...]:
    """Return the name of each pair's case: the given one or the study's hash, with the label where there are several.

    Raises
    ------
    DicomError
        If a study has no StudyInstanceUID to be named by.
    OutputError
        If the key that names are made with can be neither read nor made.
    """
    if request.case is not None:
        return tuple(f"{request.case}-{pair.label}" if len(pairs) > 1 else request.case for pair in pairs)
    key = case_key(request.out)
    return tuple(pair_case_name(pair, key=key) for pair in pairs)


def analyze_pair(
    request: StudyRequest, pair: SeriesPair, case: str, *, on_step: Callable[[str], None] = lambda _step: None
) -> FinishedPair:
    """Analyze one pair and write its case folder.

    Parameters
    ----------
    request : StudyRequest
        The study and the choices.
    pair : SeriesPair
        One of `pairs_of`.
    case : str
        Its name, of `folder_names`.
    on_step : callable, optional
        Called with each step's name when it is done.

    Returns
    -------
    FinishedPair
        What was found, and where it was written.

    Raises
    ------
    MarrowSignalError
        One of `marrowsignal.errors`, when it cannot be analyzed or written.
    """
    # Late: a study without a pair is refused without them.
    from marrowsignal.exports.case_folder import write_whole_case  # noqa: PLC0415
    from marrowsignal.report import draw_first_screen, render_report  # noqa: PLC0415
    from marrowsignal.study import analyze_study  # noqa: PLC0415

    result = analyze_study(
        pair,
        case=case,
        key_folder=request.out,
        protocol=request.protocol,
        marrow=request.marrow,
        marrow_from=request.marrow_from,
        lesions_from=request.lesions_from,
        series_rules=request.rules,
        on_step=on_step,
    )
    page = render_report(result)
    screen = draw_first_screen(result) if request.options.dicom else None
    on_step("render_report")
    written = write_whole_case(result, request.out, report_html=page, first_screen=screen, options=request.options)
    on_step("write_case")
    return FinishedPair(result=result, written=written)


def some_pairs_failed(pairs: int, failed: list[str]) -> SomeStudiesFailedError:
    """Return the error of a study that lost some of its pairs.

    Parameters
    ----------
    pairs : int
        How many it has.
    failed : list of str
        Labels of those that failed.
    """
    return SomeStudiesFailedError(
        f"{len(failed)} of {pairs} pairs failed: {', '.join(failed)}",
        code="some_pairs_failed",
        stage="analyze",
        hint="the case folders of the others are whole",
    )
