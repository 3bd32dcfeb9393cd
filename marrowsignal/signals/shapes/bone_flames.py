"""Whether red-like marrow of long bones looks like a flame (SCIENCE D27)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.regions.records import Region
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.distribution.red_like import RedLike
from marrowsignal.signals.records import BoneSignals, Measurement
from marrowsignal.signals.shapes.flame import flame_score
from marrowsignal.signals.shapes.scene import shaft_of
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["bone_flames"]

_NAME = ("D27", "flame_score")
_FULL = np.ones((3, 3, 3), bool)


def bone_flames(bench: Bench, red_like: RedLike | None) -> tuple[BoneSignals, ...]:
    """Measure D27 of the largest red-like patch of every bone whose ends and shaft are told apart."""
    rows = []
    for region in bench.regions.regions:
        shaft = shaft_of(bench, region)
        if shaft is not None:
            found = _flame(bench, red_like, region, shaft)
            rows.append(BoneSignals(key=region.key, name=region.name, side=region.side, measurements=(found,)))
    return tuple(rows)


def _flame(bench: Bench, red_like: RedLike | None, region: Region, shaft: NDArray[np.float64]) -> Measurement:
    if red_like is None:
        return unmeasured(*_NAME, "no expected band or no muscle and fat reference to tell red-like marrow by")
    inside = bench.background & bench.regions.inside(region)
    labels, count = ndimage.label(red_like.mask & inside, _FULL)
    if not count:
        return unmeasured(*_NAME, "no red-like marrow in this bone")
    patch = labels == int(np.bincount(labels.ravel())[1:].argmax()) + 1
    geometry = bench.pair.t1.geometry
    return flame_score(
        patch,
        geometry.to_patient(np.argwhere(patch)),
        geometry.to_patient(np.argwhere(inside)),
        shaft,
        pixel_mm=(geometry.spacing_mm[1], geometry.spacing_mm[2]),
        settings=bench.protocol.shapes,
    )
