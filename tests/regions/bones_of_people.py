"""Marrow of single bones of phantom people on any grid, without painting the body around them."""

from __future__ import annotations

from functools import cache

import numpy as np

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.phantom import draw_subject
from marrowsignal.phantom.anatomy.femur import femur_parts
from marrowsignal.phantom.anatomy.knee import build_knee
from marrowsignal.phantom.anatomy.pelvis import pelvis_parts
from marrowsignal.phantom.anatomy.spine import spine_parts
from marrowsignal.phantom.region_truth import BorderShares, PartTruth, part_truths
from marrowsignal.phantom.scene import Bone
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import locate
from marrowsignal.phantom.subject import Subject
from marrowsignal.protocol import load_protocol

PARTS = {"femora": femur_parts, "pelvis": pelvis_parts, "spine": spine_parts, "knee": lambda s: build_knee(s).parts}


def grid(
    plane: str, spacing_mm: tuple[float, float, float], low_mm: tuple[float, ...], high_mm: tuple[float, ...]
) -> VolumeGeometry:
    """Stack over a box of patient space; slices are coronal, sagittal or axial."""
    axes = {
        "coronal": [[0, 1, 0], [0, 0, -1], [1, 0, 0]],
        "sagittal": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        "axial": [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    }[plane]
    directions = np.array(axes, float).T
    low, high = np.array(low_mm), np.array(high_mm)
    corner = np.where(directions.sum(axis=1) < 0, high, low)
    shape = tuple(int(n) for n in np.ceil(np.abs(directions.T @ (high - low)) / spacing_mm))
    return VolumeGeometry.from_axes(origin_lps_mm=corner, directions_lps=directions, spacing_mm=spacing_mm, shape=shape)


def marrow(subject: Subject, kind: str, geometry: VolumeGeometry, names: tuple[str, ...] = ()) -> LabelVolume:
    """Marrow of the bones called `names`, or of all of a kind; a mirrored person's left is on the right."""
    bones = [part for part in PARTS[kind](subject) if isinstance(part, Bone) and (not names or part.name in names)]
    _, row, column = geometry.affine_lps[:3, :3].T
    array = np.zeros(geometry.shape, np.uint16)
    for k in range(geometry.shape[0]):
        origin = geometry.to_patient([k, 0, 0])
        p = locate(subject, Sheet(origin_mm=origin, row_step_mm=row, column_step_mm=column, shape=geometry.shape[1:]))
        for bone in bones:
            array[k][-bone.shape(p) - bone.cortex(p) > 0] = bone.label
    return LabelVolume(array=array, geometry=geometry, names=tuple(sorted((b.label, b.name) for b in bones)))


@cache
def shares() -> BorderShares:
    """Borders by convention, as the protocols have them."""
    d = load_protocol("generic").divisions
    return BorderShares(
        ala_begin=d.sacral_ala_begin.value,
        quadrant_depth_mm=d.quadrant_depth.value,
        neck_border=d.neck_border.value,
        shaft_border=d.shaft_border.value,
        endplate_zone=d.endplate_zone.value,
        end_segment=d.end_segment.value,
    )


@cache
def person(seed: int, *, mirrored: bool = False) -> Subject:
    """Draw a person."""
    return draw_subject(seed, sex="M" if seed % 2 else "F", mirrored=mirrored)


def truths(subject: Subject, bones: LabelVolume) -> dict[tuple[str, str, str], PartTruth]:
    """Parts by bone, key and side."""
    return {(t.bone, t.key, t.side): t for t in part_truths(subject, bones, shares())}
