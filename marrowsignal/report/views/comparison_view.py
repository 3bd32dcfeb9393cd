"""What the page of a comparison says: every text ready to print."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.comparison.document import COMPARISON_LIMITS
from marrowsignal.comparison.records import (
    Change,
    ChangeState,
    Comparison,
    DriftState,
    LesionChange,
    RegionChange,
)
from marrowsignal.comparison.summary import interval_words
from marrowsignal.findings import Severity
from marrowsignal.patterns.records import CriterionState
from marrowsignal.quality.records import GateState
from marrowsignal.report.charts.comparison_charts import change_charts
from marrowsignal.report.charts.dot_chart import DotChart
from marrowsignal.report.pictures.comparison_pictures import comparison_pictures
from marrowsignal.report.pictures.scene import Picture
from marrowsignal.report.views.quality_view import Mark, mark
from marrowsignal.report.views.series_view import Fact
from marrowsignal.report.views.table_cells import Cell, Table
from marrowsignal.report.views.wording import (
    CLASS_WORDS,
    SEVERITY_WORDS,
    VERDICT_WORDS,
    Notes,
    add_on_words,
    interval,
    number,
    with_unit,
)
from marrowsignal.results.descriptors import descriptor_title
from marrowsignal.results.study_result import StudyResult

__all__ = ["ComparisonPage", "FindingLine", "build_comparison_page"]

_COLUMNS = (
    "t1_marrow_to_muscle",
    "t1_marrow_to_fat",
    "fat_signal_index",
    "stir_marrow_to_muscle",
    "stir_marrow_to_normal",
    "fat_water_ratio",
    "fat_water_ratio_to_normal",
    "pdff",
)
_CHANGED = {ChangeState.ROSE: "▲", ChangeState.FELL: "▼"}
_DRIFT = {
    DriftState.SAME: GateState.PASS,
    DriftState.DIFFERS: GateState.WARN,
    DriftState.CLOSES: GateState.FAIL,
    DriftState.NOT_KNOWN: GateState.NOT_EVALUABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """One finding as printed."""

    severity: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftLine:
    """One fact of the acquisition as printed."""

    name: str
    baseline: str
    followup: str
    mark: Mark
    reason: str
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPage:
    """Everything on the page of a comparison, in reading order."""

    case: str
    protocol: str
    title: str
    kind: str
    interval: str
    summary: str
    closed: str
    warnings: tuple[FindingLine, ...]
    dates: tuple[Fact, ...]
    pictures: tuple[Picture, ...]
    lesions: Table
    lesions_reason: str
    dark_foci: Table
    dark_foci_reason: str
    charts: tuple[DotChart, ...]
    regions: Table
    symmetry: Table
    drift: tuple[DriftLine, ...]
    registration: tuple[Fact, ...]
    registration_mark: Mark | None
    references: Table
    limits: tuple[str, ...]
    provenance: tuple[Fact, ...]


def build_comparison_page(comparison: Comparison) -> ComparisonPage:
    """Turn a comparison into the texts and pictures of its page.

    Parameters
    ----------
    comparison : Comparison
        Two dates.
    """
    c = comparison
    verdict = None if c.registration is None else VERDICT_WORDS[c.registration.quality.verdict][0]
    return ComparisonPage(
        case=c.case,
        protocol=f"{c.protocol.title} ({c.protocol.name}, version {c.protocol.version})",
        title=_title(c),
        kind="open" if c.closed else "plain",
        interval=interval_words(c.interval_days),
        summary=c.summary,
        closed=c.closed,
        warnings=tuple(
            FindingLine(severity=SEVERITY_WORDS[f.severity], message=f.message)
            for f in sorted(c.findings, key=lambda f: f.severity is not Severity.FAIL)
        ),
        dates=(_date("Baseline", c.baseline), _date("Follow-up", c.followup), *_in_time(c)),
        pictures=comparison_pictures(c),
        lesions=_lesion_table(c.lesions, "STIR"),
        lesions_reason=c.lesions_reason,
        dark_foci=_lesion_table(c.dark_foci, "T1"),
        dark_foci_reason=c.dark_foci_reason,
        charts=change_charts(c),
        regions=_change_table(tuple(row for row in c.regions if row.level != "symmetry"), "Region"),
        symmetry=_change_table(tuple(row for row in c.regions if row.level == "symmetry"), "Pair"),
        drift=_drift(c),
        registration=_registration(c),
        registration_mark=None if verdict is None else mark(verdict),
        references=_references(c),
        limits=(*COMPARISON_LIMITS, *c.protocol.limits),
        provenance=_provenance(c),
    )


def _title(c: Comparison) -> str:
    if c.closed:
        return "The two dates cannot be compared"
    marrow = any(change.state in _CHANGED for row in c.regions if row.level != "symmetry" for change in row.changes)
    focal = any(one.counts for one in (*(c.lesions or ()), *(c.dark_foci or ())))
    return "Changed beyond repeatability" if marrow or focal else "No change beyond repeatability"


def _date(name: str, result: StudyResult) -> Fact:
    lesions = result.signals.lesions
    count = "lesions not looked for" if lesions is None else f"{len(lesions)} lesion{'' if len(lesions) == 1 else 's'}"
    return Fact(name=name, value=f"{CLASS_WORDS[result.call.pattern_class]}; {count}; case {result.case}")


def _in_time(c: Comparison) -> tuple[Fact, ...]:
    """Tell the follow-up's pattern with the change since the baseline among its evidence."""
    if c.closed:
        return ()
    call, tested = c.followup_call, {item.id: item for item in c.followup_call.criteria}
    named = "; ".join(add_on_words(code) for code in call.add_ons)
    words = CLASS_WORDS[call.pattern_class]
    same = call.pattern_class is c.followup.call.pattern_class
    parts = [f"{words}, as by itself" if same else words, *([named] if named else []), c.time.reason]
    growth = tested.get("D54.infiltration")
    if growth is not None and growth.state is CriterionState.POSITIVE:
        parts.append("foci with T1 at or below muscle are new or grow")
    return (Fact(name="Follow-up, the baseline known", value="; ".join(parts)),)


