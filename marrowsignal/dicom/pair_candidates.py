"""How well a T1 and a STIR series fit each other in space."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.pair_side import sides_contradict
from marrowsignal.dicom.records import Series
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["CommonField", "PairCandidate", "fitting_candidates", "insisted_candidates", "lone_t1_candidates"]

_SAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonField:
    """Box along the patient axes around what both series of a candidate cover.

    Attributes
    ----------
    low_lps_mm, high_lps_mm : tuple of float
        Corners; x grows to the patient's left, z to the head.
    """

    low_lps_mm: tuple[float, float, float]
    high_lps_mm: tuple[float, float, float]

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Middle of the box."""
        x, y, z = ((a + b) / 2 for a, b in zip(self.low_lps_mm, self.high_lps_mm, strict=True))
        return x, y, z

    def shared_fraction(self, other: CommonField, axis: int) -> float:
        """Share of the shorter of both extents along a patient axis (0 = x, 1 = y, 2 = z) that both cover."""
        low, high = (
            max(self.low_lps_mm[axis], other.low_lps_mm[axis]),
            min(self.high_lps_mm[axis], other.high_lps_mm[axis]),
        )
        shorter = min(one.high_lps_mm[axis] - one.low_lps_mm[axis] for one in (self, other))
        return max(0.0, high - low) / shorter if shorter > 0 else float(low <= high)

    def same_as(self, other: CommonField, least_fraction: float) -> bool:
        """Whether both share at least this much of the shorter extent along every patient axis."""
        return all(self.shared_fraction(other, axis) >= least_fraction for axis in range(3))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCandidate:
    """One T1 + STIR combination and how well they fit; without a STIR, a T1 on its own.

    Attributes
    ----------
    t1 : Series
        The T1.
    stir : Series or None
        The STIR.
    overlap_fraction, overlap_ml : float
        Share of the smaller volume that the other covers, and the same in mL; of a lone T1, 1 and its volume.
    field : CommonField
        What both cover.
    plane_angle_deg : float
        Angle between the slices of the two.
    """

    t1: Series
    stir: Series | None
    overlap_fraction: float
    overlap_ml: float
    field: CommonField
    plane_angle_deg: float

    @property
    def series(self) -> tuple[Series, ...]:
        """The T1 and the STIR if there is one."""
        return (self.t1,) if self.stir is None else (self.t1, self.stir)

    @property
    def same_frame(self) -> bool:
        """Whether both name one frame of reference."""
        frame = self.t1.frame_of_reference_uid
        return self.stir is None or (bool(frame) and frame == self.stir.frame_of_reference_uid)


def fitting_candidates(
    t1s: Sequence[Series], stirs: Sequence[Series], rules: SeriesRules, *, across_studies: bool
) -> list[PairCandidate]:
    """Return each combination of one study, or of any, that covers enough of the same anatomy.

    Parameters
    ----------
    t1s, stirs : list of Series
        What may serve; all with a geometry.
    rules : SeriesRules
        Least overlap; words for the sides.
    across_studies : bool
        Whether the two may come from different studies.
    """
    return [
        candidate
        for t1, stir in itertools.product(t1s, stirs)
        if t1 is not stir
        and (across_studies or t1.study_instance_uid == stir.study_instance_uid)
        and not sides_contradict(t1, stir, rules.side)
        and (candidate := _candidate(t1, stir)) is not None
        and candidate.overlap_fraction >= rules.pairing.min_overlap_fraction.value
    ]


def insisted_candidates(t1s: Sequence[Series], stirs: Sequence[Series]) -> list[PairCandidate]:
    """Return each combination, little overlap and different studies notwithstanding."""
    pairs = itertools.product(t1s, stirs)
    return [c for t1, stir in pairs if t1 is not stir and (c := _candidate(t1, stir)) is not None]


def lone_t1_candidates(t1s: Sequence[Series]) -> list[PairCandidate]:
    """Return each T1 on its own."""
    return [
        PairCandidate(
            t1=t1,
            stir=None,
            overlap_fraction=1.0,
            overlap_ml=_volume_ml(t1.geometry),
            field=_box(t1.geometry.to_patient(_cell_centres(t1.geometry))),
            plane_angle_deg=0.0,
        )
        for t1 in t1s
        if t1.geometry is not None
    ]


def _candidate(t1: Series, stir: Series) -> PairCandidate | None:
    if t1.geometry is None or stir.geometry is None:
        return None
    share, points = _overlap(t1.geometry, stir.geometry)
    return PairCandidate(
        t1=t1,
        stir=stir,
        overlap_fraction=share,
        overlap_ml=share * min(_volume_ml(t1.geometry), _volume_ml(stir.geometry)),
        field=_box(points if len(points) else t1.geometry.to_patient(_cell_centres(t1.geometry))),
        plane_angle_deg=_plane_angle_deg(t1.geometry, stir.geometry),
    )


def _plane_angle_deg(a: VolumeGeometry, b: VolumeGeometry) -> float:
    """Return the angle between the slices of two grids, 0 to 90 deg."""
    cosine = abs(float(a.directions_lps[:, 0] @ b.directions_lps[:, 0]))
    return float(np.degrees(np.arccos(min(1.0, cosine))))


def _overlap(a: VolumeGeometry, b: VolumeGeometry) -> tuple[float, NDArray[np.float64]]:
    """Return the share of the smaller volume that the other covers, by sampling, and the samples in both, LPS mm."""
    small, large = sorted((a, b), key=_volume_ml)
    points = small.to_patient(_cell_centres(small))
    index = large.to_index(points)
    inside = np.all((index >= -0.5) & (index <= np.asarray(large.shape) - 0.5), axis=-1)
    return float(inside.mean()), np.asarray(points[inside])


def _cell_centres(geometry: VolumeGeometry) -> NDArray[np.float64]:
    # Samples lie at cell centres of the full extent, half a voxel beyond the first and last centres.
    axes = [(np.arange(_SAMPLES) + 0.5) / _SAMPLES * n - 0.5 for n in geometry.shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _volume_ml(geometry: VolumeGeometry) -> float:
    return geometry.voxel_ml * float(np.prod(geometry.shape))


def _box(points: NDArray[np.float64]) -> CommonField:
    low, high = (edge.tolist() for edge in (points.min(axis=0), points.max(axis=0)))
    return CommonField(low_lps_mm=(low[0], low[1], low[2]), high_lps_mm=(high[0], high[1], high[2]))
