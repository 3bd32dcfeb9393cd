"""What the page says: every text ready to print, so that templates only place it."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.findings import Finding, Severity
from marrowsignal.patterns.records import PatternCall, PatternClass
from marrowsignal.report.charts.signal_charts import DotChart, Scatter, build_charts
from marrowsignal.report.pictures.page_pictures import Pictures, build_pictures
from marrowsignal.report.views.alignment_view import AlignmentView, alignment_view, bias_facts
from marrowsignal.report.views.evidence_view import (
    CriterionRow,
    GroupRow,
    RegionCallRow,
    SentenceRow,
    criterion_rows,
    group_rows,
    region_call_rows,
    sentence_rows,
)
from marrowsignal.report.views.mask_view import MaskView, mask_view
from marrowsignal.report.views.number_tables import (
    Table,
    bone_table,
    dark_focus_table,
    dropped_table,
    lesion_table,
    part_table,
    reference_table,
    region_table,
    symmetry_table,
)
from marrowsignal.report.views.quality_view import QualityView, quality_view
from marrowsignal.report.views.series_view import Fact, SeriesRow, series_rows
from marrowsignal.report.views.wording import CLASS_WORDS, CONFIDENCE_WORDS, add_on_words, interval, with_unit
from marrowsignal.results.descriptors import descriptor_title
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Measurement

__all__ = ["FindingRow", "Header", "Page", "build_page"]

_SEVERITY_WORDS = {Severity.FAIL: "fail", Severity.WARN: "warning", Severity.INFO: "note"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One finding as printed."""

    severity: str
    stage: str
    message: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a reader sees first."""

    case: str
    pair: str
    protocol: str
    class_words: str
    class_code: str
    kind: str
    confidence: str
    summary: str
    reasons: tuple[str, ...]
    add_ons: tuple[str, ...]
    red_flag: str
    warnings: tuple[FindingRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything on one page, in reading order."""

    header: Header
    quality: QualityView
    pictures: Pictures
    alignment: AlignmentView | None
    bias: tuple[Fact, ...]
    charts: tuple[DotChart, ...]
    scatter: Scatter | None
    lesions: Table
    dark_foci: Table
    dropped: Table
    bones: Table
    distribution: tuple[Fact, ...]
    regions: Table
    symmetry: Table
    mask: MaskView
    parts: Table
    parts_reason: str
    joint: str
    criteria: tuple[CriterionRow, ...]
    groups: tuple[GroupRow, ...]
    how_often: str
    region_calls: tuple[RegionCallRow, ...]
    sentences: tuple[SentenceRow, ...]
    references: Table
    series_reasons: tuple[str, ...]
    series: tuple[SeriesRow, ...]
    rejected: tuple[SeriesRow, ...]
    lesions_reason: str
    findings: tuple[FindingRow, ...]
    prevalence: str
    limits: tuple[str, ...]
    provenance: tuple[Fact, ...]


def build_page(result: StudyResult) -> Page:
    """Turn a result into the texts and pictures of its page.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    charts, scatter = build_charts(result)
    used, rejected = series_rows(result.series)
    return Page(
        header=_header(result),
        quality=quality_view(result.quality),
        pictures=build_pictures(result),
        alignment=alignment_view(result.pair),
        bias=bias_facts(result.pair, result.references),
        charts=charts,
        scatter=scatter,
        lesions=lesion_table(result),
        dark_foci=dark_focus_table(result),
        dropped=dropped_table(result),
        bones=bone_table(result),
        distribution=tuple(_distribution(item) for item in result.signals.distribution),
        regions=region_table(result),
        symmetry=symmetry_table(result),
        mask=mask_view(result.marrow, voxel_ml=result.pair.t1.geometry.voxel_ml),
        parts=part_table(result),
        parts_reason=result.regions.parts_reason,
        joint=result.regions.joint_source,
        criteria=criterion_rows(result.call.criteria),
        groups=group_rows(result.call.groups),
        how_often=_how_often(result.call),
        region_calls=region_call_rows(result.call.regions),
        sentences=sentence_rows(result.call.sentences),
        references=reference_table(result),
        series_reasons=result.series.reasons,
        series=used,
        rejected=rejected,
        lesions_reason=result.signals.lesions_reason,
        findings=tuple(_finding(finding) for finding in result.quality.untold(result.findings)),
        prevalence=result.call.background_prevalence,
        limits=result.protocol.limits,
        provenance=_provenance(result),
    )


def _distribution(item: Measurement) -> Fact:
    if item.value is None:
        return Fact(name=descriptor_title(item.name), value=f"not measured: {item.reason}")
    spread = interval(item.ci_low, item.ci_high)
    return Fact(
        name=descriptor_title(item.name), value=with_unit(item.value, item.unit) + (f" ({spread})" if spread else "")
    )


def _header(result: StudyResult) -> Header:
    call = result.call
    untold = result.quality.untold(result.findings)
    worst_first = sorted(untold, key=lambda f: f.severity is not Severity.FAIL)
    return Header(
        case=result.case,
        pair=result.series.label,
        protocol=f"{result.protocol.title} ({result.protocol.name}, version {result.protocol.version})",
        class_words=CLASS_WORDS[call.pattern_class],
        class_code=call.pattern_class.value,
        kind=_kind(call.pattern_class),
        confidence=CONFIDENCE_WORDS[call.confidence],
        summary=" ".join(s.text for s in call.sentences if s.text != call.background_prevalence),
        reasons=call.reasons,
        add_ons=tuple(add_on_words(code) for code in call.add_ons),
        red_flag=_red_flag(call),
        warnings=tuple(_finding(f) for f in worst_first if f.severity is not Severity.INFO),
    )


def _how_often(call: PatternCall) -> str:
    """Say how often such a call was right, and where: beside the evidence, for it is no figure of this patient."""
    if call.confidence_probability is None:
        return ""
    share = f"{call.confidence_probability:.0%}"
    return f"Classes named with this confidence were right in {share} where that was counted: {call.confidence_source}."


def _kind(pattern: PatternClass) -> str:
    if pattern is PatternClass.RED_FLAG_INFILTRATION_LIKE:
        return "flag"
    return "open" if pattern in {PatternClass.INDETERMINATE, PatternClass.CANNOT_ASSESS} else "plain"


def _red_flag(call: PatternCall) -> str:
    flagged = call.pattern_class is PatternClass.RED_FLAG_INFILTRATION_LIKE or "DIFFUSE_LOW_T1_REVIEW" in call.add_ons
    if not flagged:
        return ""
    return (
        "T1 signal of marrow at or below muscle. Benign causes (sclerosis, intense reconversion, growth factors, "
        "iron, an error of the muscle reference) are possible; expert review is needed."
    )


def _finding(finding: Finding) -> FindingRow:
    return FindingRow(
        severity=_SEVERITY_WORDS[finding.severity],
        stage=finding.stage.replace("_", " "),
        message=finding.message,
        code=finding.code,
    )


def _provenance(result: StudyResult) -> tuple[Fact, ...]:
    made = result.provenance
    return (
        Fact(name="marrowsignal", value=made.version),
        Fact(name="Protocol SHA-256", value=made.protocol_sha256),
        Fact(name="Input SHA-256", value=made.input_sha256),
        Fact(name="Supplied mask SHA-256", value=made.mask_sha256 or "no mask was supplied"),
        Fact(name="Python", value=made.python),
        Fact(name="Libraries", value=", ".join(f"{name} {number}" for name, number in made.libraries)),
        Fact(name="Date and timings", value="in result.json, section run; this page is the same for every run"),
    )
