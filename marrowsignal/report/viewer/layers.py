"""What can be laid over the slices: label maps, their names and colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.intensity.records import ReferenceLabel
from marrowsignal.regions.records import Region, Side
from marrowsignal.report.pictures.line_colors import LINE_COLORS
from marrowsignal.report.pictures.png import grey_png_uri
from marrowsignal.report.viewer.packed_series import Shown
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["LabelArray", "Layer", "LayerLabel", "label_layers", "pack_labels"]

_SIDES = {Side.LEFT: "#6cb2f0", Side.RIGHT: "#f5a04b", Side.NONE: "#e8edf2"}
_TISSUES = (
    (ReferenceLabel.MUSCLE, "muscle reference", "muscle"),
    (ReferenceLabel.FAT, "fat reference", "fat"),
    (ReferenceLabel.NORMAL_MARROW, "own normal marrow", "normal"),
)

LabelArray = NDArray[np.uint16] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLabel:
    """One value of a layer: what it is called and how it is drawn."""

    value: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One label map over the slices.

    Attributes
    ----------
    key, title : str
        Identifier and words.
    array : ndarray of integer or bool, shape (slice, row, column), or None
        Labels on the T1 grid, 0 is nothing; None where nothing was looked for.
    labels : tuple of LayerLabel
        Its values.
    on : bool
        Whether it is shown from the start.
    numbered : bool
        Whether each of its values is marked by its number.
    absence, reason : str
        That there is nothing to show, in two or three words, and why; both empty where there is.
    """

    key: str
    title: str
    array: LabelArray | None
    labels: tuple[LayerLabel, ...]
    on: bool = False
    numbered: bool = False
    absence: str = ""
    reason: str = ""

    @property
    def colours(self) -> tuple[str, ...]:
        """Each colour once, in the order of the labels."""
        return tuple(dict.fromkeys(label.colour for label in self.labels))


