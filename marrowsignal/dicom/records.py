"""What the DICOM step hands on: series with their identity, and the pair that will be measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from marrowsignal.findings import Finding
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["Series", "SeriesCatalog", "SeriesIdentity", "SeriesPair"]


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
    files : tuple of Path
        Files ordered along the slice normal; never written to an output.
    findings : tuple of Finding
        What weakens the series (missing slice, duplicate, post-contrast ...).
    geometry : VolumeGeometry or None
        Grid of the stack in patient space; None when the header does not tell or the slices form no volume.
    acquired_at : str
        AcquisitionDate and -Time, ``YYYYMMDDHHMMSS.ffffff``; only orders series, never goes to an output.
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
    files: tuple[Path, ...] = field(repr=False)
    findings: tuple[Finding, ...] = ()
    geometry: VolumeGeometry | None = field(default=None, repr=False, compare=False)
    acquired_at: str = field(default="", repr=False)

    @property
    def label(self) -> str:
        """Short name for messages: number, description and identity."""
        number = "?" if self.series_number is None else str(self.series_number)
        return f"series {number} '{self.description}' ({self.identity})"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPair:
    """The T1 and the STIR series that belong together.

    Attributes
    ----------
    t1, stir : Series
        The chosen series.
    reasons : tuple of str
        Why these two.
    rejected : tuple of Series
        The others.
    findings : tuple of Finding
        What weakens the choice.
    """

    t1: Series
    stir: Series
    reasons: tuple[str, ...]
    rejected: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def same_frame_of_reference(self) -> bool:
        """Whether both series name the same, non-empty FrameOfReferenceUID."""
        uid = self.t1.frame_of_reference_uid
        return bool(uid) and uid == self.stir.frame_of_reference_uid
