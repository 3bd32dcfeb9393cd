"""How a synthetic study is acquired and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from marrowsignal.errors import UsageError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.acquisition import SIJ_STIR_1_5T, SIJ_T1_1_5T, Breathing, Coil, SeriesPhysics
from marrowsignal.phantom.catalogue import Motion, Person
from marrowsignal.phantom.dicom_files import DicomOptions
from marrowsignal.phantom.tissues import STIR_0_3T, STIR_3T, T1_SE_0_3T, T1_TSE_3T, Sequence
from marrowsignal.phantom.views import View

__all__ = ["USUAL_STIR", "USUAL_T1", "StudyOptions", "overridden", "usual_series"]

USUAL_T1, USUAL_STIR = SIJ_T1_1_5T, SIJ_STIR_1_5T
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
    motion : Motion or None
        Between T1 and STIR; None for the phantom's own.
    person : Person or None
        Sex and age; None for the phantom's own.
    mirrored : bool
        Swap left and right of the person.
    sub_slices : int
        Samples through a slice.
    companions : bool
        Add what lies beside the two in real studies and must not be taken for them: localizer, reformat, screen
        shot, in and opposed phase, fat fraction, fat-saturated PD and T2, T1 after contrast.
    dicom : DicomOptions
        File options; age and sex follow the person.
    """

    t1: SeriesPhysics | None = None
    stir: SeriesPhysics | None = None
    view: View | None = None
    geometry: VolumeGeometry | None = None
    stir_geometry: VolumeGeometry | None = None
    motion: Motion | None = None
    person: Person | None = None
    mirrored: bool = False
    sub_slices: int = 4
    companions: bool = False
    dicom: DicomOptions = field(default_factory=DicomOptions)


def overridden(physics: SeriesPhysics, table: Mapping[str, Any], *, series: str) -> SeriesPhysics:
    """Change what a table names and leave the rest.

    Parameters
    ----------
    physics : SeriesPhysics
        The usual acquisition.
    table : mapping
        Field names and values; ``sequence``, ``coil`` and ``breathing`` are tables of their own, ``metal`` a list
        of tables.
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
        return TypeAdapter(SeriesPhysics).validate_python(_merged(asdict(physics), table, SeriesPhysics))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (series, *first["loc"]))
        raise _invalid(f"{where}: {first['msg']}") from error


_PARTS: Mapping[str, type] = {"breathing": Breathing, "coil": Coil, "sequence": Sequence}


def _merged(values: dict[str, Any], table: Mapping[str, Any], record: type) -> dict[str, Any]:
    known = [f.name for f in fields(record)]
    for key, value in table.items():
        if key not in known:
            raise _invalid(f"there is no '{key}' in {record.__name__}", hint="one of: " + ", ".join(known))
        part = _PARTS.get(key)
        if part is not None and isinstance(value, Mapping):
            values[key] = _merged(dict(values[key] or {}), value, part)
        else:
            values[key] = value
    return values


def _invalid(message: str, *, hint: str = "compare with docs/phantom.md") -> UsageError:
    return UsageError(f"phantom: {message}", code="phantom_invalid", stage="phantom", hint=hint)
