"""Who, where and when: the modules that all objects of a study share, the same bytes each time."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.dicom_files.records import SeriesHeader
from marrowsignal.phantom.dicom_files.vendors import VENDORS

__all__ = [
    "STUDY_DATE",
    "UID_ROOT",
    "clock",
    "decimal",
    "derived_uid",
    "describe",
    "identity",
    "plane_of",
    "series_key",
]

UID_ROOT = "1.2.826.0.1.3680043.8.498."
STUDY_DATE = "20200101"
_OBLIQUE_FROM_DEG = 10.0
_PAIRED_PARTS = ("HIP", "KNEE")


def derived_uid(*parts: str) -> UID:
    """UID that follows from `parts` alone.

    Examples
    --------
    >>> derived_uid("study", "series") == derived_uid("study", "series")
    True
    """
    return generate_uid(prefix=UID_ROOT, entropy_srcs=["marrowsignal phantom", *parts])


def decimal(value: float) -> str:
    """Write a number as a DICOM DS of at most 16 characters.

    Examples
    --------
    >>> decimal(1 / 3), decimal(-1e-17), decimal(4.0)
    ('0.333333333333', '0', '4')
    """
    if abs(value) < 1e-12:
        return "0"
    return next(t for d in range(12, 3, -1) if len(t := f"{value:.{d}g}") <= 16)


def clock(series_number: int) -> str:
    """Time of day at which a series was acquired: half a minute apart, in their order."""
    seconds = (12 * 3600 + 30 * series_number) % 86400
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def plane_of(geometry: VolumeGeometry) -> tuple[str, bool]:
    """Return the main plane of a grid and whether it is oblique.

    Examples
    --------
    >>> plane_of(VolumeGeometry(affine_lps=np.eye(4), shape=(2, 2, 2)))
    ('sagittal', False)
    """
    axes = geometry.directions_lps
    normal = np.abs(np.cross(axes[:, 2], axes[:, 1]))
    main = int(np.argmax(normal))
    tilt = float(np.rad2deg(np.arccos(min(1.0, float(normal[main] / np.linalg.norm(normal))))))
    return ("sagittal", "coronal", "axial")[main], tilt > _OBLIQUE_FROM_DEG


def describe(header: SeriesHeader, geometry: VolumeGeometry) -> str:
    """SeriesDescription: the header's own, or what the vendor's protocols call such a series."""
    if header.description:
        return header.description
    vendor = VENDORS[header.options.vendor]
    plane, oblique = plane_of(geometry)
    text = vendor.descriptions[header.shown].format(plane=vendor.plane_word(plane, oblique=oblique))
    if header.single_echo:
        text = text.replace(vendor.train_word, vendor.single_echo_word)
    return text + vendor.suffix(header.fat_suppression, post_contrast=bool(header.contrast_agent))


def series_key(header: SeriesHeader) -> tuple[str, ...]:
    """Return what a series' UIDs follow from."""
    return header.study_key, str(header.series_number), header.shown, header.description


def identity(header: SeriesHeader, geometry: VolumeGeometry) -> Dataset:
    """Patient, study, series and frame of reference."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    _patient_and_study(ds, header)
    description = describe(header, geometry)
    ds.Modality = "MR"
    ds.SeriesInstanceUID = derived_uid(*series_key(header))
    ds.SeriesNumber = header.series_number
    ds.SeriesDate, ds.SeriesTime = STUDY_DATE, clock(header.series_number)
    if header.options.described:
        ds.SeriesDescription, ds.ProtocolName = description, description
    ds.BodyPartExamined = header.body_part
    if header.laterality or header.body_part in _PAIRED_PARTS:
        ds.Laterality = header.laterality
    ds.PatientPosition = header.options.patient_position
    own_frame = series_key(header) if header.options.own_frame_of_reference else ()
    ds.FrameOfReferenceUID = derived_uid(header.study_key, "frame of reference", *own_frame)
    ds.PositionReferenceIndicator = ""
    ds.DeviceSerialNumber = "00000"
    return ds


def _patient_and_study(ds: Dataset, header: SeriesHeader) -> None:
    who, key = header.options.identifiers, header.study_key.upper()
    ds.PatientName = who.patient_name or f"PHANTOM^{key}"
    ds.PatientID = who.patient_id or f"PHANTOM-{key}"
    ds.PatientBirthDate = who.patient_birth_date
    ds.PatientSex = header.options.patient_sex
    ds.PatientAge = header.options.patient_age
    ds.StudyInstanceUID = derived_uid(header.study_key)
    ds.StudyDate, ds.StudyTime = STUDY_DATE, clock(0)
    ds.AccessionNumber = who.accession_number
    ds.ReferringPhysicianName = who.referring_physician_name
    ds.StudyID = "1"
    ds.StudyDescription = f"SYNTHETIC {header.body_part}"
    for keyword, text in (
        ("InstitutionName", who.institution_name),
        ("OperatorsName", who.operators_name),
        ("ImageComments", who.comments),
    ):
        if text:
            setattr(ds, keyword, text)
