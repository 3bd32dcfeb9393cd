"""What every measurement of one study shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.descriptors import ReferenceLevels
from marrowsignal.signals.lesions import ExcessMap
from marrowsignal.signals.levels import Levels, measure_levels

__all__ = ["Bench"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """What every measurement of one study shares.

    Attributes
    ----------
    pair, marrow, regions, protocol
        Products of the earlier steps.
    references : ReferenceLevels
        With draws.
    shading : tuple of float
        Residual coefficient of variation of T1 and STIR.
    excess : ExcessMap
        D05 and D06 of every voxel.
    lesions : ndarray of uint16, shape (slice, row, column)
        Lesion labels.
    background : ndarray of bool, same shape
        Core without lesions.
    """

    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    protocol: Protocol
    references: ReferenceLevels
    shading: tuple[float, float]
    excess: ExcessMap
    lesions: NDArray[np.uint16]
    background: NDArray[np.bool_]

    def levels(self, mask: NDArray[np.bool_], *, seed: int) -> Levels | None:
        """Medians and draws of the voxels of `mask`."""
        return measure_levels(
            self.pair.t1.array,
            self.pair.stir.array,
            mask,
            spacing_mm=self.pair.t1.geometry.spacing_mm,
            settings=self.protocol.signals,
            sector_mm=self.protocol.bias.sector_size.value,
            shading=self.shading,
            seed=seed,
        )

    def looked_at(self, mask: NDArray[np.bool_]) -> bool:
        """Whether STIR covers enough of `mask` for lesions to be found in it."""
        share = float(np.mean(self.pair.covered_mask[mask])) if mask.any() else 0.0
        return share >= self.protocol.signals.min_coverage.value and bool(np.isfinite(self.excess.spread))

    def spec(self, key: str) -> RegionSpec | None:
        """Return the protocol's word on a region, or None."""
        return self.protocol.spec(key)
