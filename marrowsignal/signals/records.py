"""What measuring hands on: values with intervals, never a number without its warrant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.regions.records import Side

__all__ = [
    "BoneSignals",
    "DroppedCandidate",
    "Lesion",
    "LesionProposal",
    "Measurement",
    "MeasurementStatus",
    "RegionSignals",
    "Signals",
    "Symmetry",
]


class MeasurementStatus(StrEnum):
    """Whether a value was measured."""

    MEASURED = "measured"
    EXPLORATORY = "exploratory"
    NOT_EVALUABLE = "not_evaluable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One descriptor of SCIENCE section 3.

    Attributes
    ----------
    id : str
        Descriptor, for example ``"D01"``.
    name : str
        Column name, for example ``"t1_marrow_to_muscle"``.
    value : float or None
        None when not measured.
    ci_low, ci_high : float or None
        90 % interval: chance, references, shading, registration and border; None when there is none.
    unit : str
        ``"1"`` for ratios, ``"percent"``, ``"mm"``, ``"ml"`` ...
    status : MeasurementStatus
        Exploratory means too small for a firm statement.
    reason : str
        Why it is not measured or only exploratory; empty otherwise.
    """

    id: str
    name: str
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    unit: str = "1"
    status: MeasurementStatus = MeasurementStatus.MEASURED
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSignals:
    """Signals of one region's core.

    Attributes
    ----------
    region_label : int
        Label of the region, or of the part, in the region map.
    key, name : str
        The region.
    side : Side
        The patient's side.
    core_voxels, slices : int
        What the medians rest on.
    core_volume_ml : float
        Volume of the core.
    t1_median, stir_median : float or None
        Bias-corrected signal; `stir_median` is None without a STIR series too.
    lesion_ml : float or None
        Lesion volume in the region; 0 means looked for and none found, None not looked for.
    measurements : tuple of Measurement
        In a fixed order, the same for every region.
    """

    region_label: int
    key: str
    name: str
    side: Side
    core_voxels: int
    slices: int
    core_volume_ml: float
    t1_median: float | None
    stir_median: float | None
    lesion_ml: float | None
    measurements: tuple[Measurement, ...]

    def measurement(self, name: str) -> Measurement:
        """Return the measurement called `name`; KeyError if there is none."""
        return _by_name(self.measurements, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One connected component that stands out from the patient's own marrow: bright on STIR, or dark on T1.

    Attributes
    ----------
    label : int
        Value in the lesion label map; 1 is the largest.
    region_key, region_name : str
        Region that holds most of it.
    side : Side
        The patient's side.
    volume_ml : float
        Volume.
    voxels, slices : int
        Size.
    first_slice, last_slice : int
        Bounding slices on the T1 grid, counted from 0.
    centroid_lps_mm : tuple of float
        Patient point.
    measurements : tuple of Measurement
        In a fixed order, the same for every lesion.
    """

    label: int
    region_key: str
    region_name: str
    side: Side
    volume_ml: float
    voxels: int
    slices: int
    first_slice: int
    last_slice: int
    centroid_lps_mm: tuple[float, float, float]
    measurements: tuple[Measurement, ...]

    def measurement(self, name: str) -> Measurement:
        """Return the measurement called `name`; KeyError if there is none."""
        return _by_name(self.measurements, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symmetry:
    """Left against right of one pair of regions, or of the whole marrow (key ``"all"``).

    Attributes
    ----------
    key, name : str
        The pair.
    measurements : tuple of Measurement
        D20 for T1 and STIR, D21, D22, D23.
    """

    key: str
    name: str
    measurements: tuple[Measurement, ...]

    def measurement(self, name: str) -> Measurement:
        """Return the measurement called `name`; KeyError if there is none."""
        return _by_name(self.measurements, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoneSignals:
    """What is asked of a bone and not of its voxels: epiphysis against metaphysis (D26), necrosis of a head (D37-D39).

    Attributes
    ----------
    key, name : str
        The bone, or its part.
    side : Side
        The patient's side.
    measurements : tuple of Measurement
        In a fixed order.
    """

    key: str
    name: str
    side: Side
    measurements: tuple[Measurement, ...]

    def measurement(self, name: str) -> Measurement:
        """Return the measurement called `name`; KeyError if there is none."""
        return _by_name(self.measurements, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedCandidate:
    """A component that stood out on STIR and was not taken for a lesion.

    Attributes
    ----------
    kind : str
        What it was taken for: ``"vessel"``, ``"joint_fluid"``, ``"nerve_root"``, ``"rim"``, ``"slice_end"`` ...
    reason : str
        One sentence with the number that decided.
    volume_ml : float
        Volume.
    region_name : str
        Where it lies.
    centroid_lps_mm : tuple of float
        Patient point.
    """

    kind: str
    reason: str
    volume_ml: float
    region_name: str
    centroid_lps_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LesionProposal:
    """Where a learned model sees lesions: taken for candidates instead of the rules' seeds and their growth.

    Attributes
    ----------
    probability : ndarray of float32, shape (slice, row, column)
        Of lesion, on the T1 grid; 0 where the model did not look.
    cut : float
        Probability from which a voxel is a candidate.
    made_by : str
        The model, in words for the result.
    quality_note : str
        How well it did on studies it had not seen; empty when that is not known.
    """

    probability: NDArray[np.float32]
    cut: float
    made_by: str
    quality_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """Everything measured.

    Attributes
    ----------
    whole : RegionSignals
        All marrow with lesions masked out: the background.
    regions : tuple of RegionSignals
        In the region map's order.
    lesions : tuple of Lesion or None
        Largest first; empty means looked for and none found, None not looked for.
    lesions_reason : str
        Why lesions were not looked for; empty when they were.
    lesions_made_by : str
        ``"rules"``, or the learned model that proposed them.
    lesions_quality : str
        How well that model did on studies it had not seen; empty for the rules.
    symmetry : tuple of Symmetry
        First the whole marrow (key ``"all"``), then the same without lesions (``"background"``) where they were looked
        for, then each pair.
    lesion_labels : LabelVolume or None
        On the T1 grid; None when lesions were not looked for.
    fat_signal_index : ndarray of float32 or None, shape (slice, row, column)
        FSI (SCIENCE 1.5) in marrow, NaN elsewhere; None without references.
    excess_index : ndarray of float32 or None, shape (slice, row, column)
        d of D06 in marrow, NaN elsewhere; None when lesions were not looked for.
    parts : tuple of RegionSignals
        Parts of bones, in the region map's order.
    dark_foci : tuple of Lesion or None
        Components dark on T1 (SCIENCE 3.4), largest first; None not looked for.
    dark_labels : LabelVolume or None
        On the T1 grid; None when dark foci were not looked for.
    dropped : tuple of DroppedCandidate
        What stood out on STIR and is no lesion, largest first.
    distribution : tuple of Measurement
        Of the whole field of view, for example the order of conversion (D25).
    bones : tuple of BoneSignals
        Bones with an epiphysis or a head.
    findings : tuple of Finding
        What weakens the measurements.
    """

    whole: RegionSignals
    regions: tuple[RegionSignals, ...]
    lesions: tuple[Lesion, ...] | None
    symmetry: tuple[Symmetry, ...]
    lesion_labels: LabelVolume | None
    fat_signal_index: NDArray[np.float32] | None
    excess_index: NDArray[np.float32] | None
    lesions_reason: str = ""
    lesions_made_by: str = "rules"
    lesions_quality: str = ""
    parts: tuple[RegionSignals, ...] = ()
    dark_foci: tuple[Lesion, ...] | None = None
    dark_labels: LabelVolume | None = None
    dropped: tuple[DroppedCandidate, ...] = ()
    distribution: tuple[Measurement, ...] = ()
    bones: tuple[BoneSignals, ...] = ()
    findings: tuple[Finding, ...] = ()


def _by_name(measurements: tuple[Measurement, ...], name: str) -> Measurement:
    for measurement in measurements:
        if measurement.name == name:
            return measurement
    raise KeyError(name)
