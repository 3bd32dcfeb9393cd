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

__all__ = ["Stack", "build_stack", "has_place", "main_plane", "places_along", "slice_normal"]

_STAGE = "find_series"

# Direction cosines are written with a few digits; beyond this they are no directions.
_COSINE_SLACK = 0.05

# A kilometre from the scanner: such a number is damage, and differences of larger ones overflow.
_FARTHEST_MM = 1e6


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
    left_out : tuple of SliceHeader
        Slices beyond a gap, which are no part of it.
    """

    headers: tuple[SliceHeader, ...]
    geometry: VolumeGeometry | None
    why_no_volume: str
    findings: tuple[Finding, ...]
    left_out: tuple[SliceHeader, ...] = ()

    @property
    def pixel_problem(self) -> str:
        """Why pixels cannot be read, those left out included, with the number of slices; empty when they can."""
        slices = (*self.headers, *self.left_out)
        problems = [told for h in slices if (told := pixel_problem(h.layout, h.frame))]
        if not problems:
            return ""
        return f"{len(problems)} of {len(slices)} slices cannot be read: {problems[0]}"


def main_plane(header: SliceHeader, oblique_from_deg: float) -> str:
    """Return axial, coronal or sagittal, with -oblique when tilted, or unknown."""
    normal = slice_normal(header)
    if normal is None:
        return "unknown"
    axis = int(np.abs(normal).argmax())
    tilt = math.degrees(math.acos(min(1.0, float(np.abs(normal[axis])))))
    plane = ("sagittal", "coronal", "axial")[axis]
    return f"{plane}-oblique" if tilt > oblique_from_deg else plane


def has_place(header: SliceHeader) -> bool:
    """Whether the header has a position that can be one."""
    return header.position_mm is not None and all(abs(x) < _FARTHEST_MM for x in header.position_mm)


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
    start, stop, found, why = 0, len(run), findings, ""
    steps = _Steps.of(run, normal, rules)
    if steps is not None and steps.uneven:
        first, end = steps.longest_even_run
        if steps.irregular and end - first < rules.min_slices.value:
            why = f"its slices are irregularly spaced, in {steps.told}"
        else:
            start, stop, found = first, end, (*findings, _cut_finding(steps, end - first, len(run)))
    even = run[start:stop]
    geometry, why = (None, why) if why else _checked_grid(even, normal, rules)
    left_out = (*run[:start], *run[stop:])
    return Stack(headers=tuple(even), geometry=geometry, why_no_volume=why, findings=found, left_out=left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """Steps from slice to slice: their lengths, the usual one, and how far one may be off, mm."""

    lengths: NDArray[np.float64]
    usual: float
    tolerance: float

    @classmethod
    def of(cls, run: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules) -> _Steps | None:
        if len(run) < 3:
            return None
        lengths = np.diff(places_along(run, normal))
        usual = float(np.median(lengths))
        tolerance = max(rules.gap_tolerance.value, rules.gap_tolerance_fraction.value * usual)
        return cls(lengths=lengths, usual=usual, tolerance=tolerance)

    @property
    def cuts(self) -> NDArray[np.bool_]:
        return np.asarray(np.abs(self.lengths - self.usual) > self.tolerance)

    @property
    def uneven(self) -> bool:
        return bool(self.cuts.any())

    @property
    def missing(self) -> int:
        return int(np.sum(np.round(self.lengths / self.usual) - 1))

    @property
    def irregular(self) -> bool:
        """Whether the uneven steps are no whole multiples of the usual one, so that no missing slice explains them."""
        times = np.round(self.lengths / self.usual)
        even = np.abs(self.lengths - times * self.usual) <= self.tolerance * times
        return not np.all(even & (times >= 1))

    @property
    def longest_even_run(self) -> tuple[int, int]:
        """First slice of it, and the one behind its last: a gap bridged by guessing would move every voxel behind."""
        ends = [0, *(np.flatnonzero(self.cuts) + 1).tolist(), len(self.lengths) + 1]
        return max(itertools.pairwise(ends), key=lambda pair: pair[1] - pair[0])

    @property
    def told(self) -> str:
        return f"steps of {self.lengths.min():.2f} to {self.lengths.max():.2f} mm"


def _cut_finding(steps: _Steps, kept: int, slices: int) -> Finding:
    why = steps.told if steps.irregular else f"about {steps.missing} missing at a step of {steps.usual:.2f} mm"
    return Finding(
        code="slices_missing",
        stage=_STAGE,
        severity=Severity.WARN,
        message=(
            f"The slices are not evenly spaced ({why}); the longest even run of {kept} of {slices} slices is used."
        ),
    )


def _checked_grid(
    run: list[SliceHeader], normal: NDArray[np.float64], rules: UsableRules
) -> tuple[VolumeGeometry | None, str]:
    """Return the grid of evenly spaced slices, or None and why they form none."""
    try:
        geometry = _grid(run, normal)
    except GeometryError:
        geometry = None
    if geometry is None:
        return None, "its pixel spacing or orientation makes no grid"
    lean = abs(float(geometry.directions_lps[:, 0] @ normal))
    if lean < math.cos(math.radians(rules.shear_tolerance.value)):
        return None, "its slices are shifted sideways against each other"
    positions = np.array([h.position_mm for h in run], dtype=np.float64)
    way = geometry.directions_lps[:, 0] * geometry.spacing_mm[0]
    off = np.linalg.norm(positions - (positions[0] + np.arange(len(run))[:, None] * way), axis=1)
    tolerance = rules.grid_tolerance.value
    if off.max() > tolerance:
        count = int(np.sum(off > tolerance))
        return None, f"{count} of {len(run)} slices lie off the grid of the others, by up to {off.max():.1f} mm"
    return geometry, ""


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
