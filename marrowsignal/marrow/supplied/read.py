"""A marrow label map from a file, onto the T1 grid."""

from __future__ import annotations

from pathlib import Path

from marrowsignal.geometry.itk_bridge import read_label_volume
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry

__all__ = ["read_supplied_marrow"]


def read_supplied_marrow(path: Path, grid: VolumeGeometry) -> LabelVolume:
    """Read a marrow label map in patient space, any grid and slice order, onto `grid`.

    Raises
    ------
    MaskError
        If it cannot be read, holds no labels, or lies outside `grid`.
    """
    return read_label_volume(path, grid)
