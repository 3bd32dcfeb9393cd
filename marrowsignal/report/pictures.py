"""The pictures of a page: slices with outlines, the registration check, the reference tissues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.report import figures as fig
from marrowsignal.report.orientation import DisplayOrientation, display_orientation, slice_position
from marrowsignal.report.slices import SliceChoice, choose_slices, fullest_slice
from marrowsignal.results.study_result import StudyResult

__all__ = ["Panel", "Picture", "Pictures", "build_pictures"]

_TILE_MM = 20.0
_SHORT_EDGE_MM = 40.0
_EDGE_SMOOTHING_PX = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One view of one slice.

    Attributes
    ----------
    title, alt : str
        What is shown.
    image_id : str
        Identifier of the grey image; two panels of one slice share it.
    uri : str
        The image, given by the first panel that uses `image_id`; empty in the others.
    outlines : tuple of Outline
        Lines over it.
    tags : tuple of Tag
        Numbers over it.
    """

    title: str
    alt: str
    image_id: str
    uri: str = ""
    outlines: tuple[fig.Outline, ...] = ()
    tags: tuple[fig.Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Panels of one slice that share a frame."""

    heading: str
    frame: fig.Frame
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """All pictures of a page."""

    plane: str
    slices: tuple[Picture, ...]
    registration: Picture | None
    references: Picture
    edge_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """One series of the page: T1 first, then STIR where there is one."""

    key: str
    name: str
    title: str
    volume: SignalVolume
    window: fig.Window


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    result: StudyResult
    orientation: DisplayOrientation
    lesions: NDArray[np.uint16]
    shown: tuple[_Shown, ...]

    def levels(self, index: int) -> tuple[NDArray[np.uint8], ...]:
        return tuple(
            fig.grey_levels(self.orientation.apply(series.volume.array[index]), series.window) for series in self.shown
        )

    def heading(self, index: int, why: str) -> str:
        geometry = self.result.pair.t1.geometry
        where = slice_position(geometry, index, self.orientation.plane)
        return f"Slice {index + 1} of {geometry.shape[0]}, {where}: {why}"


def build_pictures(result: StudyResult) -> Pictures:
    """Make every picture of a page.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    pair = result.pair
    marrow = result.marrow.labels.mask
    lesions = result.signals.lesion_labels
    scene = _Scene(
        result=result,
        orientation=display_orientation(pair.t1.geometry),
        lesions=np.zeros(marrow.shape, np.uint16) if lesions is None else lesions.array,
        shown=_shown_series(pair, marrow),
    )
    crop = fig.crop_around(marrow if marrow.any() else pair.body_mask, scene.orientation)
    choices = choose_slices(marrow, scene.lesions)
    return Pictures(
        plane=result.series.t1.orientation,
        slices=tuple(_slice_picture(scene, choice, crop) for choice in choices),
        registration=None if pair.stir is None else _registration_picture(scene, fullest_slice(marrow), crop),
        references=_reference_picture(scene),
        edge_words=_edge_level(scene)[1],
    )


def _shown_series(pair: AlignedPair, marrow: NDArray[np.bool_]) -> tuple[_Shown, ...]:
    seen = pair.body_mask & pair.covered_mask
    return tuple(
        _Shown(key=key, name=name, title=title, volume=volume, window=fig.body_window(volume.array, where, marrow))
        for key, name, title, volume, where in (
            ("t1", "T1", "T1", pair.t1, pair.body_mask),
            ("stir", "STIR", "STIR on T1", pair.stir, seen),
        )
        if volume is not None
    )


def _slice_picture(scene: _Scene, choice: SliceChoice, crop: fig.Crop) -> Picture:
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


def _slice_outlines(scene: _Scene, index: int, crop: fig.Crop) -> tuple[tuple[fig.Outline, ...], tuple[fig.Tag, ...]]:
    result, orientation = scene.result, scene.orientation
    lesions = scene.lesions[index]
    midline = result.regions.midline
    outlines = (
        fig.Outline(
            kind="midline",
            path=fig.midline_path(midline, result, index, (orientation, crop)) if midline else "",
        ),
        fig.Outline(kind="marrow", path=fig.contour_path(result.marrow.labels.mask[index], orientation, crop)),
        fig.Outline(kind="lesion", path=fig.contour_path(lesions > 0, orientation, crop)),
    )
    return tuple(line for line in outlines if line.path), fig.lesion_tags(lesions, orientation, crop)


def _registration_picture(scene: _Scene, index: int, crop: fig.Crop) -> Picture:
    orientation = scene.orientation
    t1, stir = scene.levels(index)
    edge = fig.Outline(kind="edge", path=_t1_edges(scene, index, crop))
    return Picture(
        heading=scene.heading(index, "the most marrow in one slice"),
        frame=fig.frame_of(orientation, crop),
        panels=(
            Panel(
                title="T1 with its own edges",
                alt="T1 with the border between dark and bright tissue drawn",
                image_id="registration-t1",
                uri=fig.image_uri(t1, crop),
                outlines=(edge,),
            ),
            Panel(
                title="STIR with the edges of T1",
                alt="STIR with the borders found on T1 drawn over it",
                image_id="registration-stir",
                uri=fig.image_uri(stir, crop),
                outlines=(edge,),
            ),
            Panel(
                title="Checkerboard of T1 and STIR",
                alt="Squares of T1 and STIR in turn; borders should run on from square to square",
                image_id="registration-board",
                uri=fig.image_uri(_checkerboard(t1, stir, orientation), crop),
            ),
        ),
    )


def _edge_level(scene: _Scene) -> tuple[float, str]:
    references, window = scene.result.references, scene.shown[0].window
    muscle, fat = references.muscle.t1, references.fat.t1
    if muscle is None or fat is None:
        return (window.low + window.high) / 2, "the middle grey; muscle or fat was not found"
    return (muscle + fat) / 2, "the level halfway between muscle and fat"


def _t1_edges(scene: _Scene, index: int, crop: fig.Crop) -> str:
    smooth = gaussian_filter(scene.result.pair.t1.array[index].astype(np.float64), _EDGE_SMOOTHING_PX)
    shown_as = (scene.orientation, crop)
    return fig.level_path(smooth, _edge_level(scene)[0], shown_as, min_mm=_SHORT_EDGE_MM)


def _checkerboard(t1: NDArray[np.uint8], stir: NDArray[np.uint8], orientation: DisplayOrientation) -> NDArray[np.uint8]:
    tall, wide = (max(round(_TILE_MM / size), 1) for size in orientation.pixel_mm)
    rows, columns = np.indices(t1.shape)
    return np.where((rows // tall + columns // wide) % 2 == 0, t1, stir)


def _reference_picture(scene: _Scene) -> Picture:
    result, orientation = scene.result, scene.orientation
    labels = result.references.labels.array
    kinds = ((1, "muscle"), (2, "fat"), (3, "normal"))
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
