"""Lower edge of the lungs behind and beside the diaphragm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.body_surface import BodySurface
from marrowsignal.phantom.anatomy.texture import threads
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, ellipsoid, smooth_max
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["lung_layer"]

Array = NDArray[np.float64]
_WALL_MM = 20.0


def lung_layer(subject: Subject, surface: BodySurface) -> Layer:
    """Air with a little tissue between the ribs and the dome of the diaphragm.

    Parameters
    ----------
    subject : Subject
        Whose.
    surface : BodySurface
        The chest wall.

    Returns
    -------
    Layer
        Both lungs; paint before liver, spleen and stomach.
    """
    dome = subject.normal("diaphragm_mm", 176.0, 7.0)
    edge = subject.normal("lung_edge_mm", 222.0, 6.0)
    vessels = threads(subject, "lung vessel", wavelength_mm=(14.0, 30.0), radius_mm=0.9)

    def shape(p: Points) -> Array:
        below = ellipsoid((p.x, p.y, p.z), centre=(0.0, -78.0, 178.0), radii=(121.0, 101.0, dome))
        beside = 44.0 - np.sqrt(p.x**2 + (p.y + 12.0) ** 2)
        lung = smooth_max(surface.fascia(p) + _WALL_MM, -below, radius_mm=5.0)
        return smooth_max(smooth_max(lung, edge - p.z, radius_mm=10.0), beside, radius_mm=10.0)

    def fill(p: Points) -> dict[Species, Array]:
        return {Species.SOFT_TISSUE: 0.06 + 0.5 * vessels(p)}

    return Layer(name="lungs", shape=shape, fill=fill, within=Ball(centre_mm=(0.0, -40.0, 300.0), radius_mm=165.0))
