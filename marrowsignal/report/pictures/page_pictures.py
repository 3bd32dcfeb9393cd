"""The pictures of a page: slices with outlines, the registration check, the reference tissues."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from marrowsignal.intensity.records import ReferenceLabel
from marrowsignal.report.pictures import figures as fig
from marrowsignal.report.pictures.key_picture import key_picture
from marrowsignal.report.pictures.key_slice import key_slice
from marrowsignal.report.pictures.mask_pictures import mask_picture
from marrowsignal.report.pictures.registration_pictures import RegistrationPicture, registration_picture
from marrowsignal.report.pictures.scene import Panel, Picture, Scene, scene_of
from marrowsignal.report.pictures.slices import SliceChoice, choose_slices, fullest_slice
from marrowsignal.results.study_result import StudyResult

__all__ = ["Pictures", "build_pictures"]

_CHECKED_SLICES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """All pictures of a page; `registration` is empty without a STIR series, `mask` is None without a mask."""

    plane: str
    key: Picture
    slices: tuple[Picture, ...]
    mask: Picture | None
    registration: tuple[RegistrationPicture, ...]
    references: Picture

    @property
    def key_kinds(self) -> tuple[str, ...]:
        """Kinds of lines in the key picture, for its legend."""
        return _kinds((self.key,))

    @property
    def slice_kinds(self) -> tuple[str, ...]:
        """Kinds of lines in the slices, for their legend."""
        return _kinds(self.slices)


def _kinds(pictures: tuple[Picture, ...]) -> tuple[str, ...]:
    lines = (line for picture in pictures for panel in picture.panels for line in panel.outlines)
    return tuple(dict.fromkeys(line.kind for line in lines))


def build_pictures(result: StudyResult) -> Pictures:
    """Make every picture of a page.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    scene = scene_of(result)
    marrow, body = result.marrow.labels.mask, result.pair.body_mask
    crop = fig.crop_around(marrow if marrow.any() else body, scene.orientation)
    choices = choose_slices(marrow, scene.lesions)
    # The registration is checked where lesions are read, on the same grey images.
    checked = () if result.pair.stir is None else choices[:_CHECKED_SLICES]
    first = key_picture(scene, key_slice(result), crop)
    return Pictures(
        plane=result.series.t1.orientation,
        key=first,
        slices=tuple(_without(first, _slice_picture(scene, choice, crop)) for choice in choices),
        mask=mask_picture(scene, crop),
        registration=tuple(registration_picture(scene, choice, crop) for choice in checked),
        references=_reference_picture(scene),
    )


def _slice_picture(scene: Scene, choice: SliceChoice, crop: fig.Crop) -> Picture:
    index = choice.index
    outlines, tags = _slice_outlines(scene, index, crop)
    lined = ", with marrow, lesions and midline outlined"
    where = f"slice {index + 1}"
    plain = tuple(
        Panel(
            title=series.title,
            alt=f"{series.name}, {where}",
            image_id=f"{series.key}-{index}",
            uri=fig.image_uri(levels, crop),
        )
        for series, levels in zip(scene.shown, scene.levels(index), strict=True)
    )
    outlined = tuple(
        Panel(
            title=f"{series.title}, outlined",
            alt=f"{series.name}, {where}{lined}",
            image_id=f"{series.key}-{index}",
            outlines=outlines,
            tags=tags,
        )
        for series in scene.shown
    )
    return Picture(
        heading=scene.heading(index, choice.reason),
        frame=fig.frame_of(scene.orientation, crop),
        panels=(*plain, *outlined),
    )


def _without(first: Picture, later: Picture) -> Picture:
    """Return a picture whose grey images that an earlier one holds are not given again."""
    given = {panel.image_id for panel in first.panels}
    panels = (replace(panel, uri="") if panel.image_id in given else panel for panel in later.panels)
    return replace(later, panels=tuple(panels))


def _slice_outlines(scene: Scene, index: int, crop: fig.Crop) -> tuple[tuple[fig.Outline, ...], tuple[fig.Tag, ...]]:
    result, orientation = scene.result, scene.orientation
    lesions = scene.lesions[index]
    midline, metal = result.regions.midline, result.pair.metal_mask
    near_metal = np.zeros(lesions.shape, bool) if metal is None else metal[index]
    seen = fig.inside(orientation.apply(near_metal), crop).any()
    outlines = (
        fig.Outline(
            kind="midline",
            path=fig.midline_path(midline, result, index, (orientation, crop)) if midline else "",
        ),
        fig.Outline(kind="marrow", path=fig.contour_path(result.marrow.labels.mask[index], orientation, crop)),
        fig.Outline(kind="lesion", path=fig.contour_path(lesions > 0, orientation, crop)),
        fig.Outline(kind="metal", path=fig.contour_path(near_metal, orientation, crop) if seen else ""),
    )
    return tuple(line for line in outlines if line.path), fig.lesion_tags(lesions, orientation, crop)


def _reference_picture(scene: Scene) -> Picture:
    result, orientation = scene.result, scene.orientation
    labels = result.references.labels.array
    kinds = tuple(zip(ReferenceLabel, ("muscle", "fat", "normal"), strict=True))
    shares = np.zeros(labels.shape[0])
    for label, _ in kinds:
        area = (labels == label).sum(axis=(1, 2))
        shares += area / max(int(area.sum()), 1)
    index = int(np.argmax(shares)) if labels.any() else fullest_slice(result.marrow.labels.mask)
    crop = fig.crop_around(result.pair.body_mask, orientation)
    outlines = tuple(
        fig.Outline(kind=kind, path=fig.contour_path(labels[index] == label, orientation, crop))
        for label, kind in kinds
    )
    drawn = tuple(line for line in outlines if line.path)
    words = "with muscle, fat and normal marrow outlined where they were measured"
    return Picture(
        heading=scene.heading(index, "where most of the reference tissue lies"),
        frame=fig.frame_of(orientation, crop),
        panels=tuple(
            Panel(
                title=series.title,
                alt=f"{series.name} {words}",
                image_id=f"reference-{series.key}",
                uri=fig.image_uri(levels, crop),
                outlines=drawn,
            )
            for series, levels in zip(scene.shown, scene.levels(index), strict=True)
        ),
    )
