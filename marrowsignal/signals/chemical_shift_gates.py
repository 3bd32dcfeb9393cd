"""Whether a study's chemical-shift images may be believed: units, fat-water swaps, scales, registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignmentVerdict, ChemicalShift
from marrowsignal.intensity.records import References
from marrowsignal.protocol.schema import ChemicalShiftSettings, Range
from marrowsignal.signals.statistics.ratios import ratio

__all__ = ["MUSCLE", "NORMAL", "BelievedShift", "believed", "percent_units"]

Array = NDArray[np.float32]
Voxels = Callable[[Array, int], NDArray[np.float32]]
# Percent per unit of a map: of 100, of 1, of 1000.
_UNITS = (1.0, 100.0, 0.1)
_HALF = 50.0
MUSCLE, FAT, NORMAL = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BelievedShift:
    """What passed the gates, and why the rest did not.

    Attributes
    ----------
    percent : ndarray of float32, shape (slice, row, column), or None
        Fat fraction, percent.
    no_percent : str
        Why it is None; empty otherwise.
    opposed, in_phase : ndarray of float32, same shape, or None
        Signals; both or none.
    no_phases : str
        Why they are None; empty otherwise.
    """

    percent: Array | None
    no_percent: str
    opposed: Array | None
    in_phase: Array | None
    no_phases: str


def believed(shift: ChemicalShift, references: References, *, settings: ChemicalShiftSettings) -> BelievedShift:
    """Put a study's chemical-shift images through the gates of SCIENCE D11 and D12.

    Parameters
    ----------
    shift : ChemicalShift
        On the T1 grid.
    references : References
        Where muscle and subcutaneous fat are.
    settings : ChemicalShiftSettings
        What they may show.
    """
    labels = references.labels.array

    def voxels(image: Array, tissue: int) -> Array:
        return np.asarray(image[(labels == tissue) & shift.covered_mask])

    lost = "in phase could not be registered to T1" if shift.verdict is AlignmentVerdict.FAIL else ""
    percent, no_percent = _percent(shift.fat_fraction, voxels, settings, lost)
    no_phases = lost or _no_phases(shift, voxels, settings)
    return BelievedShift(
        percent=percent,
        no_percent=no_percent,
        opposed=None if no_phases else shift.opposed_phase,
        in_phase=None if no_phases else shift.in_phase,
        no_phases=no_phases,
    )


def percent_units(median_of_fat: float, *, expected: Range) -> float | None:
    """Percent per unit of a fat-fraction map, told by subcutaneous fat; None when no usual unit fits.

    Parameters
    ----------
    median_of_fat : float
        In units of the map: 0-100, 0-1 or 0-1000.
    expected : Range
        Percent that subcutaneous fat may have.

    Examples
    --------
    >>> fat = Range(low=75, high=105, unit="percent", source="example")
    >>> percent_units(0.9, expected=fat), percent_units(905.0, expected=fat), percent_units(12.0, expected=fat)
    (100.0, 0.1, None)
    """
    return next((unit for unit in _UNITS if expected.holds(unit * median_of_fat)), None)


def _percent(
    fraction: Array | None, voxels: Voxels, settings: ChemicalShiftSettings, lost: str
) -> tuple[Array | None, str]:
    if fraction is None or lost:
        return None, lost or "no fat-fraction map"
    fat, muscle = voxels(fraction, FAT), voxels(fraction, MUSCLE)
    if not fat.size or not muscle.size:
        return None, "no fat and muscle reference to check units and fat-water swaps of the fat-fraction map"
    level = float(np.median(fat))
    unit = percent_units(level, expected=settings.fat_fraction_of_fat)
    if unit is None:
        return None, f"subcutaneous fat has {level:.3g} in the fat-fraction map: other units, or fat and water swapped"
    lean = unit * float(np.median(muscle))
    if not settings.fat_fraction_of_muscle.holds(lean):
        return None, f"muscle has a fat fraction of {lean:.0f} %: fat and water may be swapped"
    swapped = max(float(np.mean(unit * fat < _HALF)), float(np.mean(unit * muscle > _HALF)))
    if swapped > settings.swapped_max_share.value:
        return None, f"fat and water look swapped in {100 * swapped:.0f} % of the reference tissue"
    return np.asarray(fraction * np.float32(unit)), ""


def _no_phases(shift: ChemicalShift, voxels: Voxels, settings: ChemicalShiftSettings) -> str:
    if shift.in_phase is None or shift.opposed_phase is None:
        return "no in- and opposed-phase series"
    in_phase, opposed = voxels(shift.in_phase, MUSCLE), voxels(shift.opposed_phase, MUSCLE)
    if not in_phase.size:
        return "no lean-muscle reference to check that in and opposed phase share a scale"
    level = float(np.median(in_phase))
    if level <= 0:
        return "muscle has no signal in phase"
    muscle = float(ratio(np.median(opposed), level))
    if settings.opposed_to_in_phase_of_muscle.holds(muscle):
        return ""
    return f"OP/IP of muscle is {muscle:.2f}: the two images differ in scale, or are not what their headers say"
