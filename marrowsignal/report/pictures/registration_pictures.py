"""Pictures for the eye that judges a registration: T1 with the edges of STIR, and both in one frame by turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.report.pictures import figures as fig
from marrowsignal.report.pictures.scene import Panel, Scene
from marrowsignal.report.pictures.slices import SliceChoice

__all__ = ["RegistrationPicture", "registration_picture", "steep_edges"]

_NEAR_MM = 20.0
_SMOOTHING_MM = 1.2
_SHORT_EDGE_MM = 8.0
_STEEPEST_PERCENTILE = 80.0  # one fifth of the tissue near marrow counts as edge
_DARK = 0.3  # of the median: below it noise would make edges of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationPicture:
    """One checked slice.

    Attributes
    ----------
    heading : str
        Which slice, and why it is shown.
    index : int
        On the T1 grid, counted from 0.
    frame : Frame
        Of every panel.
    by_turns : tuple of Panel
        T1 and STIR, to be shown in one frame by turns.
    edges : tuple of Panel
        T1 with the edges of STIR.
    """

    heading: str
    index: int
    frame: fig.Frame
    by_turns: tuple[Panel, Panel]
    edges: tuple[Panel, ...]


def registration_picture(scene: Scene, choice: SliceChoice, crop: fig.Crop) -> RegistrationPicture:
    """Show T1 and STIR by turns, and the edges of STIR over T1: as the scanner placed STIR, and as it was placed here.

    Parameters
    ----------
    scene : Scene
        With a STIR series.
    choice : SliceChoice
        A slice whose grey images the page holds as ``t1-<index>`` and ``stir-<index>``.
    crop : Crop
        Of those images.
    """
    index = choice.index
    placed, near = scene.shown[1].volume, _near_marrow(scene, index)
    outline = fig.Outline(kind="edge", path=_edges(scene, placed.array[index], near, crop))
    matrix = scene.result.pair.t1_to_stir_lps
    if matrix is not None and not np.array_equal(matrix, np.eye(4)):
        before = fig.Outline(kind="edge", path=_edges(scene, _as_scanned(placed, matrix, index), near, crop))
        panels = (
            _panel("T1 with STIR's edges, as scanned", f"t1-{index}", before),
            _panel("T1 with STIR's edges, after registration", f"t1-{index}", outline),
        )
    else:
        panels = (
            _panel("T1 with STIR's edges", f"t1-{index}", outline),
            _panel("STIR with its own edges", f"stir-{index}", outline),
        )
    return RegistrationPicture(
        heading=scene.heading(index, choice.reason),
        index=index,
        frame=fig.frame_of(scene.orientation, crop),
        by_turns=(_panel("T1", f"t1-{index}"), _panel("STIR on T1", f"stir-{index}")),
        edges=panels,
    )


def steep_edges(
    plane: NDArray[np.floating], shown_mask: NDArray[np.bool_], *, pixel_mm: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Find where the signal of a slice changes most steeply.

    Parameters
    ----------
    plane : ndarray of float, shape (row, column)
        Signal; NaN outside the series.
    shown_mask : ndarray of bool, shape (row, column)
        Tissue whose edges are compared with each other.
    pixel_mm : tuple of float
        Between rows and columns.

    Returns
    -------
    curvature : ndarray of float64, shape (row, column)
        Laplacian of the smoothed logarithm of signal: edges are its zeros (Marr and Hildreth, Proc R Soc B 1980).
    steep_mask : ndarray of bool, shape (row, column)
        Where the slope is among the steepest; a gain of the series changes neither.
    """
    known = np.isfinite(plane)
    inside = shown_mask & known
    if not inside.any():
        return np.ones(plane.shape), np.zeros(plane.shape, bool)
    level = max(float(np.median(plane[inside])), np.finfo(float).tiny)
    log = np.log(np.maximum(np.where(known, plane, 0.0) / level, _DARK))
    width = [max(_SMOOTHING_MM / size, 1.0) for size in pixel_mm]
    slope = ndimage.gaussian_gradient_magnitude(log, width)
    steep = slope > np.percentile(slope[inside], _STEEPEST_PERCENTILE)
    # The rim of what was scanned is no edge of tissue.
    rim = ndimage.binary_dilation(~known, iterations=3)
    return np.asarray(ndimage.gaussian_laplace(log, width), float), steep & ~rim


def _edges(scene: Scene, plane: NDArray[np.floating], near: NDArray[np.bool_], crop: fig.Crop) -> str:
    orientation = scene.orientation
    shown = fig.inside(orientation.apply(near), crop)
    curvature, steep = steep_edges(orientation.apply(plane), shown, pixel_mm=orientation.pixel_mm)
    return fig.zero_path(curvature, (orientation, crop), where=steep & shown, min_mm=_SHORT_EDGE_MM)


def _near_marrow(scene: Scene, index: int) -> NDArray[np.bool_]:
    # Belly and skin move on their own; their edges would only distract.
    pair = scene.result.pair
    marrow, body = scene.result.marrow.labels.mask[index], pair.body_mask[index]
    if not marrow.any():
        return np.asarray(body)
    distance = ndimage.distance_transform_edt(~marrow, sampling=pair.t1.geometry.spacing_mm[1:])
    return np.asarray(body & (distance <= _NEAR_MM), bool)


def _as_scanned(placed: SignalVolume, t1_to_stir_lps: NDArray[np.float64], index: int) -> NDArray[np.float64]:
    # The placed STIR moved back: what lies at p was scanned at the transform of p.
    rows, columns = np.indices(placed.geometry.shape[1:])
    points = placed.geometry.to_patient(np.stack([np.full_like(rows, index), rows, columns], axis=-1))
    back = np.linalg.inv(t1_to_stir_lps)
    origin = placed.geometry.to_index(points @ back[:3, :3].T + back[:3, 3])
    return np.asarray(
        ndimage.map_coordinates(placed.array, np.moveaxis(origin, -1, 0), order=1, cval=np.nan, output=np.float64)
    )


def _panel(title: str, image_id: str, outline: fig.Outline | None = None) -> Panel:
    outlines = (outline,) if outline is not None and outline.path else ()
    return Panel(title=title, alt=title, image_id=image_id, outlines=outlines)
