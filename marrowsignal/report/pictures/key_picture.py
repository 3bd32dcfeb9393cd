"""The key picture: T1 and STIR side by side on the key slice, with what decided outlined."""

from __future__ import annotations

import numpy as np

from marrowsignal.report.pictures import figures as fig
from marrowsignal.report.pictures.key_slice import KeySlice, target_mask
from marrowsignal.report.pictures.scene import Panel, Picture, Scene

__all__ = ["key_picture"]

_TISSUES = {"muscle": 1, "fat": 2}


def key_picture(scene: Scene, key: KeySlice, crop: fig.Crop) -> Picture:
    """Draw the key slice of each series with marrow thin, what decided thick and other lesions by their numbers.

    Parameters
    ----------
    scene : Scene
        What the pictures of a study are drawn from.
    key : KeySlice
        Which slice, and what on it.
    crop : Crop
        That of all slices; where a reference tissue decided the whole body is shown instead.
    """
    orientation = scene.orientation
    tissue = _TISSUES.get(key.kind)
    shown = fig.crop_around(scene.result.pair.body_mask, orientation) if tissue else crop
    outlines = _tissue_outline(scene, key, shown) if tissue else _outlines(scene, key, shown)
    tags = () if tissue else fig.lesion_tags(scene.lesions[key.index], orientation, shown)
    # The slices below show the same crop and share its images; the whole body has images of its own.
    prefix = "key-" if tissue else ""
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


def _outlines(scene: Scene, key: KeySlice, crop: fig.Crop) -> tuple[fig.Outline, ...]:
    index, orientation = key.index, scene.orientation
    masks = [mask[index] for target in key.outlined if (mask := target_mask(scene.result, target)) is not None]
    decided = np.logical_or.reduce([np.zeros(scene.lesions.shape[1:], bool), *masks])
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
    inside = scene.result.references.labels.array[key.index] == _TISSUES[key.kind]
    path = fig.contour_path(inside, scene.orientation, crop)
    return (fig.Outline(kind=key.kind, path=path),) if path else ()