def label_layers(result: StudyResult) -> tuple[Layer, ...]:
    """Gather the layers of a study, always the same ones in the same order.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    marrow, metal = result.marrow.labels.mask, result.pair.metal_mask
    layers = (
        _single("marrow", "Marrow", marrow, LINE_COLORS["marrow"], "none"),
        *_anatomy_layers(result),
        *_found_layers(result),
        _tissue_layer(result),
        _single("metal", "Near metal", metal, LINE_COLORS["metal"], _absence(metal)),
    )
    return tuple(_without_what_is_absent(layer) for layer in layers)


def _anatomy_layers(result: StudyResult) -> tuple[Layer, Layer]:
    regions, cells = result.regions, result.regions.part_labels
    return (
        Layer(
            key="region",
            title="Regions",
            array=regions.labels.array,
            labels=tuple(_region_label(region) for region in regions.regions),
            absence="none",
            reason="no region was told apart",
        ),
        Layer(
            key="part",
            title="Parts",
            array=None if cells is None else cells.array,
            labels=() if cells is None else _cell_labels(cells.names, regions.parts),
            absence="none",
            reason=regions.parts_reason or "no bone was divided",
        ),
    )


def _found_layers(result: StudyResult) -> tuple[Layer, Layer]:
    signals = result.signals
    return (
        Layer(
            key="lesion",
            title="Lesions",
            array=None if signals.lesion_labels is None else signals.lesion_labels.array,
            labels=_found_labels(signals.lesions, "lesion", LINE_COLORS["lesion"]),
            on=True,
            numbered=True,
            absence=_absence(signals.lesions),
            reason=signals.lesions_reason or _absence(signals.lesions),
        ),
        Layer(
            key="dark",
            title="Dark foci",
            array=None if signals.dark_labels is None else signals.dark_labels.array,
            labels=_found_labels(signals.dark_foci, "dark focus", LINE_COLORS["dark"]),
            numbered=True,
            absence=_absence(signals.dark_foci),
            reason=_absence(signals.dark_foci),
        ),
    )


def _tissue_layer(result: StudyResult) -> Layer:
    return Layer(
        key="tissue",
        title="References",
        array=result.references.labels.array,
        labels=tuple(LayerLabel(value=value, name=name, colour=LINE_COLORS[kind]) for value, name, kind in _TISSUES),
        absence="none found",
        reason="no reference tissue was found",
    )


def pack_labels(layers: tuple[Layer, ...], shown: Shown) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
    """Join all layers into one picture a slice.

    Parameters
    ----------
    layers : tuple of Layer
        Layers with something to show.
    shown : Shown
        How slices are shown.

    Returns
    -------
    kinds : tuple of tuple of int
        For each value of the joined map the value of every layer; the first is all 0.
    uris : tuple of str
        One PNG a slice, twice as high as the slice: the low bytes of the joined map above their high bytes.
    """
    arrays = [layer.array for layer in layers if layer.array is not None]
    if not arrays:
        return ((),), ()
    kinds, joined = _joined(arrays)
    uris = []
    for plane in joined:
        turned = np.asarray(shown.apply(plane))
        uris.append(grey_png_uri(np.vstack([turned & 255, turned >> 8]).astype(np.uint8)))
    return kinds, tuple(uris)


def _joined(arrays: list[LabelArray]) -> tuple[tuple[tuple[int, ...], ...], NDArray[np.uint16]]:
    anything = np.zeros(arrays[0].shape, bool)
    for array in arrays:
        anything |= array > 0
    sizes = [int(array.max()) + 1 for array in arrays]
    kind = np.zeros(int(anything.sum()), np.int64)
    for array, size in zip(arrays, sizes, strict=True):
        kind = kind * size + array[anything].astype(np.int64)
    values, place, counts = np.unique(kind, return_inverse=True, return_counts=True)
    common_first = np.argsort(-counts, kind="stable")  # so that high bytes are mostly 0
    rank = np.empty_like(common_first)
    rank[common_first] = np.arange(1, values.size + 1)
    joined = np.zeros(anything.shape, np.uint16)
    joined[anything] = rank[place.ravel()]
    parts = [np.zeros_like(values)] * len(sizes)
    rest = values[common_first]
    for index in range(len(sizes) - 1, -1, -1):
        parts[index] = rest % sizes[index]
        rest = rest // sizes[index]
    rows = zip(*(part.tolist() for part in parts), strict=True)
    return ((0,) * len(sizes), *(tuple(row) for row in rows)), joined


def _single(key: str, title: str, mask: NDArray[np.bool_] | None, colour: str, absence: str) -> Layer:
    return Layer(
        key=key,
        title=title,
        array=mask,
        labels=(LayerLabel(value=1, name=title.lower(), colour=colour),),
        on=key == "marrow",
        absence=absence,
        reason=absence,
    )


def _without_what_is_absent(layer: Layer) -> Layer:
    empty = layer.array is None or not layer.labels or not layer.array.any()
    return replace(layer, array=None, labels=()) if empty else replace(layer, absence="", reason="")


def _absence(sought: object | None) -> str:
    return "not looked for" if sought is None else "none found"


def _region_label(region: Region) -> LayerLabel:
    return LayerLabel(value=region.label, name=region.name, colour=_SIDES[region.side])


def _cell_labels(names: tuple[tuple[int, str], ...], parts: tuple[Region, ...]) -> tuple[LayerLabel, ...]:
    sides = {cell: part.side for part in parts for cell in part.cells}
    return tuple(
        LayerLabel(value=value, name=name, colour=_SIDES[sides.get(value, Side.NONE)]) for value, name in names
    )


def _found_labels(found: tuple[Lesion, ...] | None, word: str, colour: str) -> tuple[LayerLabel, ...]:
    return tuple(LayerLabel(value=one.label, name=f"{word} {one.label}", colour=colour) for one in found or ())
