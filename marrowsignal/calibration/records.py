"""What calibration reads of a cohort, and what it hands on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Calibration",
    "CohortCase",
    "FatFractionCheck",
    "Label",
    "MeasuredRegion",
    "Outcome",
    "Stamp",
]


class Label(StrEnum):
    """What a reader, biopsy or follow-up says of a case; never what marrowsignal said itself."""

    NORMAL = "normal"
    RECONVERSION = "reconversion"
    EDEMA = "edema"
    INFILTRATION = "infiltration"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRegion:
    """Values of one region, lesion, or all marrow.

    Attributes
    ----------
    key, side : str
        Region and the patient's side.
    volume_ml : float
        Volume; of a region that of its core.
    values : tuple of (str, float)
        Name and value of everything measured, small regions left out.
    """

    key: str
    side: str
    volume_ml: float
    values: tuple[tuple[str, float], ...]

    def value(self, name: str) -> float | None:
        """Return what was measured under `name`, or None."""
        return next((value for known, value in self.values if known == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCase:
    """One analyzed study of a cohort.

    Attributes
    ----------
    case : str
        Case identifier.
    label : Label or None
        From the table of labels.
    person : str
        Same for repeated studies of one person.
    site : str
        Where it was acquired; empty when not told.
    age_y : float or None
        PatientAge.
    sex : str or None
        ``"F"``, ``"M"`` or None.
    field_t : float or None
        Field strength, rounded to 0.1 T.
    protocol_name, protocol_sha256, input_sha256 : str
        What it was analyzed with, and from.
    whole : MeasuredRegion
        All marrow without lesions.
    regions, parts, lesions, symmetry : tuple of MeasuredRegion
        The rest; lesions largest first, left against right.
    """

    case: str
    label: Label | None
    person: str
    site: str
    age_y: float | None
    sex: str | None
    field_t: float | None
    protocol_name: str
    protocol_sha256: str
    input_sha256: str
    whole: MeasuredRegion
    regions: tuple[MeasuredRegion, ...]
    parts: tuple[MeasuredRegion, ...]
    lesions: tuple[MeasuredRegion, ...]
    symmetry: tuple[MeasuredRegion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one number of the protocol.

    Attributes
    ----------
    path : str
        Where it stands, for example ``"evidence.stir_muscle_edema_min"`` or ``"ilium.adult.low"``.
    unit : str
        Its unit.
    old : float or None
        Value of the protocol extended; None where it had none.
    new : float or None
        What the cohort gives; None where the old value is kept.
    low, high : float or None
        Bootstrap interval over people; told for an estimate that was not taken over, too.
    people : int
        People it rests on.
    told : str
        How it was estimated and does on people left out, or why the old value is kept.
    """

    path: str
    unit: str
    old: float | None
    new: float | None
    low: float | None
    high: float | None
    people: int
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FatFractionCheck:
    """How ``FF = intercept + slope FSI`` does (SCIENCE 1.5, 1.7).

    Attributes
    ----------
    intercept, slope : float
        Percent, percent per FSI.
    agreement_low, agreement_high : float
        Bland-Altman limits of a region, percent.
    regions, people : int
        What it rests on.
    site_errors : tuple of (str, float, float)
        Site, mean error and root mean square error at it when fitted on the other sites, percent.
    """

    intercept: float
    slope: float
    agreement_low: float
    agreement_high: float
    regions: int
    people: int
    site_errors: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A cohort's word on a protocol.

    Attributes
    ----------
    protocol_name : str
        Protocol extended.
    cohort : str
        Hash of the cohort's input and labels.
    studies, people : int
        Size.
    outcomes : tuple of Outcome
        One a number, changed or kept.
    fat_fraction : FatFractionCheck or None
        None where too little PDFF was measured.
    text : str
        The protocol as TOML.
    """

    protocol_name: str
    cohort: str
    studies: int
    people: int
    outcomes: tuple[Outcome, ...]
    fat_fraction: FatFractionCheck | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where calibrated numbers come from.

    Attributes
    ----------
    cohort : str
        Hash.
    version : str
        Of marrowsignal.
    level : float
        Of the intervals.
    """

    cohort: str
    version: str
    level: float

    def source(self, people: int, interval: tuple[float, float] | None = None) -> str:
        """Return the source of one number."""
        span = "" if interval is None else f"{100 * self.level:.0f} % interval {interval[0]:.3f}-{interval[1]:.3f}, "
        return f"calibrated on {people} people of cohort {self.cohort[:12]}, {span}marrowsignal {self.version}"
