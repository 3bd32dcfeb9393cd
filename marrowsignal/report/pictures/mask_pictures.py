"""Pictures of the marrow mask: T1 with the outline of the mask and of the core that is measured."""

from __future__ import annotations

import numpy as np

from marrowsignal.report.pictures import figures as fig
from marrowsignal.report.pictures.scene import Panel, Picture, Scene

__all__ = ["mask_picture"]

_SHOWN = 3
_FROM_END = 0.2  # of the slices with marrow: nearer to an end little of a bone is left


def mask_picture(scene: Scene, crop: fig.Crop) -> Picture | None:
    """Show T1 slices spread over the mask with its outline and that of its core; None without a mask.

    Parameters
    ----------
    scene : Scene
        What the pictures of a study are drawn from.
    crop : Crop
        That of all slices.
    """
    marrow = scene.result.marrow
    filled = np.flatnonzero(marrow.labels.mask.any(axis=(1, 2)))
    if filled.size == 0:
        return None
    places = np.linspace(_FROM_END, 1 - _FROM_END, _SHOWN) * (filled.size - 1)
    chosen = np.unique(filled[np.round(places).astype(int)])
    return Picture(
        heading="Slices spread over the mask",
        frame=fig.frame_of(scene.orientation, crop),
        panels=tuple(_panel(scene, int(index), crop) for index in chosen),
    )


def _panel(scene: Scene, index: int, crop: fig.Crop) -> Panel:
    marrow, orientation = scene.result.marrow, scene.orientation
    lines = (
        fig.Outline(kind="marrow", path=fig.contour_path(marrow.labels.mask[index], orientation, crop)),
        fig.Outline(kind="core", path=fig.contour_path(marrow.core_mask[index], orientation, crop)),
    )
    return Panel(
        title=f"T1, slice {index + 1}",
        alt=f"T1, slice {index + 1}, with the marrow mask and its core outlined",
        image_id=f"mask-{index}",
        uri=fig.image_uri(scene.levels(index)[0], crop),
        outlines=tuple(line for line in lines if line.path),
    )
