"""What the page says: every text ready to print, so that templates only place it."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.findings import Finding
from marrowsignal.patterns.records import CriterionState, PatternCall
from marrowsignal.report.charts.study_charts import StudyCharts, study_charts
from marrowsignal.report.pictures.page_pictures import Pictures, build_pictures
from marrowsignal.report.viewer import ViewerView, viewer_view
from marrowsignal.report.views.alignment_view import AlignmentView, alignment_view, bias_facts
from marrowsignal.report.views.deciding import jump_target
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
from marrowsignal.report.views.first_screen import FirstScreenView, first_screen_view
from marrowsignal.report.views.lesion_tables import dark_focus_table, dropped_table, lesion_table
from marrowsignal.report.views.mask_view import MaskView, mask_view
from marrowsignal.report.views.quality_view import QualityView, quality_view
from marrowsignal.report.views.reference_table import reference_table
from marrowsignal.report.views.region_tables import bone_table, part_table, region_table
from marrowsignal.report.views.series_view import Fact, SeriesRow, series_rows
from marrowsignal.report.views.side_table import SideTable, side_table
from marrowsignal.report.views.table_cells import Table
from marrowsignal.report.views.wording import SEVERITY_WORDS, interval, with_unit
from marrowsignal.results.descriptors import descriptor_title
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Measurement

__all__ = ["FindingRow", "Page", "build_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One finding as printed."""

    severity: str
    stage: str
    message: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything on one page, in reading order."""

    first: FirstScreenView
    viewer: ViewerView
    quality: QualityView
    pictures: Pictures
    alignment: AlignmentView | None
    bias: tuple[Fact, ...]
    charts: StudyCharts
    lesions: Table
    dark_foci: Table
    dropped: Table
    bones: Table
    distribution: tuple[Fact, ...]
    sides: SideTable
    regions: Table
    mask: MaskView
    parts: Table
    parts_reason: str
    joint: str
    criteria: tuple[CriterionRow, ...]
    unanswered: tuple[CriterionRow, ...]
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
    limits: tuple[str, ...]
    provenance: tuple[Fact, ...]


def build_page(result: StudyResult) -> Page:
    """Turn a result into the texts and pictures of its page.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    used, rejected = series_rows(result.series)
    first = first_screen_view(result)
    # Gates are told with their reasons in the section of quality.
    asked = tuple(item for item in result.call.criteria if not item.id.startswith("gate."))
    criteria = criterion_rows(asked, target=lambda item: jump_target(item, result))
    open_kind = CriterionState.NOT_EVALUABLE.value
    return Page(
        first=first,
        viewer=viewer_view(result),
        quality=quality_view(result.quality),
        pictures=build_pictures(result),
        alignment=alignment_view(result.pair, result.protocol.alignment),
        bias=bias_facts(result.pair, result.references),
        charts=study_charts(result),
        lesions=lesion_table(result),
        dark_foci=dark_focus_table(result),
        dropped=dropped_table(result),
        bones=bone_table(result),
        distribution=tuple(_distribution(item) for item in result.signals.distribution),
        sides=side_table(result),
        regions=region_table(result),
        mask=mask_view(result.marrow, voxel_ml=result.pair.t1.geometry.voxel_ml),
        parts=part_table(result),
        parts_reason=result.regions.parts_reason,
        joint=result.regions.joint_source,
        criteria=tuple(row for row in criteria if row.state.kind != open_kind),
        unanswered=tuple(row for row in criteria if row.state.kind == open_kind),
        groups=group_rows(result.call.groups),
        how_often=_how_often(result.call),
        region_calls=region_call_rows(result.call.regions),
        sentences=sentence_rows(tuple(s for s in result.call.sentences if s.text != result.call.background_prevalence)),
        references=reference_table(result),
        series_reasons=result.series.reasons,
        series=used,
        rejected=rejected,
        lesions_reason=result.signals.lesions_reason,
        findings=tuple(
            _finding(finding)
            for finding in result.quality.untold(result.findings)
            if finding.message not in first.limits
        ),
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


def _how_often(call: PatternCall) -> str:
    """Say how often such a call was right, and where: beside the evidence, for it is no figure of this patient."""
    if call.confidence_probability is None:
        return ""
    share = f"{call.confidence_probability:.0%}"
    return f"Classes named with this confidence were right in {share} where that was counted: {call.confidence_source}."


def _finding(finding: Finding) -> FindingRow:
    return FindingRow(
        severity=SEVERITY_WORDS[finding.severity],
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
