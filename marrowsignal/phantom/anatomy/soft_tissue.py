"""Everything under the skin that is neither bone nor organ: muscles, fat planes, fat with septa and vessels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.body_surface import BodySurface, Subcutis
from marrowsignal.phantom.anatomy.muscle import Side, View, muscle_shares
from marrowsignal.phantom.anatomy.ribs import Ribs
from marrowsignal.phantom.anatomy.texture import Septa, Threads, sheet_share
from marrowsignal.phantom.sheet import Ball, SmoothField
from marrowsignal.phantom.solids import Points, coverage, ramp
from marrowsignal.phantom.tissues import Species

__all__ = ["SoftTissue", "Tuft"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tuft:
    """A place rich in small vessels; call it with points to get their share.

    Attributes
    ----------
    vessels : Threads
        The vessels.
    within : Ball
        Where; they get fewer towards its border.
    slow : float
        Share of slow blood in them, which is bright on STIR.
    """

    vessels: Threads
    within: Ball
    slow: float

    def __call__(self, p: Points) -> Array:
        """Share of vessels, 0 to 1."""
        x, y, z = self.within.centre_mm
        far = (p.x - x) ** 2 + (p.y - y) ** 2 + (p.z - z) ** 2
        return self.vessels(p) * ramp(far, self.within.radius_mm**2, 0.4 * self.within.radius_mm**2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoftTissue:
    """Fill of the body where nothing else is.

    Attributes
    ----------
    surface : BodySurface
        Skin and fascia.
    subcutis : Subcutis
        Skin and subcutaneous fat.
    muscles : tuple of Side
        Muscles in painting order.
    lean : callable
        How far the spine lies behind its average place at a height, mm.
    ribs : Ribs
        The lowest ribs.
    uneven : SmoothField
        Displacement of muscle surfaces.
    planes : SmoothField
        Width of fat planes and thickness of fasciae.
    haze : SmoothField
        Unevenness of the deep fat.
    walls : Septa
        Strands in the deep fat.
    vessels : Threads
        Small vessels in the deep fat and between muscles.
    tufts : tuple of Tuft
        Places with many more of them.
    """

    surface: BodySurface
    subcutis: Subcutis
    muscles: tuple[Side, ...]
    lean: Callable[[Array], Array]
    ribs: Ribs
    uneven: SmoothField
    planes: SmoothField
    haze: SmoothField
    walls: Septa
    vessels: Threads
    tufts: tuple[Tuft, ...]

    def __call__(self, p: Points) -> dict[Species, Array]:
        """Shares of species at points in the body; they sum to 1 but for the lumen of small vessels."""
        fascia = self.surface.fascia(p)
        skin = self.surface.skin(p, fascia=fascia)
        ribs, taken = self.ribs.shares(p, -fascia)
        below = coverage(fascia, width_mm=p.sheet.width_mm)
        shares, clear = muscle_shares(
            self.muscles,
            View(p=p, x=p.x, y=p.y - self.lean(p.z), depth=-fascia),
            clear=below * (1.0 - taken),
            uneven=0.9 * self.uneven.on(p.sheet),
            planes=self.planes.on(p.sheet),
        )
        blood, wet = self._blood(p)
        fascial = 0.55 * sheet_share(fascia, half_width_mm=0.5, width_mm=p.sheet.width_mm)
        wall = np.maximum(0.35 * self.walls(p), fascial)
        # fine connective tissue and capillaries, unevenly
        haze = np.clip(0.06 + 0.035 * self.haze.on(p.sheet), 0.0, 0.2)
        rest = clear * (1.0 - wall) * (1.0 - blood)
        shares[Species.FIBROUS] += clear * wall * (1.0 - blood)
        shares[Species.FAT] += rest * (1.0 - haze)
        shares[Species.SOFT_TISSUE] = 0.5 * clear * blood + rest * haze
        shares[Species.FLUID] += clear * wet
        for kind, amount in ribs.items():
            shares[kind] = below * amount
        above = 1.0 - below
        for kind, amount in self.subcutis(p, skin=skin, fascia=fascia).items():
            shares[kind] += above * amount
        return shares

    def _blood(self, p: Points) -> tuple[Array, Array]:
        """Shares of small vessels and of the slow blood in them."""
        blood = self.vessels(p)
        wet = 0.1 * blood
        for tuft in self.tufts:
            found = p.within(tuft.within)
            if found is None:
                continue
            window, cut = found
            more = tuft(cut)
            blood[window] = np.maximum(blood[window], more)
            wet[window] = np.maximum(wet[window], tuft.slow * more)
        return blood, wet