def _lesion_table(changes: tuple[LesionChange, ...] | None, series: str) -> Table:
    if not changes:
        return Table(head=(), rows=())
    head = ("Lesion", "What became of it", "Baseline", "Follow-up", "Change", "Region", f"{series} / normal", "Why")
    return Table(head=head, rows=tuple(_lesion_row(one) for one in changes))


def _lesion_row(one: LesionChange) -> tuple[Cell, ...]:
    state = one.state.value.replace("_", " ")
    change = "–" if one.change_percent is None else f"{one.change_percent:+.0f} %".replace("-", "−")
    contrast = " → ".join(
        "not measured" if value is None else number(value) for value in (one.baseline_contrast, one.followup_contrast)
    )
    return (
        Cell(text=str(one.number)),
        Cell(text=state, small="beyond repeatability" if one.counts else "no change beyond repeatability"),
        Cell(text=with_unit(one.baseline_ml, "ml", missing="not comparable")),
        Cell(text=with_unit(one.followup_ml, "ml", missing="not comparable")),
        Cell(text=change),
        Cell(text=one.region_name),
        Cell(text=contrast),
        Cell(text=one.reason),
    )


def _change_table(rows: tuple[RegionChange, ...], first: str) -> Table:
    names = [
        name
        for name in dict.fromkeys((*_COLUMNS, *(change.name for row in rows for change in row.changes)))
        if any(change.name == name and change.change is not None for row in rows for change in row.changes)
    ]
    if not names:
        return Table(head=(), rows=())
    notes = Notes()
    body = tuple((Cell(text=row.name, small=_core(row)), *(_cell(row, name, notes) for name in names)) for row in rows)
    return Table(head=(first, *(descriptor_title(name) for name in names)), rows=body, notes=notes.listed())


