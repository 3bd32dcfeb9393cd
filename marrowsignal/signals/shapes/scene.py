"""What the shapes of one study share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.regions.records import Region, RegionMap
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.lesions.place import joint_distance
from marrowsignal.signals.shapes.soft_tissue import SoftTissue, soft_tissue_shell

__all__ = ["Box", "ShapeScene", "padded", "shaft_of", "shape_scene"]

Box = tuple[slice, slice, slice]
_MIN_SHAFT_MM = 5.0
_MIN_BONES = 2
_AROUND_MARROW_MM = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapeScene:
    """What the shapes of one study share.

    Attributes
    ----------
    bench : Bench
        Images, masks, references, cuts.
    joint_mm : ndarray of float32, shape (slice, row, column), or None
        Distance from the joint surface; None where it is not known.
    bones : ndarray of uint8, same shape, or None
        Which bone each voxel belongs to, 0 none; None where bones are not told apart.
    soft : SoftTissue or None
        Next to bone; None without STIR, muscle or fat.
    stir_pixel_mm : float or None
        Largest the acquired pixel of STIR may be; None without STIR.
    """

    bench: Bench
    joint_mm: NDArray[np.float32] | None
    bones: NDArray[np.uint8] | None
    soft: SoftTissue | None
    stir_pixel_mm: float | None


def shape_scene(bench: Bench) -> ShapeScene:
    """Prepare what the shapes of all lesions share."""
    pair, muscle, fat = bench.pair, bench.references.muscle, bench.references.fat
    spacing = pair.t1.geometry.spacing_mm
    soft = None
    if pair.stir is not None and muscle is not None and muscle.stir is not None and fat is not None:
        soft = soft_tissue_shell(
            pair.t1.array,
            pair.stir.array,
            bench.marrow.labels.mask,
            pair.body_mask & pair.covered_mask,
            levels=(muscle.t1, muscle.stir, fat.t1),
            spacing_mm=spacing,
            settings=bench.protocol.shapes,
        )
    coarser = 0.0 if pair.quality is None else pair.quality.grid_difference.spacing_fraction
    pixel = None if pair.stir is None else max(spacing[1:]) * (1 + coarser)
    return ShapeScene(
        bench=bench, joint_mm=_joint_distance(bench), bones=_bones(bench.regions), soft=soft, stir_pixel_mm=pixel
    )


def _bones(regions: RegionMap) -> NDArray[np.uint8] | None:
    """Give each bone a number, by its parts where there are any."""
    parts = regions.parts if regions.part_labels is not None else ()
    keys = [(part.parent, part.side, part.cells) for part in parts if part.parent]
    keys = keys or [(region.key, region.side, (region.label,)) for region in regions.regions]
    numbers = {bone: number for number, bone in enumerate(dict.fromkeys((key, side) for key, side, _ in keys), 1)}
    if len(numbers) < _MIN_BONES:
        return None
    source = regions.part_labels.array if parts and regions.part_labels is not None else regions.labels.array
    table = np.zeros(int(source.max()) + 1, np.uint8)
    for key, side, cells in keys:
        table[[cell for cell in cells if cell < table.size]] = numbers[key, side]
    return np.asarray(table[source])


def _joint_distance(bench: Bench) -> NDArray[np.float32] | None:
    """Distance from the joint surface where marrow and what lies next to it are; infinite elsewhere."""
    joint, marrow = bench.regions.joint_mask, bench.marrow.labels.mask
    if joint is None or not joint.any():
        return None
    spacing = bench.pair.t1.geometry.spacing_mm
    tight = ndimage.find_objects((marrow | joint).view(np.uint8))[0]
    box = padded(tight, _AROUND_MARROW_MM, spacing_mm=spacing, shape=marrow.shape)
    distance = np.full(marrow.shape, np.inf, np.float32)
    distance[box] = joint_distance(joint[box], spacing_mm=spacing)
    return distance


def padded(box: Box, margin_mm: float, *, spacing_mm: tuple[float, float, float], shape: tuple[int, int, int]) -> Box:
    """Box with a margin, inside the grid."""
    spans = []
    for span, step, length in zip(box, spacing_mm, shape, strict=True):
        extra = int(np.ceil(margin_mm / step)) + 1
        spans.append(slice(max(0, span.start - extra), min(length, span.stop + extra)))
    return spans[0], spans[1], spans[2]


def shaft_of(bench: Bench, region: Region | None) -> NDArray[np.float64] | None:
    """Find the unit vector from the ends of a long bone along its shaft, patient axes; None where no part tells."""
    if region is None:
        return None
    parts = [p for p in bench.regions.parts if p.parent == region.key and p.side is region.side]
    ends, shaft = (
        [p for p in parts if any(word in p.key for word in words)]
        for words in (("condyle",), ("metaphysis", "diaphysis"))
    )
    if not ends or not shaft:
        return None
    middles = [
        bench.pair.t1.geometry.to_patient(
            np.argwhere(np.any([bench.regions.inside(part) for part in group], axis=0))
        ).mean(axis=0)
        for group in (ends, shaft)
    ]
    along = middles[1] - middles[0]
    length = float(np.linalg.norm(along))
    return np.asarray(along / length) if length > _MIN_SHAFT_MM else None
