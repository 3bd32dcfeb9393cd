"""Slices as the page shows them: one grey image each, with outlines as vectors in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import find_contours

from marrowsignal.regions.records import Midline
from marrowsignal.report.pictures.orientation import DisplayOrientation
from marrowsignal.report.pictures.png import grey_png_uri
from marrowsignal.report.pictures.simplified_lines import simplified_lines
from marrowsignal.results.study_result import StudyResult

__all__ = [
    "Crop",
    "Frame",
    "Outline",
    "Tag",
    "Window",
    "body_window",
    "contour_path",
    "crop_around",
    "frame_of",
    "grey_levels",
    "image_uri",
    "inside",
    "lesion_tags",
    "midline_path",
    "zero_path",
]

_WINDOW_PERCENTILES = (1.0, 99.0)
_ENOUGH_VALUES = 200_000  # for percentiles that no eye can tell from those of all
_MOST_PIXELS = 512  # of a side
_MARGIN = 0.12  # of the shown structure's size, on each side
_SIMPLIFY_PX = 0.15
_SCALE_BARS_MM = (100, 50, 20, 10, 5)
_SCALE_BAR_SHARE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Signal shown as black and as white."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Part of a displayed slice, in displayed pixels: rows top to bottom, columns left to right."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds a picture: its size in mm, the edge letters and the scale bar."""

    width_mm: float
    height_mm: float
    left: str
    right: str
    top: str
    bottom: str
    scale_bar_mm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Lines of one kind: `kind` is ``marrow``, ``lesion``, ``midline``, ``metal``, ``edge`` or a tissue."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A short text in the picture."""

    x: float
    y: float
    text: str


def body_window(array: NDArray[np.float32], body_mask: NDArray[np.bool_], marrow_mask: NDArray[np.bool_]) -> Window:
    """Window from the 1st to the 99th percentile of the body, wider if bright marrow asks for it."""
    low, high = _percentiles(array[body_mask] if body_mask.any() else array.ravel())
    if (marrow := marrow_mask & body_mask).any():
        high = max(high, _percentiles(array[marrow])[1])
    return Window(low=low, high=max(high, low + 1e-6))