def _core(row: RegionChange) -> str:
    before, after = row.core_ml
    return "" if before is None or after is None else f"{number(before)} and {number(after)} mL"


def _cell(row: RegionChange, name: str, notes: Notes) -> Cell:
    change = next((one for one in row.changes if one.name == name), None)
    if change is None:
        return Cell(text="–")
    if change.change is None:
        return Cell(text="not comparable", mark=notes.mark(change.reason or "no reason given"))
    sign = _CHANGED.get(change.state, "")
    values = f"{number(change.baseline or 0.0)} → {number(change.followup or 0.0)}"
    return Cell(
        text=f"{sign} {values}".strip(),
        small=_size(change),
        mark=notes.mark(change.reason) if change.reason else "",
    )


def _size(change: Change) -> str:
    percent = change.change_unit == "percent" and change.unit == "1"
    size = f"{change.change:+.0f} %" if percent else f"{change.change:+.2f}"
    span = interval(change.ci_low, change.ci_high)
    return f"{size} ({span})".replace("-", "−") if span else size.replace("-", "−")


def _drift(c: Comparison) -> tuple[DriftLine, ...]:
    order = (DriftState.CLOSES, DriftState.DIFFERS, DriftState.NOT_KNOWN, DriftState.SAME)
    return tuple(
        DriftLine(
            name=f"{item.series} {item.name}".strip(),
            baseline=item.baseline or "not in the header",
            followup=item.followup or "not in the header",
            mark=mark(_DRIFT[item.state]),
            reason=item.reason,
            limit=item.limit,
        )
        for item in sorted(c.drift, key=lambda item: order.index(item.state))
    )


def _registration(c: Comparison) -> tuple[Fact, ...]:
    found = c.registration
    if found is None:
        return ()
    quality = found.quality
    error = with_unit(quality.estimated_error_mm, "mm", missing="could not be bounded")
    apart = [piece.beyond_rigid_mm for piece in found.pieces if piece.beyond_rigid_mm > 0]
    return (
        Fact(name="Estimated remaining error", value=f"{error} ({quality.error_source})"),
        Fact(name="Good for", value=VERDICT_WORDS[quality.verdict][1]),
        Fact(
            name="The patient lay elsewhere by (median), turned by",
            value=f"{with_unit(found.moved_mm, 'mm')}, {with_unit(quality.rotation_deg, 'deg')}",
        ),
        Fact(
            name="Parts that moved on their own",
            value=", ".join(with_unit(mm, "mm") for mm in apart) if apart else "none",
        ),
        Fact(
            name="Baseline's tissue that the follow-up shows",
            value=with_unit(None if quality.overlap_fraction is None else 100 * quality.overlap_fraction, "percent"),
        ),
        Fact(
            name="What is measured",
            value="each date's own samples; the follow-up is interpolated for the pictures alone",
        ),
    )


def _references(c: Comparison) -> Table:
    head = ("Tissue", "Date", "Series", "By this date's search", "Over both dates' voxels", "Apart", "Verdict")
    rows = tuple(
        (
            Cell(text=one.tissue.replace("_", " ")),
            Cell(text="follow-up" if one.date == "followup" else one.date),
            Cell(text=one.series),
            Cell(text=with_unit(one.own, "1")),
            Cell(text=with_unit(one.common, "1")),
            Cell(text=with_unit(None if one.difference_fraction is None else 100 * one.difference_fraction, "percent")),
            Cell(text=one.reason),
        )
        for one in c.references
    )
    return Table(head=head, rows=rows)


def _provenance(c: Comparison) -> tuple[Fact, ...]:
    made = c.baseline.provenance
    return (
        Fact(name="marrowsignal", value=made.version),
        Fact(name="Baseline: protocol SHA-256", value=made.protocol_sha256),
        Fact(name="Baseline: input SHA-256", value=made.input_sha256),
        Fact(name="Follow-up: input SHA-256", value=c.followup.provenance.input_sha256),
        Fact(name="Dates", value="never printed; the interval is told in days"),
    )
