"""Foci of marrow as dark as muscle on T1, bright on STIR or not (SCIENCE 3.4, D51)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import deeper_in_slices
from marrowsignal.geometry.distance import near_to
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import Side
from marrowsignal.signals.lesions.place import joint_measurements, region_of
from marrowsignal.signals.records import Lesion, Measurement
from marrowsignal.signals.shapes.lesion_shapes import focus_shapes
from marrowsignal.signals.shapes.scene import Box, ShapeScene, padded
from marrowsignal.signals.statistics.descriptors import tissue_measurements, unmeasured

__all__ = ["dark_components", "dark_foci"]

Mask = NDArray[np.bool_]
_FULL = np.ones((3, 3, 3), bool)
_SEED = 40_000
_SHAPES = (
    ("D28", "bull_ratio", "1"),
    ("D29", "halo_ratio", "1"),
    ("D32", "edge_width_t1", "mm"),
    ("D32", "edge_width_stir", "mm"),
)


def dark_components(
    t1: NDArray[np.float32],
    marrow: Mask,
    *,
    muscle_t1: float,
    spacing_mm: tuple[float, float, float],
    protocol: Protocol,
) -> NDArray[np.uint16]:
    """Components of marrow at or below muscle on T1 that are too thick for cortex, plates and joint space.

    Parameters
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    marrow : ndarray of bool, same shape
        The whole mask, not its core: the core leaves dark voxels out.
    muscle_t1 : float
        Level of lean muscle.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    protocol : Protocol
        Cuts, smallest size.

    Returns
    -------
    ndarray of uint16, same shape
        0 background, 1 the largest. Within slices a component holds a disc of `focus_thickness` everywhere; it spans
        `lesions.min_slices` and the sphere of its volume `evidence.infiltration_lesion_diameter`. One whose median is
        a void is none.
    """
    if not marrow.any():
        return np.zeros(t1.shape, np.uint16)
    box = ndimage.find_objects(marrow.view(np.uint8))[0]
    found = np.zeros(t1.shape, np.uint16)
    between = _between_slices(marrow)
    found[box] = _components(t1[box], marrow[box], between[box], muscle_t1, spacing_mm, protocol)
    return found


def _components(
    t1: NDArray[np.float32],
    marrow: Mask,
    between: Mask,
    muscle_t1: float,
    spacing_mm: tuple[float, float, float],
    protocol: Protocol,
) -> NDArray[np.uint16]:
    settings, evidence = protocol.shapes, protocol.evidence
    smooth = ndimage.gaussian_filter(t1, (0.0, *(settings.focus_smoothing.value / p for p in spacing_mm[1:])))
    dark = marrow & (smooth <= evidence.t1_muscle_grey.high * muscle_t1)
    labels, count = ndimage.label(_thick(dark, settings.focus_thickness.value / 2, spacing_mm), _FULL)
    if not count:
        return np.zeros(t1.shape, np.uint16)
    numbers = np.arange(1, count + 1)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = ndimage.find_objects(labels)
    slices = np.array([box[0].stop - box[0].start for box in boxes])
    medians = np.array([np.median(smooth[box][labels[box] == k]) for k, box in zip(numbers, boxes, strict=True)])
    diameters = (6 * sizes * float(np.prod(spacing_mm)) / np.pi) ** (1 / 3)
    keep = (slices >= protocol.lesions.min_slices.value) & (medians > settings.focus_void.value * muscle_t1)
    keep &= diameters >= evidence.infiltration_lesion_diameter.value
    deep = np.bincount(labels[between], minlength=count + 1)[1:]
    keep &= deep >= settings.focus_inner_share.value * sizes
    order = np.flatnonzero(keep)[np.argsort(-sizes[keep], kind="stable")]
    renumber = np.zeros(count + 1, np.uint16)
    renumber[numbers[order]] = np.arange(1, order.size + 1)
    return np.asarray(renumber[labels])


def _between_slices(marrow: Mask) -> Mask:
    """Marrow with marrow in the slices before and after it; the picture's end is no border."""
    framed = np.pad(marrow, ((1, 1), (0, 0), (0, 0)), mode="edge")
    return np.asarray(marrow & framed[:-2] & framed[2:])