def _percentiles(values: NDArray[np.float32]) -> tuple[float, float]:
    some = values[:: max(values.size // _ENOUGH_VALUES, 1)]
    finite = some[np.isfinite(some)].astype(np.float64)
    low, high = np.percentile(finite, _WINDOW_PERCENTILES) if finite.size else (0.0, 1.0)
    return float(low), float(high)


def grey_levels(plane: NDArray[np.float32], window: Window) -> NDArray[np.uint8]:
    """Signal of a slice as grey levels."""
    scaled = (np.nan_to_num(plane.astype(np.float64)) - window.low) / (window.high - window.low)
    return np.asarray(np.round(np.clip(scaled, 0, 1) * 255), dtype=np.uint8)


def image_uri(shown: NDArray[np.uint8], crop: Crop) -> str:
    """Return a displayed slice, cropped, as a ``data:`` URI; averaged where it has more pixels than the page shows."""
    part = np.ascontiguousarray(shown[crop.top : crop.bottom, crop.left : crop.right])
    share = _MOST_PIXELS / max(part.shape)
    if share < 1:
        size = [max(round(side * share), 1) for side in reversed(part.shape)]
        part = np.asarray(Image.fromarray(part).resize((size[0], size[1]), Image.Resampling.BOX))
    return grey_png_uri(part)


def crop_around(mask: NDArray[np.bool_], orientation: DisplayOrientation) -> Crop:
    """Return the crop that shows a stored 3-D mask in every slice, with some of what is around it."""
    shadow = orientation.apply(np.asarray(mask.any(axis=0)))
    rows, columns = np.flatnonzero(shadow.any(axis=1)), np.flatnonzero(shadow.any(axis=0))
    if rows.size == 0:
        return Crop(top=0, bottom=shadow.shape[0], left=0, right=shadow.shape[1])
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    tall, wide = round((bottom - top) * _MARGIN) + 1, round((right - left) * _MARGIN) + 1
    return Crop(
        top=max(top - tall, 0),
        bottom=min(bottom + tall, shadow.shape[0]),
        left=max(left - wide, 0),
        right=min(right + wide, shadow.shape[1]),
    )


def inside(shown_mask: NDArray[np.bool_], crop: Crop) -> NDArray[np.bool_]:
    """Return a displayed mask without what lies outside the crop."""
    kept = np.zeros_like(shown_mask)
    part = np.s_[crop.top : crop.bottom, crop.left : crop.right]
    kept[part] = shown_mask[part]
    return kept


def frame_of(orientation: DisplayOrientation, crop: Crop) -> Frame:
    """Frame of a cropped slice."""
    height = (crop.bottom - crop.top) * orientation.pixel_mm[0]
    width = (crop.right - crop.left) * orientation.pixel_mm[1]
    return Frame(
        width_mm=round(width, 2),
        height_mm=round(height, 2),
        left=orientation.left,
        right=orientation.right,
        top=orientation.top,
        bottom=orientation.bottom,
        scale_bar_mm=next((bar for bar in _SCALE_BARS_MM if bar <= width * _SCALE_BAR_SHARE), 1),
    )


def contour_path(mask: NDArray[np.bool_], orientation: DisplayOrientation, crop: Crop) -> str:
    """SVG path around a stored 2-D mask, in mm of the frame."""
    if not mask.any():
        return ""
    shown = orientation.apply(mask)
    part = _box(shown)
    start = np.array([part[0].start - 1, part[1].start - 1])
    lines = find_contours(np.pad(shown[part], 1).astype(np.float64), 0.5)
    return _path([line + start for line in lines], orientation, crop)


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def zero_path(
    shown: NDArray[np.float64],
    shown_as: tuple[DisplayOrientation, Crop],
    *,
    where: NDArray[np.bool_] | None = None,
    min_mm: float = 0.0,
) -> str:
    """SVG path along the zeros of a displayed slice, inside `where`; lines shorter than `min_mm` are left out."""
    orientation, crop = shown_as
    inside = np.ones(shown.shape, bool) if where is None else where
    part = _box(inside)
    if min(shown[part].shape) < 2:
        return ""
    start = np.array([part[0].start, part[1].start])
    lines = find_contours(shown[part], 0.0, mask=inside[part])
    scale = np.asarray(orientation.pixel_mm)
    long = [line + start for line in lines if np.linalg.norm(np.diff(line * scale, axis=0), axis=1).sum() >= min_mm]
    return _path(long, orientation, crop)


def midline_path(midline: Midline, result: StudyResult, index: int, shown_as: tuple[DisplayOrientation, Crop]) -> str:
    """SVG path where the mid-sagittal plane cuts a slice; empty when it does not."""
    geometry = result.pair.t1.geometry
    rows, columns = np.indices(geometry.shape[1:])
    points = geometry.to_patient(np.stack([np.full_like(rows, index), rows, columns], axis=-1))
    distance = points @ np.asarray(midline.normal_lps) - midline.offset_mm
    return zero_path(shown_as[0].apply(distance), shown_as)


def lesion_tags(labels: NDArray[np.uint16], orientation: DisplayOrientation, crop: Crop) -> tuple[Tag, ...]:
    """Return the number of each lesion of a stored slice, right of it."""
    shown = orientation.apply(labels)
    tags = []
    for label in np.unique(shown[shown > 0]):
        rows, columns = np.nonzero(shown == label)
        x = (float(columns.max()) + 2 - crop.left) * orientation.pixel_mm[1]
        y = (float(rows.mean()) + 0.5 - crop.top) * orientation.pixel_mm[0]
        tags.append(Tag(x=round(x, 1), y=round(y, 1), text=str(int(label))))
    return tuple(tags)


def _path(lines: list[NDArray[np.float64]], orientation: DisplayOrientation, crop: Crop) -> str:
    height, width = orientation.pixel_mm
    parts = []
    for points in simplified_lines(lines, tolerance=_SIMPLIFY_PX):
        xs = (points[:, 1] + 0.5 - crop.left) * width
        ys = (points[:, 0] + 0.5 - crop.top) * height
        parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True)))
    return "".join(parts)
