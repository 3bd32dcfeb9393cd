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
from marrowsignal.signals.gathered import CORE_EDGE, GatheredVoxels
from marrowsignal.signals.lesions.excess import ExcessMap
from marrowsignal.signals.records import DroppedCandidate
from marrowsignal.signals.statistics.descriptors import ReferenceLevels
from marrowsignal.signals.statistics.levels import Images, LevelErrors, Levels, measure_levels
from marrowsignal.signals.statistics.quantiles import median

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
    images : Images
        T1 and STIR as they are measured.
    errors : LevelErrors
        What moves the level of marrow beside chance.
    gathered : GatheredVoxels
        Voxels of every region and part.
    excess : ExcessMap or None
        D05 and D06 of every voxel; None where lesions cannot be looked for.
    no_excess : str
        Why `excess` is None; empty otherwise.
    no_stir : str
        Why nothing of STIR may be told; empty otherwise.
    lesions : ndarray of uint16, shape (slice, row, column)
        Lesion labels; all 0 without `excess`.
    dropped : tuple of DroppedCandidate
        What stood out on STIR and is no lesion, largest first.
    background : ndarray of bool, same shape
        Core without lesions.
    rim : ndarray of uint8, same shape
        Of marrow without lesions: 1 one voxel in plane outside the core, 2 its outermost voxels, 3 its inside; else 0.
    """

    pair: AlignedPair
    marrow: MarrowMask
    regions: RegionMap
    protocol: Protocol
    references: ReferenceLevels
    images: Images
    errors: LevelErrors
    gathered: GatheredVoxels
    excess: ExcessMap | None
    no_excess: str
    no_stir: str
    lesions: NDArray[np.uint16]
    dropped: tuple[DroppedCandidate, ...]
    background: NDArray[np.bool_]
    rim: NDArray[np.uint8]

    def levels(self, mask: NDArray[np.bool_], *, seed: int, turned: bool = False) -> Levels | None:
        """Medians and draws of the voxels of `mask`; the second of two sides with one seed is `turned`."""
        found = measure_levels(
            self.images,
            np.flatnonzero(mask),
            settings=self.protocol.signals,
            errors=self.errors,
            seed=seed,
            turned=turned,
        )
        return None if found is None else replace(found, no_stir=self.no_stir)

    def core_levels(self, inside: NDArray[np.int64], *, seed: int) -> Levels | None:
        """Medians and draws of what of a region's voxels (flat index) is core; its border may lie a voxel off."""
        rim = self.rim.reshape(-1)[inside]
        core, inner, outer = inside[rim >= CORE_EDGE], inside[rim > CORE_EDGE], inside[rim > 0]
        found = measure_levels(
            self.images,
            core,
            settings=self.protocol.signals,
            errors=self.errors,
            seed=seed,
            borders=(inner, outer),
        )
        return None if found is None else replace(found, no_stir=self.no_stir)

    @property
    def stir_acquisition(self) -> AcquisitionFacts | None:
        """Header facts of STIR; None without a STIR series."""
        return None if self.pair.stir is None else self.pair.stir.acquisition

    def covered(self, where: NDArray[np.bool_] | NDArray[np.int64]) -> bool:
        """Whether the series of the pair share enough of a mask, or of voxels by flat index, to measure it."""
        return _share(self.pair.covered_mask, where) >= self.protocol.signals.min_coverage.value

    def not_looked_at(self, where: NDArray[np.bool_] | NDArray[np.int64]) -> str:
        """Why lesions could not be found in a mask, or in voxels by flat index; empty when they could."""
        if self.no_excess or not self.covered(where):
            return self.no_excess or "not looked at: STIR does not cover the region"
        metal = self.pair.metal_mask
        spoilt = 0.0 if metal is None else _share(metal, where)
        return "not looked at: too near to metal" if spoilt > self.protocol.quality.metal_share_fail.value else ""

    def median_excess(self, mask: NDArray[np.bool_], box: tuple[slice, ...] = ()) -> float | None:
        """Median of D06 over `mask`, which covers `box` of the grid; None where there is no excess map."""
        return None if self.excess is None else median(self.excess.d[box][mask])

    def spec(self, key: str) -> RegionSpec | None:
        """Return the protocol's word on a region, or None."""
        return self.protocol.spec(key)


def _share(mask: NDArray[np.bool_], where: NDArray[np.bool_] | NDArray[np.int64]) -> float:
    inside = mask[where] if where.dtype == bool else mask.reshape(-1)[where]
    return np.count_nonzero(inside) / inside.size if inside.size else 0.0
