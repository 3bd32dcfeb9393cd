"""What the DICOM step hands on: series with their identity, and the pair that will be measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from marrowsignal.dicom.headers.pixel_layout import SliceSource
from marrowsignal.findings import Finding
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = [
    "Comparison",
    "EvidenceItem",
    "EvidenceKind",
    "Series",
    "SeriesCatalog",
    "SeriesIdentity",
    "SeriesPair",
    "Verdict",
]


class SeriesIdentity(StrEnum):
    """What a series is by its physics (SCIENCE 5.1)."""

    T1 = "t1"
    STIR = "stir"
    FLAIR = "flair"
    T1_IR = "t1_ir"
    T1_FAT_SUPPRESSED = "t1_fat_suppressed"
    T2 = "t2"
    PD = "pd"
    T2_FAT_SUPPRESSED = "t2_fat_suppressed"
    PD_FAT_SUPPRESSED = "pd_fat_suppressed"
    DIXON = "dixon"
    GRADIENT_ECHO = "gradient_echo"
    DIFFUSION = "diffusion"
    ECHO_PLANAR = "echo_planar"
    LOCALIZER = "localizer"
    DERIVED = "derived"
    NOT_MR = "not_mr"
    UNKNOWN = "unknown"


class EvidenceKind(StrEnum):
    """Where a piece of evidence comes from (SCIENCE 5.1)."""

    TIMING = "timing"
    SEQUENCE = "sequence"
    NAME = "name"
    DESCRIPTION = "description"
    OBJECT = "object"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """One piece of evidence for or against an identity.

    Attributes
    ----------
    kind : EvidenceKind
        Timing, sequence codes, sequence name, description; ``object`` for what no timing can outweigh.
    told : str
        What the header says, in plain words; never a free text of the header.
    points : float
        What it counts; the points of one identity add up to its score.
    identity : SeriesIdentity
        The identity it was weighed for.
    """

    kind: EvidenceKind
    told: str
    points: float
    identity: SeriesIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One image series: files of one SeriesInstanceUID that share an orientation, matrix and echo.

    Attributes
    ----------
    series_instance_uid, study_instance_uid, frame_of_reference_uid : str
        DICOM UIDs; empty when the header has none.
    series_number : int or None
        SeriesNumber.
    description : str
        SeriesDescription, control characters removed.
    identity : SeriesIdentity
        What the series is.
    identity_score : float
        Evidence score of SCIENCE 5.1, 0 to 1.
    usable : bool
        Whether the series can serve as the T1 or the STIR of a pair.
    reasons : tuple of str
        Why it is what it is and why it is or is not usable; one sentence each.
    acquisition : AcquisitionFacts
        Header facts.
    rows, columns, slices : int
        Matrix and number of distinct slice positions.
    spacing_mm : tuple of float or None
        Between slices, rows, columns; None when the header does not tell.
    orientation : str
        ``"axial"``, ``"coronal"``, ``"sagittal"``, with
        ``"-oblique"`` when tilted by more than 15 deg, or ``"unknown"``.
    transfer_syntax : str
        Name of the transfer syntax.
    sources : tuple of SliceSource
        Where the pixels of each slice are, ordered along the slice normal; never written to an output.
    findings : tuple of Finding
        What weakens the series (missing slice, duplicate, post-contrast ...).
    geometry : VolumeGeometry or None
        Grid of the stack in patient space; None when the header does not tell or the slices form no volume.
    acquired_at : str
        AcquisitionDate and -Time, ``YYYYMMDDHHMMSS.ffffff``; only orders series, never goes to an output.
    identity_margin : float
        How far the score is ahead of the next identity's.
    runner_up : SeriesIdentity or None
        The next identity; the nearest one when `identity` is unknown.
    evidence : tuple of EvidenceItem
        What was weighed, for every identity that came into question, the best first.
    laterality : str
        ``"L"``, ``"R"``, ``"B"``, ``"U"`` or empty: Laterality, ImageLaterality or FrameLaterality.
    person : str
        Mark of the PatientID that holds as long as the process; only compared, never goes to an output.
    stack : int
        Number among the stacks with one SeriesInstanceUID, from 1; 0 when it is the only one.
    contrast_in_header : bool
        The header tells of the contrast, not only a text.
    usable_but_for_contrast : bool
        Whether it would be usable, had no contrast been given.
    """

    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str
    series_number: int | None
    description: str
    identity: SeriesIdentity
    identity_score: float
    usable: bool
    reasons: tuple[str, ...]
    acquisition: AcquisitionFacts
    rows: int
    columns: int
    slices: int
    spacing_mm: tuple[float, float, float] | None
    orientation: str
    transfer_syntax: str
    sources: tuple[SliceSource, ...] = field(repr=False)
    findings: tuple[Finding, ...] = ()
    geometry: VolumeGeometry | None = field(default=None, repr=False, compare=False)
    acquired_at: str = field(default="", repr=False)
    identity_margin: float = 0.0
    runner_up: SeriesIdentity | None = None
    evidence: tuple[EvidenceItem, ...] = field(default=(), repr=False)
    laterality: str = ""
    person: str = field(default="", repr=False)
    stack: int = 0
    contrast_in_header: bool = field(default=False, repr=False)
    usable_but_for_contrast: bool = field(default=False, repr=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """Each file once, ordered along the slice normal."""
        return tuple(dict.fromkeys(source.path for source in self.sources))

    @property
    def label(self) -> str:
        """Short name for messages: number, description and identity."""
        return f"series {self.number_text} '{self.description}' ({self.identity})"

    @property
    def number_text(self) -> str:
        """SeriesNumber, ``"?"`` without one; with the number of the stack when there are several, as in ``"9.2"``."""
        number = "?" if self.series_number is None else str(self.series_number)
        return f"{number}.{self.stack}" if self.stack else number


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCatalog:
    """Every series found below a path.

    Attributes
    ----------
    series : tuple of Series
        Ordered by study, series number, UID.
    files_seen, files_unreadable : int
        Files looked at, and DICOM-like files that could not be read.
    findings : tuple of Finding
        What went wrong while reading.
    """

    series: tuple[Series, ...]
    files_seen: int
    files_unreadable: int
    findings: tuple[Finding, ...] = ()


class Verdict(StrEnum):
    """How the chosen one does by one criterion."""

    BETTER = "better"
    EQUAL = "equal"
    WORSE = "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One criterion by which a series was chosen rather than another of the same kind and field of view.

    Attributes
    ----------
    criterion : str
        What was compared, for example ``"common field of view"``.
    winner, loser : str
        Labels of the series that was chosen and of the one that was not.
    verdict : Verdict
        How the winner does by this criterion alone.
    decided : bool
        Whether this criterion decided: the first, in their order, by which the two are not nearly equal.
    told : str
        Both values in words, the winner's first.
    """

    criterion: str
    winner: str
    loser: str
    verdict: Verdict
    decided: bool
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPair:
    """The T1 and the STIR series that belong together.

    Attributes
    ----------
    t1 : Series
        The T1.
    stir : Series or None
        The STIR; None when a T1 alone is measured.
    label : str
        Tells the pairs of one study apart, for example ``"left"`` or ``"station-1"``; empty when it is the only one.
    reasons : tuple of str
        Why these two.
    rejected : tuple of Series
        Series that no pair of this study uses.
    findings : tuple of Finding
        What weakens the choice.
    comparisons : tuple of Comparison
        By which criteria the two were chosen rather than others of the same field of view; each criterion's verdict.
    rank : int
        Place among the pairs of the study by the same criteria; 1 is the best.
    """

    t1: Series
    stir: Series | None
    reasons: tuple[str, ...]
    rejected: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()
    label: str = ""
    comparisons: tuple[Comparison, ...] = ()
    rank: int = 1

    @property
    def same_frame_of_reference(self) -> bool:
        """Whether both series name the same, non-empty FrameOfReferenceUID."""
        uid = self.t1.frame_of_reference_uid
        return self.stir is not None and bool(uid) and uid == self.stir.frame_of_reference_uid
