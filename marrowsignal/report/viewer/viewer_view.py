"""Everything the viewer's template and script need, as texts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.report.pictures.figures import Crop, Window
from marrowsignal.report.pictures.key_slice import key_slice
from marrowsignal.report.pictures.orientation import DisplayOrientation, display_orientation, slice_position
from marrowsignal.report.viewer.layers import Layer, label_layers, pack_labels
from marrowsignal.report.viewer.packed_series import PackedSeries, Shown, pack_series
from marrowsignal.report.viewer.shown_series import ShownSeries, grey_note, shown_series
from marrowsignal.report.viewer.targets import Target, jump_targets
from marrowsignal.results.study_result import StudyResult

__all__ = ["VIEWER_SCRIPTS", "TargetGroup", "ViewerPane", "ViewerView", "viewer_view"]

VIEWER_SCRIPTS = (
    "viewer_data.js",
    "viewer_outline.js",
    "viewer_pane.js",
    "viewer_state.js",
    "viewer_controls.js",
    "viewer_pointer.js",
    "viewer_jumps.js",
    "viewer.js",
)
_BUDGET_BYTES = 6_200_000  # of the 10 MB of the page; the static pictures take up to 3.5
_MARGIN_MM = 6.0
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerPane:
    """One series in the viewer: its key, its name and title, and why its signal is not told voxel by voxel."""

    key: str
    name: str
    title: str
    caution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """Targets of one kind, under a title."""

    title: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerView:
    """The viewer as the template places it.

    Attributes
    ----------
    panes : tuple of ViewerPane
        T1, then STIR where there is one.
    slices : int
        How many.
    layers : tuple of Layer
        All that can be laid over them; those with a reason have nothing to show.
    groups : tuple of TargetGroup
        Where to jump.
    notes : tuple of str
        What a grey level stands for in each series.
    reduced : str
        That voxels were averaged so that the page stays small; empty where none were.
    data : Markup
        JSON of slices, labels and targets; escaped, so that no text in it can end its element.
    """

    panes: tuple[ViewerPane, ...]
    slices: int
    layers: tuple[Layer, ...]
    groups: tuple[TargetGroup, ...]
    notes: tuple[str, ...]
    reduced: str
    data: Markup


def viewer_view(result: StudyResult, *, budget_bytes: int = _BUDGET_BYTES) -> ViewerView:
    """Turn a study into what its viewer shows: every slice of both series and all that was found in them.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    budget_bytes : int
        What its slices may take; beyond it voxels are averaged in plane.
    """
    geometry = result.pair.t1.geometry
    orientation = display_orientation(geometry)
    layers = label_layers(result)
    drawn = tuple(layer for layer in layers if layer.array is not None)
    shown = Shown(orientation=orientation, crop=_crop(result.pair.body_mask, drawn, orientation))
    kinds, label_uris = pack_labels(drawn, shown)
    series = shown_series(result)
    left = budget_bytes - sum(map(len, label_uris))
    packed = pack_series(tuple(one.source for one in series), shown, budget_bytes=left)
    targets = jump_targets(result, layers, shown)
    content = {
        **_frame_content(geometry, shown),
        "start": key_slice(result).index,
        "series": [_series_content(*pair) for pair in zip(series, packed, strict=True)],
        "layers": [_layer_content(layer) for layer in drawn],
        "kinds": kinds,
        "labels": label_uris,
        "targets": [asdict(target) for target in targets],
    }
    return ViewerView(
        panes=tuple(ViewerPane(key=one.key, name=one.name, title=one.title, caution=one.untold) for one in series),
        slices=geometry.shape[0],
        layers=layers,
        groups=tuple(
            TargetGroup(title=title, targets=tuple(members))
            for title, members in groupby(targets, key=lambda target: target.group)
        ),
        notes=tuple(grey_note(*pair) for pair in zip(series, packed, strict=True)),
        reduced=_reduced(packed[0].factor),
        data=_escaped(content),
    )


def _reduced(factor: int) -> str:
    if factor == 1:
        return ""
    blocks = f"{factor} x {factor} voxels are averaged into one pixel"
    return f"To keep the page small {blocks} here; the files in images/ hold all."


def _crop(body: NDArray[np.bool_], drawn: tuple[Layer, ...], orientation: DisplayOrientation) -> Crop:
    """Crop to the body and whatever is drawn, with a margin; the whole slice where there is neither."""
    shadow = np.array(body.any(axis=0))
    for layer in drawn:
        if layer.array is not None:
            shadow |= layer.array.any(axis=0)
    turned = orientation.apply(shadow)
    limits = []
    for axis, pixel_mm in enumerate(orientation.pixel_mm):
        filled = np.flatnonzero(turned.any(axis=1 - axis))
        first, last = (int(filled[0]), int(filled[-1])) if filled.size else (0, turned.shape[axis] - 1)
        margin = round(_MARGIN_MM / pixel_mm)
        limits.append((max(first - margin, 0), min(last + 1 + margin, turned.shape[axis])))
    (top, bottom), (left, right) = limits
    return Crop(top=top, bottom=bottom, left=left, right=right)


def _frame_content(geometry: VolumeGeometry, shown: Shown) -> dict[str, Any]:
    orientation, crop, slices = shown.orientation, shown.crop, geometry.shape[0]
    return {
        "slices": slices,
        "rows": crop.bottom - crop.top,
        "columns": crop.right - crop.left,
        "pixel_mm": orientation.pixel_mm,
        "edges": (orientation.left, orientation.right, orientation.top, orientation.bottom),
        "positions": [slice_position(geometry, index, orientation.plane) for index in range(slices)],
        "to_patient_lps": _to_patient(geometry, shown),
    }


def _to_patient(geometry: VolumeGeometry, shown: Shown) -> list[list[float]]:
    """Return rows of the 3x4 matrix that takes (slice, shown row, shown column, 1) to the patient point."""
    rows, columns = np.indices(geometry.shape[1:])
    corners = [np.asarray(shown.apply(index))[np.ix_((0, 1), (0, 1))] for index in (rows, columns)]
    origin, down, right = (np.array([0, corners[0][at], corners[1][at]]) for at in ((0, 0), (1, 0), (0, 1)))
    start = geometry.to_patient(origin)
    axes = [np.asarray(geometry.directions_lps[:, 0]) * geometry.spacing_mm[0]]
    axes += [geometry.to_patient(point) - start for point in (down, right)]
    return [[_short(float(value)) for value in row] for row in np.column_stack([*axes, start])]


def _series_content(series: ShownSeries, packed: PackedSeries) -> dict[str, Any]:
    return {
        "key": series.key,
        "name": series.name,
        "title": series.title,
        "signals": [_short(float(value)) for value in packed.scale.signals],
        "window": _window_content(series.window),
        "marrow_window": None if series.marrow_window is None else _window_content(series.marrow_window),
        "muscle": None if series.muscle is None else _short(series.muscle),
        "muscle_reason": series.muscle_reason,
        "untold": series.untold,
        "factor": packed.factor,
        "uris": packed.uris,
    }


def _window_content(window: Window) -> tuple[float, float]:
    return _short(window.low), _short(window.high)


def _layer_content(layer: Layer) -> dict[str, Any]:
    labels = [asdict(label) for label in layer.labels]
    return {"key": layer.key, "title": layer.title, "on": layer.on, "numbered": layer.numbered, "labels": labels}


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _escaped(content: dict[str, Any]) -> Markup:
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    # All three letters occur in texts only, where JSON allows them by number.
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
