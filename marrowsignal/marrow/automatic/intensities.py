"""First automatic segmentation: marrow by its T1 signal and the cortex around it.

Intensity alone cannot do it (Dice about 0.5 on real sacroiliac studies); a later back-end brings location and
shape. The mask says so by a finding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import remove_small_holes

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.tissue_masks import find_tissues
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.protocol.schema import MarrowSettings, Protocol, ReferenceSettings

__all__ = ["segment_automatic"]

_STAGE = "segment_marrow"
_SMOOTHING_MM = 1.2
_FINE_SMOOTHING_MM = 0.4
_TEXTURE_MM = 2.4
_BARRIER_WIDTH_MM = 5.4
_CORTEX_REACH_MM = 2.7
_EDGE_MM = 1.2


def segment_automatic(pair: AlignedPair, *, protocol: Protocol) -> Segmentation:
    """Segment marrow without labels from anyone.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    protocol : Protocol
        Signal window, barrier, opening, sizes; how muscle and fat are found.

    Returns
    -------
    Segmentation
        Marrow, bones not told apart; empty with a finding when there is none.
    """
    found = _marrow_mask(pair, settings=protocol.marrow, tissues=protocol.references).astype(np.uint16)
    return Segmentation(
        labels=LabelVolume(array=found, geometry=pair.t1.geometry),
        kind=MaskKind.MARROW,
        source=MarrowSource.AUTOMATIC,
        findings=_findings(found, with_stir=pair.comparable_stir is not None),
    )


def _marrow_mask(pair: AlignedPair, *, settings: MarrowSettings, tissues: ReferenceSettings) -> NDArray[np.bool_]:
    """Marrow candidates of a bias-corrected pair.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    settings : MarrowSettings
        Signal window, barrier, opening, sizes.
    tissues : ReferenceSettings
        How muscle and fat are found, whose levels frame the window.

    Returns
    -------
    ndarray of bool, shape (slice, row, column)
        Bodies between muscle and fat on T1, parted by dark lines and wrapped in dark cortex; empty when there are
        none, or no muscle and fat to compare with. Without STIR marrow as dark as muscle is left out.
    """
    spacing = pair.t1.geometry.spacing_mm
    inside = pair.body_mask & pair.shared_mask
    water = None if pair.comparable_stir is None else pair.comparable_stir.array
    found = find_tissues(
        pair.t1.array,
        water,
        body=inside,
        exclude=np.zeros_like(inside),
        spacing_mm=spacing,
        settings=tissues,
    )
    if not found.lean.any() or not found.fat.any():
        return np.zeros_like(inside)
    t1 = pair.t1.array / np.float32(np.median(pair.t1.array[found.fat]))
    stir = None if water is None else water / np.float32(np.median(water[found.lean]))
    fine = _smoothed(t1, _FINE_SMOOTHING_MM, spacing)
    low = settings.automatic_above_muscle.value * float(np.median(t1[found.lean]))
    candidates = inside & _candidates(t1, stir, low, spacing, settings) & _open_space(fine, spacing, settings)
    bodies = _opened(candidates, settings.automatic_opening.value, spacing)
    dark = ndimage.grey_erosion(fine, size=_window(_CORTEX_REACH_MM * 2, spacing))
    # Slice by slice: marrow that is open to a neighbour in one slice is wrapped in the next.
    wrapped = np.stack(
        [_wrapped(*planes, spacing=spacing, settings=settings) for planes in zip(bodies, fine, dark, strict=True)]
    )
    labels, count = ndimage.label(wrapped)
    sizes_ml = np.bincount(labels.ravel(), minlength=count + 1) * pair.t1.geometry.voxel_ml
    keep = sizes_ml >= settings.automatic_min_component.value
    keep[0] = False
    reach = settings.automatic_grow.value
    grown = np.stack([_distance(~plane, spacing) <= reach if plane.any() else plane for plane in keep[labels]])
    hole = round(settings.automatic_max_hole.value / (spacing[1] * spacing[2]))
    # Small holes are vessels and noise; large ones are foramina and canals, which are no marrow.
    return np.stack([remove_small_holes(plane, max_size=hole) for plane in grown]) & pair.body_mask


def _candidates(
    t1: NDArray[np.float32],
    stir: NDArray[np.float32] | None,
    low: float,
    spacing: tuple[float, float, float],
    settings: MarrowSettings,
) -> NDArray[np.bool_]:
    level = _smoothed(t1, _SMOOTHING_MM, spacing)
    fatty = (level > low) & (level < settings.automatic_below_fat.value)
    if stir is None:
        return np.asarray(fatty)
    # Edema darkens marrow on T1 to muscle's level, but then it is brighter than muscle on STIR.
    bright = settings.automatic_edema_stir
    water = _smoothed(stir, _SMOOTHING_MM, spacing)
    edematous = (level > settings.automatic_edema_t1_low.value) & (level <= low)
    return np.asarray(fatty | (edematous & (water > bright.low) & (water < bright.high)))


def _open_space(
    fine: NDArray[np.float32], spacing: tuple[float, float, float], settings: MarrowSettings
) -> NDArray[np.bool_]:
    mean = _smoothed(fine, _TEXTURE_MM, spacing)
    variance = np.maximum(_smoothed(fine * fine, _TEXTURE_MM, spacing) - mean * mean, 0)
    barrier = ndimage.grey_closing(fine, size=_window(_BARRIER_WIDTH_MM, spacing)) - fine
    smooth = np.sqrt(variance) < settings.automatic_texture_max.value * mean
    return np.asarray(smooth & (barrier <= settings.automatic_barrier.value))


def _wrapped(
    bodies: NDArray[np.bool_],
    fine: NDArray[np.float32],
    dark: NDArray[np.float32],
    *,
    spacing: tuple[float, float, float],
    settings: MarrowSettings,
) -> NDArray[np.bool_]:
    labels, count = ndimage.label(bodies)
    if count == 0:
        return bodies
    index = np.arange(count + 1)
    areas = np.bincount(labels.ravel(), minlength=count + 1) * spacing[1] * spacing[2]
    inside = np.asarray(ndimage.median(fine, labels, index))
    edge = labels * (_distance(bodies, spacing) <= max(_EDGE_MM, *spacing[1:]))
    near_cortex = dark < settings.automatic_cortex_to_inside.value * inside[labels]
    share = np.nan_to_num(np.asarray(ndimage.mean(near_cortex, edge, index)))
    keep = (areas >= settings.automatic_min_slice_area.value) & (share >= settings.automatic_cortex_share.value)
    keep[0] = False
    return np.asarray(keep[labels])


def _opened(mask: NDArray[np.bool_], radius_mm: float, spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    inner = [_distance(plane, spacing) > radius_mm for plane in mask]
    return np.stack([p & (_distance(~i, spacing) <= radius_mm) for p, i in zip(mask, inner, strict=True)])


def _distance(plane: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(plane, sampling=spacing[1:]))


def _smoothed(image: NDArray[np.float32], sigma_mm: float, spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.asarray(ndimage.gaussian_filter(image, [0.0, sigma_mm / spacing[1], sigma_mm / spacing[2]]))


def _window(width_mm: float, spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    rows, columns = (2 * max(1, round(width_mm / 2 / s)) + 1 for s in spacing[1:])
    return 1, rows, columns


def _findings(found: NDArray[np.uint16], *, with_stir: bool) -> tuple[Finding, ...]:
    if not found.any():
        text = "No marrow was found automatically; give a mask with --marrow."
        return (Finding(code="no_marrow_found", stage=_STAGE, severity=Severity.FAIL, message=text),)
    text = (
        "Marrow was segmented by signal alone, which overlaps an expert's mask by about half on real studies: "
        "look at the outline, and give a mask with --marrow for numbers to rely on."
    )
    first = Finding(code="marrow_automatic_first_version", stage=_STAGE, severity=Severity.WARN, message=text)
    if with_stir:
        return (first,)
    text = (
        "Without STIR marrow as dark as muscle on T1 cannot be told from muscle: the automatic mask leaves it out, "
        "so that edema and infiltration are missed; give a mask with --marrow to measure them on T1."
    )
    return (first, Finding(code="dark_marrow_left_out", stage=_STAGE, severity=Severity.WARN, message=text))
