"""Where metal has spoilt the signal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.depth import deeper_in_slices
from marrowsignal.geometry.distance import near_to
from marrowsignal.intensity.tissue_masks import fat_level
from marrowsignal.protocol.schema import Protocol, QualitySettings

__all__ = ["mark_metal"]

_AROUND_MM = 25.0
_EDGE_MM = 8.0
_FATTY = 0.6


def mark_metal(pair: AlignedPair, *, protocol: Protocol) -> AlignedPair:
    """Mark what lies too near to metal to be measured.

    Parameters
    ----------
    pair : AlignedPair
        As acquired: a bias correction takes piled-up signal for shading.
    protocol : Protocol
        Limits of SCIENCE 6 and the window of muscle's T1.

    Returns
    -------
    AlignedPair
        With `metal_mask`: all within `metal_margin` of a compact void inside the patient, dark on both series, with
        signal piled up beyond that of any tissue at its rim. Air and gas have no pile-up, cortex is no compact void.
        Empty where there is none; None where there is no fat or no muscle to compare with. A void that its pile-up
        makes look like metal too near to the edge of the picture to be judged is told by a finding.
    """
    t1, spacing = pair.t1.array, pair.t1.geometry.spacing_mm
    fat = fat_level(t1, pair.body_mask & pair.shared_mask)
    if fat is None or fat <= 0:
        return replace(pair, metal_mask=None)
    settings, window = protocol.quality, protocol.references.muscle_t1_to_fat
    muscle_like = pair.body_mask & pair.shared_mask & (t1 > window.low * fat) & (t1 < window.high * fat)
    if not muscle_like.any():
        return replace(pair, metal_mask=None)
    dark = pair.body_mask & pair.shared_mask
    for image in (t1,) if pair.comparable_stir is None else (t1, pair.comparable_stir.array):
        dark &= image < settings.metal_void.value * float(np.median(image[muscle_like]))
    # opening in plane: slices are too thick for a ball
    radius_mm = settings.metal_min_radius.value
    deep = deeper_in_slices(dark, spacing_mm=spacing, depth_mm=radius_mm)
    voids = dark & near_to(deep, spacing_mm=(np.inf, *spacing[1:]), reach_mm=radius_mm)
    metal = np.zeros(t1.shape, bool)
    at_edge = 0
    labels, _ = ndimage.label(voids)
    voxel_ml = pair.t1.geometry.voxel_ml
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        wide = _grown(box, t1.shape, spacing, _AROUND_MM)
        void = labels[wide] == number
        if void.sum() * voxel_ml < settings.metal_min_volume.value:
            continue
        if not _has_pile_up(t1[wide], void, pair.body_mask[wide], spacing, fat=fat, settings=settings):
            continue
        if _cut_off(box, t1.shape, spacing):
            at_edge += 1
        else:
            metal[wide] |= void
    findings = (*pair.findings, _at_edge(at_edge)) if at_edge else pair.findings
    near = near_to(metal, spacing_mm=spacing, reach_mm=settings.metal_margin.value)
    return replace(pair, metal_mask=near, findings=findings)


def _at_edge(voids: int) -> Finding:
    many = "A void" if voids == 1 else f"{voids} voids"
    text = f"{many} with pile-up within {_EDGE_MM:g} mm of the edge of the picture may be metal; nothing is left out."
    return Finding(code="void_at_edge", stage="mark_metal", severity=Severity.WARN, message=text)


def _has_pile_up(
    t1: NDArray[np.float32],
    void: NDArray[np.bool_],
    body: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    *,
    fat: float,
    settings: QualitySettings,
) -> bool:
    distance = ndimage.distance_transform_edt(~void, sampling=spacing)
    rim = body & ~void & (distance <= settings.metal_rim.value)
    # Near a surface coil all fat may be bright: pile-up exceeds the fat around it too.
    fatty = body & (t1 > _FATTY * fat) & (distance > settings.metal_rim.value) & (distance <= _AROUND_MM)
    level = max(fat, float(np.median(t1[fatty]))) if fatty.any() else fat
    return bool(
        rim.any() and np.mean(t1[rim] > settings.metal_pile_up.value * level) >= settings.metal_pile_up_share.value
    )


def _cut_off(box: tuple[slice, ...], shape: tuple[int, ...], spacing: tuple[float, float, float]) -> bool:
    # At the edge of the picture shading runs away and no rim is whole.
    return any(min(box[axis].start, shape[axis] - box[axis].stop) * spacing[axis] < _EDGE_MM for axis in (1, 2))


def _grown(
    box: tuple[slice, ...], shape: tuple[int, ...], spacing: tuple[float, float, float], margin_mm: float
) -> tuple[slice, ...]:
    return tuple(
        slice(max(0, b.start - k), min(n, b.stop + k))
        for b, n, k in zip(box, shape, (int(margin_mm / s) + 1 for s in spacing), strict=True)
    )
