"""What a file of labels holds, before it is brought to the T1 grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry

__all__ = ["DrawnLabels", "NamedLabel", "SeriesReference", "StudySpace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLabel:
    """One value of a label map and what its source calls it.

    Attributes
    ----------
    value : int
        In the label map.
    name : str
        The source's words, ``""`` when it has none.
    codes : tuple of str
        SNOMED CT codes of the structure; empty when the source gives none.
    side : str
        ``"left"``, ``"right"`` or ``""``, where the source tells it apart from the name.
    by_program : bool
        Whether a segmenter named it by a list of its own, which may hold organs and muscles, and no person.
    """

    value: int
    name: str
    codes: tuple[str, ...] = ()
    side: str = ""
    by_program: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReference:
    """What a DICOM segmentation says it belongs to; its parts are only compared and go to no output.

    Attributes
    ----------
    frame_of_reference_uid : str
        Patient space its positions are in, ``""`` when it does not say.
    series_instance_uids : tuple of str
        Series it was drawn on.
    person : str
        Mark of its PatientID, see `marrowsignal.dicom.privacy.person.person_mark`.
    """

    frame_of_reference_uid: str
    series_instance_uids: tuple[str, ...]
    person: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnLabels:
    """A file of labels on its own grid.

    Attributes
    ----------
    labels : LabelVolume
        As stored.
    named : tuple of NamedLabel
        What the file or its label table calls the values; empty when neither does.
    reference : SeriesReference or None
        What it belongs to; None for files that do not say.
    findings : tuple of Finding
        What weakens it.
    """

    labels: LabelVolume
    named: tuple[NamedLabel, ...] = ()
    reference: SeriesReference | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudySpace:
    """Where the series of a study lie, to tell on which of them labels were drawn.

    Attributes
    ----------
    t1, stir : VolumeGeometry, VolumeGeometry or None
        Their acquired grids; no STIR where a T1 alone is measured.
    t1_to_stir_lps : ndarray of float64, shape (4, 4), or None
        Takes a patient point of the T1 series to the same tissue's point in the STIR series, LPS mm; None before
        registration.
    t1_reference, stir_reference : SeriesReference or None
        Their identity, to compare with that of a DICOM segmentation.
    """

    t1: VolumeGeometry
    stir: VolumeGeometry | None = None
    t1_to_stir_lps: NDArray[np.float64] | None = None
    t1_reference: SeriesReference | None = None
    stir_reference: SeriesReference | None = None
