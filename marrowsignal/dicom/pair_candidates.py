"""How well a T1 and a STIR series fit each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marrowsignal.dicom.records import Series
from marrowsignal.geometry.volume import VolumeGeometry

__all__ = ["PairCandidate", "best_candidate", "overlap"]

_SAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCandidate:
    """One T1 + STIR combination and how well they fit.

    Attributes
    ----------
    t1, stir : Series
        The two series.
    overlap_fraction, overlap_ml : float
        Share of the smaller volume that the other covers, and the same in mL.
    """

    t1: Series
    stir: Series
    overlap_fraction: float
    overlap_ml: float

    @property
    def same_plane(self) -> bool:
        """Whether both are mainly axial, coronal or sagittal."""
        return self.t1.orientation.split("-")[0] == self.stir.orientation.split("-")[0]

    @property
    def same_frame(self) -> bool:
        """Whether both name one frame of reference."""
        frame = self.t1.frame_of_reference_uid
        return bool(frame) and frame == self.stir.frame_of_reference_uid

    @property
    def shared_slices(self) -> int:
        """Slices of the one with fewer."""
        return min(self.t1.slices, self.stir.slices)

    @property
    def score(self) -> float:
        """Sum of both identity scores."""
        return self.t1.identity_score + self.stir.identity_score


def best_candidate(candidates: list[PairCandidate], near_equal: float) -> PairCandidate:
    """Return the best by plane, then frame, overlap, slices, evidence; of equals the later, a repeat."""
    left = candidates
    stages: tuple[tuple[Callable[[PairCandidate], float], float], ...] = (
        (lambda c: c.same_plane, 1.0),
        (lambda c: c.same_frame, 1.0),
        # A repeat after motion is shifted a little: nearly as much overlap is as good.
        (lambda c: c.overlap_ml, near_equal),
        (lambda c: c.shared_slices, 1.0),
        (lambda c: c.score, near_equal),
    )
    for value, share in stages:
        most = max(value(c) for c in left)
        left = [c for c in left if value(c) >= share * most]
    return max(left, key=lambda c: (_when(c.stir), _when(c.t1)))


def _when(series: Series) -> tuple[str, int, str]:
    return (series.acquired_at, series.series_number or 0, series.series_instance_uid)


def _volume_ml(geometry: VolumeGeometry) -> float:
    return geometry.voxel_ml * float(np.prod(geometry.shape))


def overlap(a: VolumeGeometry | None, b: VolumeGeometry | None) -> tuple[float, float]:
    """Return the share of the smaller volume that the other covers, by sampling, and the same in mL."""
    if a is None or b is None:
        return 0.0, 0.0
    small, large = sorted((a, b), key=_volume_ml)
    # Samples lie at cell centres of the full extent, half a voxel beyond the first and last centres.
    axes = [(np.arange(_SAMPLES) + 0.5) / _SAMPLES * n - 0.5 for n in small.shape]
    points = small.to_patient(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
    index = large.to_index(points)
    inside = np.all((index >= -0.5) & (index <= np.asarray(large.shape) - 0.5), axis=-1)
    share = float(inside.mean())
    return share, share * _volume_ml(small)