def _thick(dark: Mask, radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Open by a disc within each slice; the picture's edge is no border."""
    middle = deeper_in_slices(dark, spacing_mm=spacing_mm, depth_mm=float(np.nextafter(radius_mm, 0.0)))
    return dark & near_to(middle, spacing_mm=(np.inf, *spacing_mm[1:]), reach_mm=radius_mm)


def dark_foci(scene: ShapeScene) -> tuple[LabelVolume | None, tuple[Lesion, ...] | None]:
    """Find and measure foci dark on T1, largest first.

    Returns
    -------
    labels : LabelVolume or None
        On the T1 grid; None without a lean-muscle reference.
    foci : tuple of Lesion or None
        Each with D01-D09, D13, D14, D28-D30, D32, D33 and the diameter of D51; a component that takes more of the
        marrow than a focus may (D24) has no shapes.
    """
    bench = scene.bench
    geometry, muscle = bench.pair.t1.geometry, bench.references.muscle
    if muscle is None:
        return None, None
    labels = dark_components(
        bench.pair.t1.array,
        bench.marrow.labels.mask & bench.pair.measurable_mask,
        muscle_t1=muscle.t1,
        spacing_mm=geometry.spacing_mm,
        protocol=bench.protocol,
    )
    boxes = ndimage.find_objects(labels)
    foci = tuple(_focus(scene, labels, k, box) for k, box in enumerate(boxes, start=1))
    names = tuple((focus.label, f"dark focus {focus.label}") for focus in foci)
    return LabelVolume(array=labels, geometry=geometry, names=names), foci


def _focus(scene: ShapeScene, labels: NDArray[np.uint16], label: int, tight: Box) -> Lesion:
    bench = scene.bench
    geometry = bench.pair.t1.geometry
    index = np.argwhere(labels[tight] == label) + [s.start for s in tight]
    x, y, z = geometry.to_patient(index).mean(axis=0)
    region = region_of(bench.regions, bench.regions.labels.array[tuple(index.T)])
    side = bench.regions.midline.side_of((x, y, z)) if bench.regions.midline else Side.NONE
    return Lesion(
        label=label,
        region_key=region.key if region else "",
        region_name=region.name if region else "outside the named regions",
        side=region.side if region and region.side is not Side.NONE else side,
        volume_ml=len(index) * geometry.voxel_ml,
        voxels=len(index),
        slices=len(np.unique(index[:, 0])),
        first_slice=int(index[:, 0].min()),
        last_slice=int(index[:, 0].max()),
        centroid_lps_mm=(float(x), float(y), float(z)),
        measurements=_measurements(scene, labels, label, tight, index),
    )


def _measurements(
    scene: ShapeScene, labels: NDArray[np.uint16], label: int, tight: Box, index: NDArray[np.intp]
) -> tuple[Measurement, ...]:
    bench = scene.bench
    geometry, muscle = bench.pair.t1.geometry, bench.references.muscle
    measured = tissue_measurements(
        bench.levels(labels == label, seed=_SEED + label),
        bench.references,
        stir=bench.stir_acquisition,
        settings=bench.protocol.signals,
    )
    box = padded(tight, bench.protocol.shapes.line_local.value, spacing_mm=geometry.spacing_mm, shape=labels.shape)
    place = joint_measurements(
        labels[box] == label,
        None if scene.joint_mm is None else scene.joint_mm[box],
        settings=bench.protocol.lesions,
        unknown_reason=f"joint surface {bench.regions.joint_source}",
    )
    share = 100 * len(index) / max(1, int(np.count_nonzero(bench.marrow.labels.array)))
    if share > bench.protocol.evidence.focal_extent.value:
        reason = f"{share:.0f} % of all marrow is no focus"
        shapes: tuple[Measurement, ...] = tuple(unmeasured(d, name, reason, unit) for d, name, unit in _SHAPES)
    else:
        shapes = focus_shapes(scene, labels, label, box)
    signal = bench.pair.t1.array[tuple(index.T)]
    cut = bench.protocol.evidence.t1_muscle_grey.high * (muscle.t1 if muscle else 0.0)
    diameter = (6 * len(index) * geometry.voxel_ml * 1000 / np.pi) ** (1 / 3)
    found = (
        *(m for m in measured if m.name != "stir_fat_to_muscle"),
        *shapes,
        *place,
        Measurement(id="D33", name="t1_dark_share", value=float(np.mean(signal <= cut)), unit="fraction"),
        Measurement(id="D51", name="sphere_diameter", value=float(diameter), unit="mm"),
    )
    return tuple(sorted(found, key=lambda m: (m.id, m.name)))
