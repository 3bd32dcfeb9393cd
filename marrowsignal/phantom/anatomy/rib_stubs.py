"""Heads and necks of the lowest ribs, bones without a label; distances in mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.vertebra import Vertebra
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, Vector, coverage, smooth_max, tube
from marrowsignal.phantom.tissues import Species

__all__ = ["rib_end", "rib_stubs"]

Array = NDArray[np.float64]
# end of the neck: out and back from the rim of the body, up
_END = (24.0, 14.0, -8.0)


def rib_end(vertebra: Vertebra, sign: float) -> Vector:
    """Point where the neck of a rib ends and its blade goes on, on the left (1) or the right (-1)."""
    out, behind, up = _END
    return vertebra.frame.point(sign * (vertebra.half_width_mm + out), vertebra.half_depth_mm + behind, up)


def rib_stubs(vertebra: Vertebra) -> tuple[Layer, Layer]:
    """Heads and necks of the pair of ribs of a thoracic vertebra; paint after the vertebra.

    Parameters
    ----------
    vertebra : Vertebra
        Where they hang.

    Returns
    -------
    tuple of Layer
        Left, right; bones without a label.
    """
    wide, back = vertebra.half_width_mm, vertebra.half_depth_mm
    # ribs are taller than thick: squeeze the height to a round tube
    path = tuple(
        (wide + out, back + behind, 0.75 * up)
        for out, behind, up in (
            (-2.0, -2.0, 2.0),
            (12.0, 9.0, -1.0),
            _END,
        )
    )

    def shape(p: Points, sign: float) -> Array:
        a, b, c = vertebra.frame.of(p)
        blade = tube((sign * a, b, 0.75 * c), path=path, radii=(4.2, 3.6, 4.2), blend_mm=3.0)
        return smooth_max(blade, 1.0 - vertebra.body((a, b, c)), radius_mm=1.0)

    def fill(p: Points, sign: float) -> dict[Species, Array]:
        shell = coverage(-shape(p, sign) - 1.0, width_mm=p.sheet.width_mm)
        return {
            Species.MINERAL: 0.12 + 0.88 * shell,
            Species.MARROW_FAT: 0.4 * (1.0 - shell),
            Species.MARROW_WATER: 0.48 * (1.0 - shell),
        }

    def stub(sign: float, side: str) -> Layer:
        return Layer(
            name=f"{side}_rib_{vertebra.name[1:]}",
            shape=lambda p: shape(p, sign),
            fill=lambda p: fill(p, sign),
            within=Ball(centre_mm=vertebra.frame.point(sign * (wide + 11.0), back + 6.0, -3.0), radius_mm=26.0),
        )

    return stub(1.0, "left"), stub(-1.0, "right")
