"""How a synthetic study is acquired and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import UsageError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition import SIJ_STIR_1_5T, SIJ_T1_1_5T, Breathing, Coil, SeriesPhysics
from marrowsignal.phantom.catalogue import Person
from marrowsignal.phantom.dicom_files import DicomOptions
from marrowsignal.phantom.tissues import STIR_0_3T, STIR_3T, T1_SE_0_3T, T1_TSE_3T
from marrowsignal.phantom.views import View

__all__ = ["USUAL_STIR", "USUAL_T1", "Motion", "StudyOptions", "overridden", "usual_series"]

USUAL_T1 = SIJ_T1_1_5T
# a little breathing, as on every STIR of a trunk
USUAL_STIR = replace(SIJ_STIR_1_5T, breathing=Breathing(motion_mm=2.0, ghost_fraction=0.04))
# by field strength: sequences, and signal to noise relative to 1.5 T, in proportion to the field
_FIELDS = {
    0.3: (T1_SE_0_3T, STIR_0_3T, 0.4),
    1.5: (USUAL_T1.sequence, USUAL_STIR.sequence, 1.0),
    3.0: (T1_TSE_3T, STIR_3T, 1.6),
}


def usual_series(magnetic_field_strength_t: float) -> tuple[SeriesPhysics, SeriesPhysics]:
    """Return the usual T1 and STIR at a field strength.

    Parameters
    ----------
    magnetic_field_strength_t : float
        0.3, 1.5 or 3.

    Returns
    -------
    tuple of SeriesPhysics
        T1 and STIR.

    Raises
    ------
    UsageError
        If there are no sequences for that field.
    """
    if magnetic_field_strength_t not in _FIELDS:
        raise UsageError(
            f"there is no phantom at {magnetic_field_strength_t:g} T",
            code="unknown_field_strength",
            stage="phantom",
            hint="one of: " + ", ".join(f"{field:g}" for field in _FIELDS),
        )
    t1, stir, snr = _FIELDS[magnetic_field_strength_t]
    t1_noise, stir_noise = USUAL_T1.muscle_snr or 0.0, USUAL_STIR.muscle_snr or 0.0
    return (
        replace(USUAL_T1, sequence=t1, muscle_snr=snr * t1_noise),
        replace(USUAL_STIR, sequence=stir, muscle_snr=snr * stir_noise),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How the person has moved between T1 and STIR.

    Attributes
    ----------
    shift_lps_mm : tuple of float
        Shift.
    rotation_deg : tuple of float
        Turn about x, then y, then z, through the origin of the body.
    """

    shift_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The motion as a 4x4 matrix on patient points."""
        x, y, z = np.deg2rad(self.rotation_deg)
        about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
        about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
        about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
        matrix = np.eye(4)
        matrix[:3, :3] = about_z @ about_y @ about_x
        matrix[:3, 3] = self.shift_lps_mm
        return matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOptions:
    """How a study is acquired and written.

    Attributes
    ----------
    t1, stir : SeriesPhysics or None
        The two series; None for the usual ones with what the phantom's own table changes.
    view : View or None
        Stack of slices; None for the phantom's own.
    geometry, stir_geometry : VolumeGeometry or None
        Any grid, in place of the stack's; None for the stack's, and for the STIR the T1's.
    motion : Motion
        Between T1 and STIR.
    person : Person or None
        Sex and age; None for the phantom's own.
    mirrored : bool
        Swap left and right of the person.
    sub_slices : int
        Samples through a slice.
    companions : bool
        Add what lies beside the two in real studies and must not be taken for them: localizer, reformat, screen
        shot, in and opposed phase, fat-saturated PD and T2, T1 after contrast.
    dicom : DicomOptions
        File options; age and sex follow the person.
    """

    t1: SeriesPhysics | None = None
    stir: SeriesPhysics | None = None
    view: View | None = None
    geometry: VolumeGeometry | None = None
    stir_geometry: VolumeGeometry | None = None
    motion: Motion = field(default_factory=Motion)
    person: Person | None = None
    mirrored: bool = False
    sub_slices: int = 4
    companions: bool = False
    dicom: DicomOptions = field(default_factory=DicomOptions)


_PARTS = {"breathing": Breathing, "coil": Coil}


def overridden(physics: SeriesPhysics, table: Mapping[str, Any], *, series: str) -> SeriesPhysics:
    """Change what a table names and leave the rest.

    Parameters
    ----------
    physics : SeriesPhysics
        The usual acquisition.
    table : mapping
        Field names and values; ``sequence``, ``coil`` and ``breathing`` are tables of their own.
    series : str
        Named in errors.

    Returns
    -------
    SeriesPhysics
        Changed copy.

    Raises
    ------
    UsageError
        If a name is unknown or a value makes no sense.
    """
    try:
        changed: SeriesPhysics = _changed(physics, table)
        return changed
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"phantom table '{series}': {error}",
            code="phantom_invalid",
            stage="phantom",
            hint="fields of SeriesPhysics: " + ", ".join(f.name for f in fields(SeriesPhysics)),
        ) from error


def _changed(record: Any, table: Mapping[str, Any]) -> Any:
    values = {}
    for key, value in table.items():
        now = getattr(record, key, None)
        if isinstance(value, Mapping):
            values[key] = _changed(now if is_dataclass(now) else _PARTS[key](), value)
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
    return replace(record, **values)
