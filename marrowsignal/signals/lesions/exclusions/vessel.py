"""Vessels: long and thin (D34)."""

from __future__ import annotations

import numpy as np

from marrowsignal.signals.lesions.scene import Candidate, LesionScene

__all__ = ["vessel"]

# half axes of a solid ellipsoid are sqrt(5) SD of its points
_DIAMETER_SD = 2 * 5**0.5


def vessel(candidate: Candidate, scene: LesionScene) -> str:
    """Tell a tube: long for both its widths, and thin; empty when it is none (D34).

    Length and widths are those of the ellipsoid of the same second moments, voxels taken as boxes. A sheet along a
    joint is long for one of its widths only.
    """
    points = np.argwhere(candidate.mask) * scene.spacing_mm
    moments = np.cov(points.T, bias=True) + np.diag(np.square(scene.spacing_mm)) / 12
    _, middle, long = _DIAMETER_SD * np.sqrt(np.linalg.eigvalsh(moments))
    settings = scene.settings
    if long < settings.vessel_elongation.value * middle or middle > settings.vessel_width.value:
        return ""
    return f"a tube {long:.0f} mm long and {middle:.1f} mm wide"
