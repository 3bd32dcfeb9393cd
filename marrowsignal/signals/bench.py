"""What every measurement of one study shares."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.lesions.candidates import ExcessMap
from marrowsignal.signals.statistics.descriptors import ReferenceLevels
from marrowsignal.signals.statistics.levels import Levels, measure_levels

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
    excess : ExcessMap or None
        D05 and D06 of every voxel; None where lesions cannot be looked for.
    no_excess : str
        Why `excess` is None; empty otherwise.
    no_stir : str
        Why nothing of STIR may be told; empty otherwise.
    lesions : ndarray of uint16, shape (slice, row, column)
        Lesion labels; all 0 without `excess`.
    background : ndarray of bool, same shape
        Core without lesions.
    """

    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    protocol: Protocol
    references: ReferenceLevels
    shading: tuple[float, float]
    excess: ExcessMap | None
    no_excess: str
    no_stir: str
    lesions: NDArray[np.uint16]
    background: NDArray[np.bool_]

    def levels(self, mask: NDArray[np.bool_], *, seed: int) -> Levels | None:
        """Medians and draws of the voxels of `mask`."""
        found = measure_levels(
            self.pair.t1.array,
            None if self.pair.stir is None else self.pair.stir.array,
            mask,
            spacing_mm=self.pair.t1.geometry.spacing_mm,
            settings=self.protocol.signals,
            sector_mm=self.protocol.bias.sector_size.value,
            shading=self.shading,
            seed=seed,
        )
        return None if found is None else replace(found, no_stir=self.no_stir)

    @property
    def stir_acquisition(self) -> AcquisitionFacts | None:
        """Header facts of STIR; None without a STIR series."""
        return None if self.pair.stir is None else self.pair.stir.acquisition

    def covered(self, mask: NDArray[np.bool_]) -> bool:
        """Whether the series of the pair share enough of `mask` to measure it."""
        share = float(np.mean(self.pair.covered_mask[mask])) if mask.any() else 0.0
        return share >= self.protocol.signals.min_coverage.value

    def not_looked_at(self, mask: NDArray[np.bool_]) -> str:
        """Why lesions could not be found in `mask`; empty when they could."""
        if self.no_excess or not self.covered(mask):
            return self.no_excess or "not looked at: STIR does not cover the region"
        metal = self.pair.metal_mask
        spoilt = 0.0 if metal is None or not mask.any() else float(np.mean(metal[mask]))
        return "not looked at: too near to metal" if spoilt > self.protocol.quality.metal_share_fail.value else ""

    def median_excess(self, mask: NDArray[np.bool_], box: tuple[slice, ...] = ()) -> float | None:
        """Median of D06 over `mask`, which covers `box` of the grid; None where there is no excess map."""
        return None if self.excess is None else float(np.median(self.excess.d[box][mask]))

    def spec(self, key: str) -> RegionSpec | None:
        """Return the protocol's word on a region, or None."""
        return self.protocol.spec(key)
