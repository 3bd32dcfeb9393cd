"""How a series was acquired: the DICOM facts that later steps need."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AcquisitionFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquisitionFacts:
    """Facts of one series, named by their DICOM keyword and unit; None means the header does not say.

    Attributes
    ----------
    modality : str or None
        Modality.
    scanning_sequence, sequence_variant, scan_options, image_type : tuple of str
        Multi-valued code strings, upper case; empty when absent.
    sequence_name : str or None
        SequenceName.
    repetition_time_ms, echo_time_ms, inversion_time_ms : float or None
        RepetitionTime, EchoTime, InversionTime; an InversionTime of 0 is stored as None (SCIENCE 5.2).
    echo_train_length : int or None
        EchoTrainLength.
    magnetic_field_strength_t : float or None
        MagneticFieldStrength.
    manufacturer : str or None
        Manufacturer.
    body_part_examined : str or None
        BodyPartExamined, upper case.
    patient_position : str or None
        PatientPosition, for example ``"HFS"``.
    patient_age_y : float or None
        PatientAge in years.
    patient_sex : str or None
        ``"F"``, ``"M"`` or None.
    slice_thickness_mm : float or None
        SliceThickness.
    post_contrast : bool
        Whether header, description or the order of the series say that contrast was given.
    fat_suppressed : bool
        Whether header or description say that fat was suppressed spectrally or water excited; STIR is not meant.
    """

    modality: str | None = None
    scanning_sequence: tuple[str, ...] = ()
    sequence_variant: tuple[str, ...] = ()
    scan_options: tuple[str, ...] = ()
    image_type: tuple[str, ...] = ()
    sequence_name: str | None = None
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    echo_train_length: int | None = None
    magnetic_field_strength_t: float | None = None
    manufacturer: str | None = None
    body_part_examined: str | None = None
    patient_position: str | None = None
    patient_age_y: float | None = None
    patient_sex: str | None = None
    slice_thickness_mm: float | None = None
    post_contrast: bool = False
    fat_suppressed: bool = False
