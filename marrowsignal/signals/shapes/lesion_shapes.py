"""All shapes of one lesion or dark focus, in a fixed order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import deeper_in_slices
from marrowsignal.geometry.distance import near_to
from marrowsignal.protocol.schema import ShapeSettings
from marrowsignal.regions.records import Region
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.shapes.edge import Profiles, edge_width, surface_profiles
from marrowsignal.signals.shapes.flame import flame_score
from marrowsignal.signals.shapes.fracture_line import FractureLine, LineScene, find_fracture_line
from marrowsignal.signals.shapes.scene import Box, ShapeScene, padded, shaft_of
from marrowsignal.signals.shapes.shells import bull_ratio, halo_ratio, without_holes
from marrowsignal.signals.shapes.soft_tissue import soft_tissue_measurements
from marrowsignal.signals.shapes.stress import stress_grade
from marrowsignal.signals.shapes.subplate import subplate_band
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["focus_shapes", "lesion_shapes"]

Mask = NDArray[np.bool_]
_LINE = (("D35", "line_length", "mm"), ("D35", "line_width", "mm"), ("D35", "line_aspect", "1"))


def lesion_shapes(
    scene: ShapeScene,
    labels: NDArray[np.uint16],
    label: int,
    tight: Box,
    *,
    region: Region | None,
    t1_drop: Measurement,
) -> tuple[Measurement, ...]:
    """D27-D29, D32, D34-D36, D40 and D41 of one lesion.

    Parameters
    ----------
    scene : ShapeScene
        What lesions share.
    labels : ndarray of uint16, shape (slice, row, column)
        All lesions.
    label : int
        This one.
    tight : tuple of slice
        Its box.
    region : Region or None
        The bone that holds it.
    t1_drop : Measurement
        D10 of it.
    """
    bench, settings = scene.bench, scene.bench.protocol.shapes
    geometry = bench.pair.t1.geometry
    spacing = geometry.spacing_mm
    reach = settings.line_local.value / 2 + settings.line_around.value
    box = padded(tight, reach, spacing_mm=spacing, shape=geometry.shape)
    mask = labels[box] == label
    line = _line(scene, labels[box] > 0, mask, box)
    index = np.argwhere(mask) + [s.start for s in box]
    return (
        _flame(scene, mask, index, region),
        *focus_shapes(scene, labels, label, box),
        _fluid_share(scene, mask, box),
        *_line_measurements(line),
        stress_grade(
            has_line=isinstance(line, FractureLine),
            t1_drop=t1_drop,
            drop_cut=bench.protocol.evidence.t1_drop_support.value,
        ),
        *_subplate(scene, mask, box, region),
        *soft_tissue_measurements(
            scene.soft, index, geometry=geometry, midline=bench.regions.midline, settings=settings
        ),
    )


def focus_shapes(scene: ShapeScene, labels: NDArray[np.uint16], label: int, box: Box) -> tuple[Measurement, ...]:
    """D28, D29 and D32 of one component in a box with a margin."""
    bench, settings = scene.bench, scene.bench.protocol.shapes
    spacing = bench.pair.t1.geometry.spacing_mm
    mask = labels[box] == label
    marrow = bench.marrow.labels.mask[box] & bench.pair.covered_mask[box]
    t1, stir = bench.pair.t1.array[box], _stir(scene, box)
    profiles = surface_profiles(mask, marrow, pixel_mm=spacing[1:], reach_mm=settings.edge_reach.value)
    return (
        bull_ratio(t1, mask, bench.background[box], spacing_mm=spacing, settings=settings),
        halo_ratio(stir, mask, marrow, spacing_mm=spacing, settings=settings),
        _edge("edge_width_t1", t1, profiles, pixel_mm=max(spacing[1:]), settings=settings),
        unmeasured("D32", "edge_width_stir", "no STIR series", "mm")
        if stir is None or scene.stir_pixel_mm is None
        else _edge("edge_width_stir", stir, profiles, pixel_mm=scene.stir_pixel_mm, settings=settings),
    )


def _stir(scene: ShapeScene, box: Box) -> NDArray[np.float32] | None:
    stir = scene.bench.pair.stir
    return None if stir is None else stir.array[box]


def _edge(
    name: str, image: NDArray[np.float32], profiles: Profiles, *, pixel_mm: float, settings: ShapeSettings
) -> Measurement:
    found = edge_width(image, profiles, min_fit=settings.edge_min_fit.value)
    least = int(settings.edge_min_profiles.value)
    if found is None or found.profiles < least:
        seen = 0 if found is None else found.profiles
        return unmeasured("D32", name, f"only {seen} profiles show an edge, {least} are needed", "mm")
    resolved = settings.edge_resolved.value * pixel_mm
    if found.width_mm < resolved and resolved > settings.edge_sharp.value:
        return unmeasured("D32", name, f"narrower than {settings.edge_resolved.value:g} acquired pixels", "mm")
    return Measurement(id="D32", name=name, value=found.width_mm, unit="mm")


def _flame(scene: ShapeScene, mask: Mask, index: NDArray[np.intp], region: Region | None) -> Measurement:
    shaft = shaft_of(scene.bench, region)
    if shaft is None or region is None:
        return unmeasured("D27", "flame_score", "no shaft of a long bone is known here")
    geometry = scene.bench.pair.t1.geometry
    return flame_score(
        mask,
        geometry.to_patient(index),
        geometry.to_patient(np.argwhere(scene.bench.regions.inside(region))),
        shaft,
        pixel_mm=(geometry.spacing_mm[1], geometry.spacing_mm[2]),
        settings=scene.bench.protocol.shapes,
    )


def _subplate(scene: ShapeScene, mask: Mask, box: Box, region: Region | None) -> tuple[Measurement, Measurement]:
    bench = scene.bench
    loaded = region is not None and region.key in bench.protocol.shapes.subplate_bones
    return subplate_band(
        _stir(scene, box),
        mask,
        bench.marrow.labels.mask[box],
        scene.joint_mm[box] if loaded and scene.joint_mm is not None else None,
        spacing_mm=bench.pair.t1.geometry.spacing_mm,
        settings=bench.protocol.shapes,
    )


def _fluid_share(scene: ShapeScene, mask: Mask, box: Box) -> Measurement:
    """D34 within the lesion and the holes of its slices, which are where fluid was left out."""
    bench = scene.bench
    muscle, stir, cuts = bench.references.muscle, _stir(scene, box), bench.protocol.lesions
    if muscle is None or muscle.stir is None or stir is None:
        return unmeasured("D34", "fluid_share", "no lean-muscle reference", "fraction")
    filled = without_holes(mask)
    fluid = (stir >= cuts.fluid_ratio.value * muscle.stir) & (
        bench.pair.t1.array[box] <= cuts.fluid_t1_to_muscle.value * muscle.t1
    )
    return Measurement(id="D34", name="fluid_share", value=float(fluid[filled].mean()), unit="fraction")


def _line(scene: ShapeScene, lesions: Mask, mask: Mask, box: Box) -> FractureLine | str:
    """Candidate of one lesion, or why there is none."""
    bench, settings = scene.bench, scene.bench.protocol.shapes
    muscle, spacing = bench.references.muscle, bench.pair.t1.geometry.spacing_mm
    if muscle is None:
        return "no lean-muscle reference"
    found = find_fracture_line(
        LineScene(
            t1=bench.pair.t1.array[box],
            stir=_stir(scene, box),
            marrow=_without_cracks(bench.marrow.labels.mask[box], settings, spacing),
            lesions=lesions,
            joint_mm=_joint_between_bones(scene, mask, box),
            muscle_t1=muscle.t1,
            spacing_mm=spacing,
        ),
        near_to(mask, spacing_mm=spacing, reach_mm=settings.line_around.value),
        settings=settings,
    )
    if found is not None:
        return found
    words = "no fracture-line candidate found, which does not exclude a fracture"
    if spacing[0] >= settings.line_thick_slices.value:
        words += f"; a line along slices of {spacing[0]:.1f} mm cannot be seen"
    return words


def _joint_between_bones(scene: ShapeScene, mask: Mask, box: Box) -> NDArray[np.float32] | None:
    """Distance from the joint surface where another bone is near: a dark ridge within one bone may be the line."""
    if scene.joint_mm is None or scene.bones is None:
        return None if scene.joint_mm is None else scene.joint_mm[box]
    bench, bones = scene.bench, scene.bones[box]
    counts = np.bincount(bones[mask], minlength=1)
    counts[0] = 0
    other = (bones > 0) & (bones != counts.argmax())
    if not other.any():
        return np.full(mask.shape, np.inf, np.float32)
    near = near_to(
        other, spacing_mm=bench.pair.t1.geometry.spacing_mm, reach_mm=bench.protocol.shapes.line_joint_reach.value
    )
    return np.where(near, scene.joint_mm[box], np.inf).astype(np.float32)


def _without_cracks(marrow: Mask, settings: ShapeSettings, spacing: tuple[float, float, float]) -> Mask:
    """Marrow with cracks as thin as a line closed, since a mask may leave the line out; never across two pieces."""
    half = settings.line_max_width.value / 2
    size = [2 * int(np.ceil(half / step)) + 1 for step in spacing[1:]]
    wide = near_to(marrow, spacing_mm=(np.inf, *spacing[1:]), reach_mm=half)
    closed = deeper_in_slices(wide, spacing_mm=spacing, depth_mm=half)
    for k in np.flatnonzero((closed & ~marrow).any(axis=(1, 2))):
        pieces, count = ndimage.label(marrow[k])
        if count > 1:
            low = ndimage.minimum_filter(np.where(pieces > 0, pieces, count), size)
            closed[k] &= ndimage.maximum_filter(pieces, size) <= low
    return closed | marrow


def _line_measurements(line: FractureLine | str) -> tuple[Measurement, ...]:
    if isinstance(line, str):
        return tuple(unmeasured(d, name, line, unit) for d, name, unit in _LINE)
    values = (line.length_mm, line.width_mm, line.aspect)
    return tuple(
        Measurement(id=d, name=name, value=value, unit=unit)
        for (d, name, unit), value in zip(_LINE, values, strict=True)
    )
