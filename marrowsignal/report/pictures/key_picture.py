"""The key picture: T1 and STIR side by side on the key slice, with what decided outlined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.report.pictures import figures as fig
from marrowsignal.report.pictures.key_slice import TISSUES, KeySlice, target_mask
from marrowsignal.report.pictures.scene import Panel, Picture, Scene

__all__ = ["key_picture"]

_TALL = 1.2  # height over width from which a picture leaves too little room beside it


def key_picture(scene: Scene, key: KeySlice, crop: fig.Crop) -> Picture:
    """Draw the key slice of each series with marrow thin, what decided thick and other lesions by their numbers.

    Parameters
    ----------
    scene : Scene
        What the pictures of a study are drawn from.
    key : KeySlice
        Which slice, and what on it.
    crop : Crop
        That of all slices. Where a reference tissue decided the whole body is shown instead; of a spine the part
        around what decided.
    """
    orientation = scene.orientation
    tissue = TISSUES.get(key.kind)
    shown = fig.crop_around(scene.result.pair.body_mask, orientation) if tissue else _nearer(scene, key, crop)
    outlines = _tissue_outline(scene, key, shown) if tissue else _outlines(scene, key, shown)
    tags = () if tissue else fig.lesion_tags(scene.lesions[key.index], orientation, shown)
    # The slices below show the same crop and share its images; another part has images of its own.
    prefix = "" if shown == crop else "key-"
    return Picture(
        heading=scene.heading(key.index, key.reason),
        frame=fig.frame_of(orientation, shown),
        panels=tuple(
            Panel(
                title=series.title,
                alt=f"{series.name}, slice {key.index + 1}: {key.reason}, outlined",
                image_id=f"{prefix}{series.key}-{key.index}",
                uri=fig.image_uri(levels, shown),
                outlines=outlines,
                tags=tags,
            )
            for series, levels in zip(scene.shown, scene.levels(key.index), strict=True)
        ),
    )


def _nearer(scene: Scene, key: KeySlice, crop: fig.Crop) -> fig.Crop:
    """Cut a tall picture to the part around what is outlined, so that it is seen at a useful size."""
    down_mm, across_mm = scene.orientation.pixel_mm
    rows, tall = crop.bottom - crop.top, _TALL * (crop.right - crop.left) * across_mm / down_mm
    decided = np.flatnonzero(scene.orientation.apply(_decided(scene, key)).any(axis=1))
    if rows <= tall or decided.size == 0:
        return crop
    high = max(round(tall), int(decided[-1] - decided[0]) + 1)
    top = min(max(round((decided[0] + decided[-1] - high) / 2), crop.top), max(crop.bottom - high, crop.top))
    return replace(crop, top=top, bottom=min(top + high, crop.bottom))


def _decided(scene: Scene, key: KeySlice) -> NDArray[np.bool_]:
    nothing = np.zeros(scene.lesions.shape[1:], bool)
    masks = (target_mask(scene.result, target) for target in key.outlined)
    return np.asarray(np.any([nothing, *(mask[key.index] for mask in masks if mask is not None)], axis=0), bool)


def _outlines(scene: Scene, key: KeySlice, crop: fig.Crop) -> tuple[fig.Outline, ...]:
    index, orientation = key.index, scene.orientation
    decided = _decided(scene, key)
    kind = {"lesion": "lesion", "dark": "dark"}.get(key.kind, "region")
    lesions = scene.lesions[index] > 0
    # A lesion inside the region that decided keeps its own outline.
    others = lesions & ~decided if kind == "lesion" else lesions
    drawn = (
        ("marrow", scene.result.marrow.labels.mask[index]),
        ("lesion-other", others),
        (kind, decided),
    )
    outlines = (fig.Outline(kind=k, path=fig.contour_path(mask, orientation, crop)) for k, mask in drawn)
    return tuple(line for line in outlines if line.path)


def _tissue_outline(scene: Scene, key: KeySlice, crop: fig.Crop) -> tuple[fig.Outline, ...]:
    inside = scene.result.references.labels.array[key.index] == TISSUES[key.kind]
    path = fig.contour_path(inside, scene.orientation, crop)
    return (fig.Outline(kind=key.kind, path=path),) if path else ()
