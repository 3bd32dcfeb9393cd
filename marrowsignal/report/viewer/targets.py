"""Where a reader can jump to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.report.pictures.slices import fullest_slice
from marrowsignal.report.viewer.layers import LabelArray, Layer
from marrowsignal.report.viewer.packed_series import Shown
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["Target", "jump_targets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place to jump to.

    Attributes
    ----------
    key : str
        As in ``data-jump``, for example ``"lesion-3"``.
    group, name : str
        Words.
    layer : str
        Key of the layer it is drawn in.
    values : tuple of int
        Its values there.
    slice_index, row, column : int
        A voxel inside it, on the slice that holds most of it; row and column as shown.
    first_slice, last_slice : int
        Slices that hold it, counted from 0.
    """

    key: str
    group: str
    name: str
    layer: str
    values: tuple[int, ...]
    slice_index: int
    row: int
    column: int
    first_slice: int
    last_slice: int


def jump_targets(result: StudyResult, layers: tuple[Layer, ...], shown: Shown) -> tuple[Target, ...]:
    """Find lesions, dark foci, regions and parts on the slices; what has no voxel there is left out.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    layers : tuple of Layer
        Its layers.
    shown : Shown
        How slices are shown.
    """
    arrays = {layer.key: layer.array for layer in layers if layer.array is not None}
    regions = result.regions
    wanted = (
        *_found("lesion", "Lesions", "lesion", result.signals.lesions),
        *_found("dark", "Dark foci", "dark focus", result.signals.dark_foci),
        *(("region", "Regions", region.label, region.name, (region.label,)) for region in regions.regions),
        *(("part", "Parts of bones", part.label, part.name, part.cells) for part in regions.parts),
    )
    return tuple(_targets(wanted, arrays, shown))


_Wanted = tuple[str, str, int, str, tuple[int, ...]]


def _found(layer: str, group: str, word: str, found: tuple[Lesion, ...] | None) -> Iterator[_Wanted]:
    for one in found or ():
        yield layer, group, one.label, f"{word} {one.label}, {one.region_name}", (one.label,)


def _targets(wanted: Iterable[_Wanted], arrays: dict[str, LabelArray], shown: Shown) -> Iterator[Target]:
    boxes: dict[str, dict[int, tuple[slice, ...]]] = {key: _boxes(array) for key, array in arrays.items()}
    for layer, group, label, name, values in wanted:
        here = [boxes[layer][value] for value in values if value in boxes.get(layer, {})]
        if not here:
            continue
        first, last = min(box[0].start for box in here), max(box[0].stop for box in here)
        inside = np.isin(arrays[layer][first:last], values)
        index = fullest_slice(inside)
        row, column = _middle(np.asarray(shown.apply(inside[index]), bool), shown)
        yield Target(
            key=f"{layer}-{label}",
            group=group,
            name=name,
            layer=layer,
            values=values,
            slice_index=first + index,
            row=row,
            column=column,
            first_slice=first,
            last_slice=last - 1,
        )


def _boxes(array: LabelArray) -> dict[int, tuple[slice, ...]]:
    from scipy import ndimage  # noqa: PLC0415  (`marrowsignal --help` must not wait for it)

    found = ndimage.find_objects(array.astype(np.int32))
    return {value: box for value, box in enumerate(found, 1) if box is not None}


def _middle(plane: NDArray[np.bool_], shown: Shown) -> tuple[int, int]:
    """Return the pixel of a shown mask nearest to the mask's centre: the centre itself may lie outside."""
    pixels = np.argwhere(plane)
    away = (pixels - pixels.mean(axis=0)) * np.asarray(shown.orientation.pixel_mm)
    row, column = pixels[int(np.argmin((away**2).sum(axis=1)))]
    return int(row), int(column)
