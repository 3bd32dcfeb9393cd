"""The grid of parallel slices: normal, even steps, directions."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.headers.pixel_layout import pixel_problem
from marrowsignal.dicom.headers.slice_header import SliceHeader
from marrowsignal.errors import GeometryError
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.series_rules import UsableRules

__all__ = ["Stack", "build_stack", "main_plane", "places_along", "slice_normal"]

_STAGE = "find_series"

# Direction cosines are written with a few digits; beyond this they are no directions.
_COSINE_SLACK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Slices that may form a volume.

    Attributes
    ----------
    headers : tuple of SliceHeader
        Ordered along the slice normal.
    geometry : VolumeGeometry or None
        Grid; None when the header does not tell or the slices are no regular stack.
    why_no_volume : str
        Why there is no grid; empty when there is one.
    findings : tuple of Finding
        Duplicates, gaps.
    """

    headers: tuple[SliceHeader, ...]
    geometry: VolumeGeometry | None
    why_no_volume: str
    findings: tuple[Finding, ...]

    @property
    def pixel_problem(self) -> str:
        """Why its pixels cannot be read, with the number of slices concerned; empty when they can."""
        problems = [told for h in self.headers if (told := pixel_problem(h.layout, h.frame))]
        if not problems:
            return ""
        return f"{len(problems)} of {len(self.headers)} slices cannot be read: {problems[0]}"


def main_plane(header: SliceHeader, oblique_from_deg: float) -> str:
    """Return axial, coronal or sagittal, with -oblique when tilted, or unknown."""
    normal = slice_normal(header)
    if normal is None:
        return "unknown"
    axis = int(np.abs(normal).argmax())
    tilt = math.degrees(math.acos(min(1.0, float(np.abs(normal[axis])))))
    plane = ("sagittal", "coronal", "axial")[axis]
    return f"{plane}-oblique" if tilt > oblique_from_deg else plane


def slice_normal(header: SliceHeader) -> NDArray[np.float64] | None:
    """Return the unit normal of a slice, or None when the header has no orientation."""
    if header.row_direction is None or header.column_direction is None:
        return None
    return _normal(header.column_direction, header.row_direction)


@functools.lru_cache(maxsize=1024)
def _normal(along_columns: tuple[float, ...], along_rows: tuple[float, ...]) -> NDArray[np.float64] | None:
    """Cross product of two unit vectors, None when they are none or no right angle to speak of."""
    vectors = np.array([along_columns, along_rows])
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.all(np.abs(lengths - 1.0) < _COSINE_SLACK) or abs(float(vectors[0] @ vectors[1])) > _COSINE_SLACK:
        return None
    normal = np.cross(*vectors)
    normal /= np.linalg.norm(normal)
    normal.flags.writeable = False
    return np.asarray(normal)


def places_along(headers: Sequence[SliceHeader], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each slice along `normal`, mm; every slice needs a position."""
    return np.asarray(np.array([h.position_mm for h in headers], dtype=np.float64) @ normal)


def build_stack(
    run: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules, findings: tuple[Finding, ...]
) -> Stack:
    """Return the stack of the longest evenly spaced part of `run`, which is ordered along `normal`."""
    even, gap_findings = _longest_even_run(run, normal, rules)
    found = (*findings, *gap_findings)
    try:
        geometry = _grid(even, normal)
    except GeometryError:
        geometry = None
    if geometry is None:
        why = "its pixel spacing or orientation makes no grid"
        return Stack(headers=tuple(even), geometry=None, why_no_volume=why, findings=found)
    lean = abs(float(geometry.directions_lps[:, 0] @ normal))
    if lean < math.cos(math.radians(rules.shear_tolerance.value)):
        why = "its slices are shifted sideways against each other"
        return Stack(headers=tuple(even), geometry=None, why_no_volume=why, findings=found)
    return Stack(headers=tuple(even), geometry=geometry, why_no_volume="", findings=found)


def _longest_even_run(
    run: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules
) -> tuple[list[SliceHeader], tuple[Finding, ...]]:
    """Cut where a slice is missing: a gap bridged by guessing would move every voxel behind it."""
    if len(run) < 3:
        return run, ()
    steps = np.diff(places_along(run, normal))
    step = float(np.median(steps))
    tolerance = max(rules.gap_tolerance.value, rules.gap_tolerance_fraction.value * step)
    cuts = [0, *(np.flatnonzero(np.abs(steps - step) > tolerance) + 1).tolist(), len(run)]
    if len(cuts) == 2:
        return run, ()
    start, stop = max(itertools.pairwise(cuts), key=lambda ends: ends[1] - ends[0])
    missing = int(np.sum(np.round(steps / step) - 1)) if step > 0 else 0
    finding = Finding(
        code="slices_missing",
        stage=_STAGE,
        severity=Severity.WARN,
        message=(
            f"The slices are not evenly spaced (about {max(missing, 0)} missing at a step of {step:.2f} mm); "
            f"the longest even run of {stop - start} of {len(run)} slices is used."
        ),
    )
    return run[start:stop], (finding,)


def _grid(run: list[SliceHeader], normal: NDArray[np.float64]) -> VolumeGeometry | None:
    """Grid from positions; SliceThickness says nothing about the distance of slices."""
    first, last = run[0], run[-1]
    if first.pixel_spacing_mm is None or first.position_mm is None or last.position_mm is None:
        return None
    if min(first.pixel_spacing_mm) <= 0 or min(first.rows, first.columns) < 1:
        return None
    if len(run) > 1:
        way = (np.asarray(last.position_mm) - first.position_mm) / (len(run) - 1)
    else:
        way = normal * (first.spacing_between_slices_mm or 1.0)
    step = float(np.linalg.norm(way))
    directions = np.column_stack([way / step, _unit(first.row_direction or ()), _unit(first.column_direction or ())])
    return VolumeGeometry.from_axes(
        origin_lps_mm=first.position_mm,
        directions_lps=directions,
        spacing_mm=(step, *first.pixel_spacing_mm),
        shape=(len(run), first.rows, first.columns),
    )


def _unit(vector: tuple[float, ...]) -> NDArray[np.float64]:
    array = np.asarray(vector, dtype=np.float64)
    return np.asarray(array / np.linalg.norm(array))
