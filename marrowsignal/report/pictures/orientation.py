"""How to show a slice the way radiologists read it, whatever way it was stored.

Axial and coronal: the patient's right is on the image's left. Sagittal: anterior is on the left. Coronal and
sagittal: superior is up; axial: anterior is up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["DisplayOrientation", "direction_letters", "display_orientation", "slice_position"]

_T = TypeVar("_T", bound=np.generic)
_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))  # towards +x, -x; +y, -y; +z, -z
_TILT_SINE = 0.30  # a second letter from about 17 degrees on
Plane = Literal["sagittal", "coronal", "axial"]
_PLANES: tuple[Plane, Plane, Plane] = ("sagittal", "coronal", "axial")
# For each normal axis: patient axis and sign that point to the image's right, and down.
_RIGHT = ((1, 1.0), (0, 1.0), (0, 1.0))
_DOWN = ((2, -1.0), (2, -1.0), (1, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayOrientation:
    """How stored rows and columns become image rows and columns.

    Attributes
    ----------
    plane : str
        ``"axial"``, ``"coronal"`` or ``"sagittal"``: the nearest.
    transpose, flip_vertical, flip_horizontal : bool
        Applied in this order.
    left, right, top, bottom : str
        Patient direction of each edge, for example ``"R"``, or ``"RA"`` when tilted.
    pixel_mm : tuple of float
        Height and width of a displayed pixel.
    """

    plane: Plane
    transpose: bool
    flip_vertical: bool
    flip_horizontal: bool
    left: str
    right: str
    top: str
    bottom: str
    pixel_mm: tuple[float, float]

    def apply(self, plane: NDArray[_T]) -> NDArray[_T]:
        """Return one stored slice (row, column) as it is shown."""
        shown = plane.T if self.transpose else plane
        if self.flip_vertical:
            shown = shown[::-1]
        if self.flip_horizontal:
            shown = shown[:, ::-1]
        return np.ascontiguousarray(shown)


def display_orientation(geometry: VolumeGeometry) -> DisplayOrientation:
    """Decide how slices of a grid are shown.

    Parameters
    ----------
    geometry : VolumeGeometry
        The grid, in any permutation and direction of axes.
    """
    rows, columns = geometry.directions_lps[:, 1], geometry.directions_lps[:, 2]
    normal = int(np.argmax(np.abs(np.cross(rows, columns))))
    (across, right_sign), (upright, down_sign) = _RIGHT[normal], _DOWN[normal]
    transpose = bool(abs(rows[across]) + abs(columns[upright]) > abs(columns[across]) + abs(rows[upright]))
    down, right = (columns, rows) if transpose else (rows, columns)
    spacing = geometry.spacing_mm
    flip_vertical = bool(down[upright] * down_sign < 0)
    flip_horizontal = bool(right[across] * right_sign < 0)
    down = -down if flip_vertical else down
    right = -right if flip_horizontal else right
    return DisplayOrientation(
        plane=_PLANES[normal],
        transpose=transpose,
        flip_vertical=flip_vertical,
        flip_horizontal=flip_horizontal,
        left=direction_letters(-right),
        right=direction_letters(right),
        top=direction_letters(-down),
        bottom=direction_letters(down),
        pixel_mm=(spacing[2], spacing[1]) if transpose else (spacing[1], spacing[2]),
    )


def direction_letters(direction: NDArray[np.float64]) -> str:
    """Patient letters of a direction: the largest component, then a second one if it is tilted.

    >>> direction_letters(np.array([-1.0, 0.0, 0.0]))
    'R'
    >>> direction_letters(np.array([0.0, -0.5, 0.87]))
    'SA'
    """
    unit = np.asarray(direction, float) / np.linalg.norm(direction)
    order = np.argsort(-np.abs(unit), kind="stable")[:2]
    letters = [_LETTERS[axis][0 if unit[axis] > 0 else 1] for axis in order if abs(unit[axis]) >= _TILT_SINE]
    return "".join(letters)


def slice_position(geometry: VolumeGeometry, index: int, plane: Plane) -> str:
    """Where the middle of a slice lies, in patient words: ``"A 12.0 mm"`` is 12 mm anterior of the origin."""
    axis = _PLANES.index(plane)
    middle = (index, (geometry.shape[1] - 1) / 2, (geometry.shape[2] - 1) / 2)
    value = float(geometry.to_patient(middle)[axis])
    return f"{_LETTERS[axis][0 if value > 0 else 1]} {abs(value):.1f} mm"
