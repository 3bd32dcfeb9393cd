"""What a comparison of two dates hands on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair, AlignmentQuality, PieceMotion
from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.patterns.records import PatternCall
from marrowsignal.patterns.time_evidence import TimeEvidence
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import Side
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import MeasurementStatus, Signals

__all__ = [
    "Change",
    "ChangeState",
    "CommonSpace",
    "Comparison",
    "DatesRegistration",
    "DriftItem",
    "DriftState",
    "LesionChange",
    "LesionChangeState",
    "ReferenceAgreement",
    "RegionChange",
    "Scope",
]


class Scope(StrEnum):
    """What of a comparison is closed."""

    NOTHING = "nothing"
    T1 = "t1"
    STIR = "stir"
    LESIONS = "lesions"
    ALL = "all"


class DriftState(StrEnum):
    """How one fact of the acquisition does on the two dates."""

    SAME = "same"
    DIFFERS = "differs"
    CLOSES = "closes"
    NOT_KNOWN = "not_known"


class ChangeState(StrEnum):
    """What became of one value."""

    ROSE = "rose_beyond_repeatability"
    FELL = "fell_beyond_repeatability"
    NO_CHANGE = "no_change_beyond_repeatability"
    NOT_COMPARABLE = "not_comparable"


class LesionChangeState(StrEnum):
    """What became of a lesion."""

    NEW = "new"
    GONE = "gone"
    LARGER = "larger"
    SMALLER = "smaller"
    STABLE = "stable"
    MERGED = "merged"
    SPLIT = "split"
    NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftItem:
    """One fact of the acquisition on both dates.

    Attributes
    ----------
    key : str
        Stable identifier, for example ``"field_strength"``.
    series : str
        ``"T1"``, ``"STIR"`` or empty for both.
    name : str
        In words.
    baseline, followup : str
        What the headers say; empty when they do not.
    difference : float or None
        In `unit`; None for words and for what is not known.
    unit, limit, source : str
        Of the difference; the limits in words; where they come from.
    state : DriftState
        Outcome.
    closes : Scope
        What it closes; ``nothing`` unless `state` is ``closes``.
    reason : str
        One sentence.
    """

    key: str
    series: str
    name: str
    baseline: str
    followup: str
    difference: float | None
    unit: str
    limit: str
    state: DriftState
    closes: Scope
    reason: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatesRegistration:
    """How the follow-up was brought to the baseline.

    Attributes
    ----------
    baseline_to_followup_lps : ndarray of float64, shape (4, 4)
        Takes a patient point of the baseline's T1 to the same tissue's point in the follow-up's, LPS mm.
    pieces : tuple of PieceMotion
        Bones that moved on their own; empty where one rigid transform tells all.
    quality : AlignmentQuality
        Measured error and verdict of the same court that judges STIR on T1.
    moved_mm : float
        Median displacement of the baseline's tissue.
    """

    baseline_to_followup_lps: NDArray[np.float64]
    pieces: tuple[PieceMotion, ...]
    quality: AlignmentQuality
    moved_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceAgreement:
    """Level of one reference tissue on one date, by its own search and by the voxels of both.

    Attributes
    ----------
    tissue : str
        ``"muscle"``, ``"fat"`` or ``"normal_marrow"``.
    date : str
        ``"baseline"`` or ``"followup"``.
    series : str
        ``"T1"`` or ``"STIR"``.
    own, common : float or None
        Level by this date's search, and over the voxels of both.
    difference_fraction : float or None
        ``common / own - 1``.
    kept_share : float or None
        Share of the other date's voxels that look like the tissue here too.
    agrees : bool
        Whether both searches mean the same tissue.
    reason : str
        One sentence.
    """

    tissue: str
    date: str
    series: str
    own: float | None
    common: float | None
    difference_fraction: float | None
    kept_share: float | None
    agrees: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One descriptor on both dates.

    Attributes
    ----------
    id, name, unit : str
        Of the descriptor.
    baseline, followup : float or None
        Both measured in the same tissue.
    change, ci_low, ci_high : float or None
        Relative change in percent for ratios, difference in `unit` for indices, with its 90 % interval.
    change_unit : str
        ``"percent"`` or `unit`.
    repeatability_low, repeatability_high : float or None
        Change that a repeated examination without change stays within in 95 of 100 cases.
    p_value, q_value : float or None
        Of no change; over all regions of the descriptor (Benjamini and Hochberg).
    state : ChangeState
        Outcome.
    status : MeasurementStatus
        The weaker of the two measurements.
    reason : str
        Why it is not comparable, only exploratory, or no change in spite of its size; empty otherwise.
    """

    id: str
    name: str
    unit: str
    baseline: float | None
    followup: float | None
    change: float | None
    ci_low: float | None
    ci_high: float | None
    change_unit: str
    repeatability_low: float | None
    repeatability_high: float | None
    p_value: float | None
    q_value: float | None
    state: ChangeState
    status: MeasurementStatus
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChange:
    """One region, part of a bone or left-right pair on both dates.

    Attributes
    ----------
    level : str
        ``"whole"``, ``"region"``, ``"part"`` or ``"symmetry"``.
    key, name : str
        The region.
    side : Side
        The patient's side.
    core_ml : tuple of float or None
        Tissue measured at baseline and follow-up.
    lesion_ml : tuple of float or None
        Lesion volume at baseline and follow-up; None not looked for.
    changes : tuple of Change
        In a fixed order, the same for every row of a level.
    """

    level: str
    key: str
    name: str
    side: Side
    core_ml: tuple[float | None, float | None]
    lesion_ml: tuple[float | None, float | None]
    changes: tuple[Change, ...]

    def change(self, name: str) -> Change:
        """Return the change of the descriptor called `name`; KeyError if there is none."""
        for change in self.changes:
            if change.name == name:
                return change
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionChange:
    """Lesions of both dates that are the same disease.

    Attributes
    ----------
    number : int
        From 1; value in the label maps of changes.
    state : LesionChangeState
        Outcome.
    counts : bool
        Whether it is a change beyond repeatability.
    baseline_labels, followup_labels : tuple of int
        Lesions of each date in the label maps of that date.
    region_key, region_name : str
        Region that holds most of it.
    side : Side
        The patient's side.
    baseline_ml, followup_ml : float or None
        Volume on each date; 0 is looked for and not found, None not comparable.
    change_percent : float or None
        Of the volume; None for new lesions.
    baseline_contrast, followup_contrast : float or None
        Median signal in the same place on both dates over that date's normal marrow: STIR for lesions bright on STIR,
        T1 for foci dark on T1.
    centroid_lps_mm : tuple of float
        In the baseline's patient space.
    reason : str
        One sentence: what decided.
    """

    number: int
    state: LesionChangeState
    counts: bool
    baseline_labels: tuple[int, ...]
    followup_labels: tuple[int, ...]
    region_key: str
    region_name: str
    side: Side
    baseline_ml: float | None
    followup_ml: float | None
    change_percent: float | None
    baseline_contrast: float | None
    followup_contrast: float | None
    centroid_lps_mm: tuple[float, float, float]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommonSpace:
    """Both dates on the baseline's T1 grid, for pictures and label maps.

    Attributes
    ----------
    followup : AlignedPair
        The follow-up's series, interpolated once more; never measured.
    baseline_changes, followup_changes : LabelVolume or None
        Lesions of each date by `LesionChange.number`; None where lesions were not compared.
    regions : LabelVolume
        Regions of the marrow of both dates.
    """

    followup: AlignedPair
    baseline_changes: LabelVolume | None
    followup_changes: LabelVolume | None
    regions: LabelVolume


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Two dates of one patient.

    Attributes
    ----------
    case : str
        Case identifier of the output folder; never a name.
    protocol : Protocol
        Cuts used.
    baseline, followup : StudyResult
        As analyzed each by itself.
    interval_days : int or None
        From baseline to follow-up, negative when the follow-up is the older one; None when a date is missing.
    drift : tuple of DriftItem
        Every fact of the acquisition that was compared.
    closed : str
        Why nothing can be compared; empty when something can.
    registration : DatesRegistration or None
        None when the comparison was closed before.
    references : tuple of ReferenceAgreement
        Every tissue, date and series.
    regions : tuple of RegionChange
        The whole marrow, regions, parts, left-right pairs.
    lesions, dark_foci : tuple of LesionChange or None
        Those that count first, largest first; empty means none on either date, None not compared.
    lesions_reason, dark_foci_reason : str
        Why they were not compared; empty when they were.
    baseline_signals, followup_signals : Signals or None
        Both dates measured anew in the same tissue against the same references; None when closed.
    space : CommonSpace or None
        None when closed before the registration.
    time : TimeEvidence
        For the pattern.
    followup_call : PatternCall
        The follow-up's pattern with `time` among its evidence; `followup.call` is the one without.
    summary : str
        One paragraph.
    findings : tuple of Finding
        What weakens the comparison.
    """

    case: str
    protocol: Protocol
    baseline: StudyResult
    followup: StudyResult
    interval_days: int | None
    drift: tuple[DriftItem, ...]
    closed: str
    registration: DatesRegistration | None
    references: tuple[ReferenceAgreement, ...]
    regions: tuple[RegionChange, ...]
    lesions: tuple[LesionChange, ...] | None
    lesions_reason: str
    dark_foci: tuple[LesionChange, ...] | None
    dark_foci_reason: str
    baseline_signals: Signals | None
    followup_signals: Signals | None
    space: CommonSpace | None
    time: TimeEvidence
    followup_call: PatternCall
    summary: str
    findings: tuple[Finding, ...] = ()
