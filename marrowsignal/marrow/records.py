"""What segmentation hands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding
from marrowsignal.geometry.volume import LabelVolume

__all__ = ["MarrowMask"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarrowMask:
    """Where marrow is.

    Attributes
    ----------
    labels : LabelVolume
        On the T1 grid; 1 is marrow, or one value a bone when the source tells bones apart.
    core_mask : ndarray of bool, shape (slice, row, column)
        Marrow without its rim, cortex, joint space and other signal voids: where signals are measured.
    source : str
        ``"supplied"`` or ``"automatic"``.
    confidence : float or None
        0 to 1 for automatic masks; None for supplied ones.
    findings : tuple of Finding
        What weakens the mask.
    """

    labels: LabelVolume
    core_mask: NDArray[np.bool_]
    source: str
    confidence: float | None = None
    findings: tuple[Finding, ...] = ()
