"""Say in words what tells the stacks of one series apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from pydicom.config import IGNORE
from pydicom.uid import UID

from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.dicom.stacks.slice_grid import Stack, main_plane, slice_normal

__all__ = ["what_differs"]

_MOST_VALUES_TOLD = 4

_Aspects = tuple[tuple[str, Callable[[SliceHeader], object]], ...]

_TOLD_WITH_VALUES: _Aspects = (
    ("matrix", lambda h: f"{h.rows} x {h.columns}"),
    ("pixel spacing", lambda h: _numbers(h.pixel_spacing_mm, "mm")),
    ("TR", lambda h: _numbers((h.acquisition.repetition_time_ms,), "ms")),
    ("TE", lambda h: _numbers((h.acquisition.echo_time_ms,), "ms")),
    ("TI", lambda h: _numbers((h.acquisition.inversion_time_ms,), "ms")),
    ("EchoNumbers", lambda h: _or_none(h.echo_number)),
    ("b-value", lambda h: _numbers((h.diffusion_b_value,), "s/mm2")),
    ("image type", lambda h: _words(h.acquisition.image_type)),
    ("ScanningSequence", lambda h: _words(sorted(set(h.acquisition.scanning_sequence)))),
    ("ScanOptions", lambda h: _words(sorted(set(h.acquisition.scan_options)))),
    ("plane", lambda h: main_plane(h, oblique_from_deg=180.0)),
    ("StackID", lambda h: h.stack_id or "none"),
    ("SOP class", lambda h: _class_name(h.sop_class_uid)),
    ("time", lambda h: _or_none(h.temporal_position)),
    ("acquisition", lambda h: _or_none(h.acquisition_number)),
)
# Their values may tell who the patient is, or nothing to the reader.
_TOLD_BY_NAME: _Aspects = (
    ("SequenceName", lambda h: h.acquisition.sequence_name),
    ("SpectrallySelectedSuppression", lambda h: h.fat_suppressed),
    ("InversionRecovery", lambda h: h.inversion_recovery),
    ("frame of reference", lambda h: h.frame_of_reference_uid),
    ("PatientID", lambda h: h.person),
)
# They differ between nearly all stacks: told only where nothing else is.
_TOLD_LAST: _Aspects = (
    ("acquisition time", lambda h: h.acquired_at),
    ("InstanceNumber", lambda h: h.instance_number),
)


def what_differs(stacks: Sequence[Stack]) -> str:
    """Say in which headers' values the stacks of one series differ, with the values; empty when in none.

    Parameters
    ----------
    stacks : sequence of Stack
        What `split_into_stacks` made of one series.
    """
    firsts = [stack.headers[0] for stack in stacks]
    told: list[str] = []
    for name, value in (*_TOLD_WITH_VALUES, ("angle", lambda h: _angle(firsts[0], h))):
        if name == "angle" and any(one.startswith("plane") for one in told):
            continue
        values = list(dict.fromkeys(str(value(header)) for header in firsts))
        if len(values) > 1:
            shown = ", ".join(values[:_MOST_VALUES_TOLD])
            told.append(f"{name} ({shown}{', ...' if len(values) > _MOST_VALUES_TOLD else ''})")
    told += _names(firsts, _TOLD_BY_NAME)
    return "; ".join(told or _names(firsts, _TOLD_LAST)[:1])


def _names(firsts: Sequence[SliceHeader], aspects: _Aspects) -> list[str]:
    return [name for name, value in aspects if len({value(header) for header in firsts}) > 1]


def _numbers(values: Sequence[float | None] | None, unit: str) -> str:
    known = [f"{value:g}" for value in values or () if value is not None]
    return f"{' x '.join(known)} {unit}" if known else "none"


def _class_name(sop_class_uid: str) -> str:
    """Name a class of the standard; anything else is a free text of the header."""
    uid = UID(sop_class_uid, IGNORE)
    return uid.name if uid.name != uid else "unknown"


def _or_none(value: int | None) -> str:
    return "none" if value is None else str(value)


def _words(words: Sequence[str]) -> str:
    return "\\".join(words) or "none"


def _angle(one: SliceHeader, other: SliceHeader) -> str:
    """Tell the larger of the angles between the axes of two slices, in whole degrees: rounded cosines are no angle."""
    if slice_normal(one) is None or slice_normal(other) is None:
        return "none"
    axes = np.array([(h.row_direction, h.column_direction) for h in (one, other)])
    cosine = float(np.einsum("ij,ij->i", *axes).min())
    return f"{math.degrees(math.acos(min(1.0, max(-1.0, cosine)))):.0f} deg"
