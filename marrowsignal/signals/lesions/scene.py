"""What lesions are looked for in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.intensity.records import References
from marrowsignal.protocol.schema import LesionSettings, Protocol
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.lesions.excess import ExcessMap
from marrowsignal.signals.statistics.quantiles import median

__all__ = ["Box", "Candidate", "LesionScene", "candidates_of"]

Box = tuple[slice, slice, slice]
_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LesionScene:
    """What lesions are looked for in.

    Attributes
    ----------
    pair : AlignedPair
        Bias-corrected, with a STIR series.
    marrow : ndarray of bool, shape (slice, row, column)
        Where they may lie: marrow that both series cover, away from metal.
    regions : RegionMap
        Names and midline.
    references : References
        Muscle and fat; a level that is None is not asked for.
    excess : ExcessMap
        Of `pair` in `marrow`.
    protocol : Protocol
        Cuts.
    """

    pair: AlignedPair
    marrow: NDArray[np.bool_]
    regions: RegionMap
    references: References
    excess: ExcessMap
    protocol: Protocol

    @property
    def settings(self) -> LesionSettings:
        """The protocol's cuts of lesions."""
        return self.protocol.lesions

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Between slices, rows, columns."""
        return self.pair.t1.geometry.spacing_mm

    @property
    def normal_t1(self) -> float:
        """T1 of the patient's own marrow: its median."""
        return median(self.t1[self.marrow])

    @property
    def t1(self) -> NDArray[np.float32]:
        """T1 signal."""
        return self.pair.t1.array

    @property
    def stir(self) -> NDArray[np.float32]:
        """STIR signal on the T1 grid."""
        assert self.pair.stir is not None
        return self.pair.stir.array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """One component that stands out on STIR.

    Attributes
    ----------
    label : int
        Its value among the candidates.
    box : tuple of slice
        Its voxels with a margin.
    mask : ndarray of bool
        Its voxels within the box.
    """

    label: int
    box: Box
    mask: NDArray[np.bool_]

    def of(self, image: NDArray[_Value]) -> NDArray[_Value]:
        """Return the values of an image of the whole grid at its voxels."""
        return np.asarray(image[self.box][self.mask])


def candidates_of(
    labels: NDArray[np.int32], *, margin_mm: float, spacing_mm: tuple[float, float, float]
) -> tuple[Candidate, ...]:
    """Cut every component out with a margin in plane and a slice beyond either end, in label order."""
    reach = (1, *(int(np.ceil(margin_mm / step)) for step in spacing_mm[1:]))
    found = []
    for label, tight in enumerate(ndimage.find_objects(labels), start=1):
        first, second, third = (slice(max(0, s.start - r), s.stop + r) for s, r in zip(tight, reach, strict=True))
        box = (first, second, third)
        found.append(Candidate(label=label, box=box, mask=labels[box] == label))
    return tuple(found)
