"""What is to be written: the kind of series, its header, and how its files are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydicom.uid import RLELossless

from marrowsignal.phantom.tissues import Sequence

__all__ = [
    "DicomOptions",
    "FatSuppression",
    "Identifiers",
    "Readout",
    "SeriesHeader",
    "SeriesKind",
    "VendorName",
]

VendorName = Literal["siemens", "ge", "philips", "canon", "hitachi"]


class Readout(StrEnum):
    """How the echo is made."""

    SPIN_ECHO = "spin_echo"
    INVERSION = "inversion"
    GRADIENT_ECHO = "gradient_echo"
    ECHO_PLANAR = "echo_planar"


class SeriesKind(StrEnum):
    """What a series shows; fat suppression and contrast agent are told apart from it."""

    T1 = "t1"
    T2 = "t2"
    PD = "pd"
    STIR = "stir"
    FLAIR = "flair"
    T1_FLAIR = "t1_flair"
    IN_PHASE = "in_phase"
    OPPOSED_PHASE = "opposed_phase"
    FAT_FRACTION = "fat_fraction"
    LOCALIZER = "localizer"
    DWI_TRACE = "dwi_trace"
    MPR = "mpr"

    @property
    def readout(self) -> Readout:
        """How its echo is made."""
        return _READOUTS.get(self, Readout.SPIN_ECHO)


_READOUTS = {
    SeriesKind.STIR: Readout.INVERSION,
    SeriesKind.FLAIR: Readout.INVERSION,
    SeriesKind.T1_FLAIR: Readout.INVERSION,
    SeriesKind.IN_PHASE: Readout.GRADIENT_ECHO,
    SeriesKind.OPPOSED_PHASE: Readout.GRADIENT_ECHO,
    SeriesKind.FAT_FRACTION: Readout.GRADIENT_ECHO,
    SeriesKind.LOCALIZER: Readout.GRADIENT_ECHO,
    SeriesKind.DWI_TRACE: Readout.ECHO_PLANAR,
}


class FatSuppression(StrEnum):
    """Spectral fat suppression; the inversion of STIR is none of it."""

    NONE = "none"
    SPECTRAL = "spectral"
    ADIABATIC = "adiabatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifiers:
    """What could give a person away; empty fields are written empty, name and ID by the study's key.

    Attributes
    ----------
    patient_name, patient_id, patient_birth_date : str
        PatientName, PatientID, PatientBirthDate (``"19850101"``).
    institution_name, referring_physician_name, operators_name, accession_number : str
        Who and where.
    comments : str
        ImageComments, and a note among the vendor's private elements.
    """

    patient_name: str = ""
    patient_id: str = ""
    patient_birth_date: str = ""
    institution_name: str = ""
    referring_physician_name: str = ""
    operators_name: str = ""
    accession_number: str = ""
    comments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomOptions:
    """How the files are written; none of it changes what is measured.

    Attributes
    ----------
    vendor : str
        Whose habits the headers follow.
    enhanced : bool
        One Enhanced MR file a series in place of one classic file a slice.
    transfer_syntax_uid : str
        Any lossless syntax; JPEG-LS and JPEG 2000 need an encoder of pydicom's.
    reverse_slices : bool
        Number the slices from the other end.
    rescale_slopes : tuple of float
        Signal of one stored step on slices 0, 1, ..., repeated: RescaleSlope, or for Philips the inverse of
        its private scale slope; ``(1.0,)`` writes no rescale where the vendor writes none.
    own_frame_of_reference : bool
        Give each series a FrameOfReferenceUID of its own.
    normalized, distortion_corrected : bool
        Siemens' NORM, and DIS2D in place of ND.
    patient_age, patient_sex : str
        PatientAge (``"035Y"``) and PatientSex.
    patient_position : str
        PatientPosition; positions are in patient space anyway.
    described : bool
        Write SeriesDescription and ProtocolName; many de-identified studies have none.
    by_the_standard : bool
        Leave out what makers write against the standard: an InversionTime where nothing is inverted.
    identifiers : Identifiers
        Names and the like.
    """

    vendor: VendorName = "siemens"
    enhanced: bool = False
    transfer_syntax_uid: str = str(RLELossless)
    reverse_slices: bool = False
    rescale_slopes: tuple[float, ...] = (1.0,)
    own_frame_of_reference: bool = False
    normalized: bool = True
    distortion_corrected: bool = False
    patient_age: str = "035Y"
    patient_sex: str = "F"
    patient_position: str = "HFS"
    described: bool = True
    by_the_standard: bool = False
    identifiers: Identifiers = field(default_factory=Identifiers)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesHeader:
    """What identifies one series.

    Attributes
    ----------
    study_key : str
        Names the study; all UIDs follow from it.
    series_number : int
        SeriesNumber.
    sequence : Sequence
        Timing.
    options : DicomOptions
        How the files are written.
    kind : SeriesKind or None
        What it shows; None for STIR when the sequence inverts, else T1.
    description, sequence_name : str
        SeriesDescription and SequenceName; empty for the vendor's usual ones.
    fat_suppression : FatSuppression
        Spectral fat suppression.
    contrast_agent : str
        ContrastBolusAgent; empty before contrast.
    contrast_start_time : str
        ContrastBolusStartTime (``"114500"``), with an agent only.
    slice_gap_mm : float
        SpacingBetweenSlices less SliceThickness.
    body_part, laterality : str
        BodyPartExamined and Laterality (``"L"``, ``"R"``, or empty where there is none).
    pixel_bandwidth_hz : float or None
        PixelBandwidth; None for what the vendor usually has.
    """

    study_key: str
    series_number: int
    sequence: Sequence
    options: DicomOptions = field(default_factory=DicomOptions)
    kind: SeriesKind | None = None
    description: str = ""
    sequence_name: str = ""
    fat_suppression: FatSuppression = FatSuppression.NONE
    contrast_agent: str = ""
    contrast_start_time: str = ""
    slice_gap_mm: float = 0.0
    body_part: str = "PELVIS"
    laterality: str = ""
    pixel_bandwidth_hz: float | None = None

    @property
    def single_echo(self) -> bool:
        """Whether it is a spin echo without a train."""
        return self.shown.readout is Readout.SPIN_ECHO and self.sequence.echo_train_length == 1

    @property
    def shown(self) -> SeriesKind:
        """Its kind, worked out from the sequence when not given."""
        if self.kind is not None:
            return self.kind
        return SeriesKind.T1 if self.sequence.inversion_time_ms is None else SeriesKind.STIR
