"""Gather the parts of all bones in one map, with their words, codes and how much of each the picture holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry.label_values import holding, values_in
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.coverage import coverage_of, touches_edge
from marrowsignal.regions.dividing import BonePart, BoneScene, divisions_of
from marrowsignal.regions.division import Division, Piece
from marrowsignal.regions.joint_distance import JointDistance
from marrowsignal.regions.records import Region, Side

__all__ = ["PartMap", "divide_bones"]

_MIN_VOXELS = 50
_SPINE = "spine"
_AT_A_JOINT = ("sacrum", "ilium")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartMap:
    """Parts of bones, as `RegionMap` holds them."""

    parts: tuple[Region, ...]
    labels: LabelVolume | None
    reason: str


@dataclass(slots=True, kw_only=True, eq=False)
class _Draft:
    """A part under way: key, side, parent, cells, share in view."""

    key: str
    name: str
    side: Side
    parent: str
    code: str | None
    by_shape: float | None
    cells: list[int] = field(default_factory=list)


def divide_bones(scene: BoneScene) -> PartMap:
    """Divide bones into parts.

    Parameters
    ----------
    scene : BoneScene
        The bones and what places them.

    Returns
    -------
    PartMap
        A bone that could not be divided has no parts; `reason` says why.
    """
    geometry = scene.geometry
    scene = replace(scene, bones=tuple(bone for bone in scene.bones if int(bone.mask.sum()) >= _MIN_VOXELS))
    array = np.zeros(geometry.shape, np.uint16)
    drafts: dict[tuple[str, str, Side], _Draft] = {}
    reasons = []
    for bone, division in zip(scene.bones, divisions_of(scene), strict=True):
        if division is None:
            continue
        if division.reason:
            reasons.append(f"{_words(bone.spec.name, bone.side)}: {division.reason}")
        _gather(bone, division, array, drafts, scene)
    return PartMap(
        parts=_regions(scene, array, drafts),
        labels=_label_volume(array, geometry, drafts) if drafts else None,
        reason="; ".join(reasons),
    )


def _words(name: str, side: Side) -> str:
    return name if side is Side.NONE else f"{name}, {side}"


def _gather(
    bone: BonePart,
    division: Division,
    array: NDArray[np.uint16],
    drafts: dict[tuple[str, str, Side], _Draft],
    scene: BoneScene,
) -> None:
    """Add the cells of one bone to the map, and to the parts they belong to."""
    first = int(array.max())
    cells = division.cells
    if bone.new:
        # What lies in no part is the bone's all the same.
        rest = 1 + max((int(cells.max(initial=0)), *(cell for piece in division.pieces for cell in piece.cells)))
        cells = np.where(cells == 0, np.uint8(rest), cells)
    present = [v for v in values_in(cells[None]) if v]
    table = np.zeros(int(cells.max(initial=0)) + 1, np.uint16)
    table[present] = np.arange(first + 1, first + 1 + len(present))
    array[bone.mask] = table[cells]
    number = {cell: int(table[cell]) for cell in present}
    if bone.new:
        own = drafts.setdefault((bone.spec.key, bone.spec.key, bone.side), _of_bone(bone))
        own.cells += number.values()
    least = scene.protocol.divisions.min_part_volume.value / scene.geometry.voxel_ml
    for piece in division.pieces:
        if np.count_nonzero(holding(division.cells, piece.cells)) < least:
            continue
        draft = _draft(bone, piece, scene.protocol)
        draft = drafts.setdefault((draft.parent, draft.key, draft.side), draft)
        draft.cells += [number[cell] for cell in piece.cells if cell in number]


def _of_bone(bone: BonePart) -> _Draft:
    name = _words(bone.spec.name, bone.side)
    key = bone.spec.key
    return _Draft(key=key, name=name, side=bone.side, parent=key, code=bone.spec.code, by_shape=None)


def _draft(bone: BonePart, piece: Piece, protocol: Protocol) -> _Draft:
    spec = protocol.part(piece.key)
    side = bone.side if piece.side is None else piece.side
    name = spec.name if spec else piece.key.replace("_", " ")
    vertebra = bone.spec.division == "vertebra"
    if vertebra and side is Side.NONE:
        name = f"{bone.spec.name} {name}"
    return _Draft(
        key=piece.key,
        name=_words(name, side),
        side=side,
        parent=_SPINE if vertebra and side is not Side.NONE else bone.spec.key,
        code=spec.code if spec else None,
        by_shape=piece.coverage_fraction,
    )


def _regions(
    scene: BoneScene, array: NDArray[np.uint16], drafts: dict[tuple[str, str, Side], _Draft]
) -> tuple[Region, ...]:
    joint = None if scene.joint_mask is None else JointDistance.of(scene.joint_mask, array > 0, scene.geometry)
    jointed = {bone.spec.key for bone in scene.bones if bone.spec.division in _AT_A_JOINT}
    regions = []
    for label, (key, draft) in enumerate(drafts.items(), start=1):
        mask = holding(array, draft.cells)
        other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}.get(draft.side)
        partner = None if other is None or not touches_edge(mask) else drafts.get((*key[:2], other))
        seen = coverage_of(
            mask,
            partner=None if partner is None else holding(array, partner.cells),
            geometry=scene.geometry,
            midline=scene.midline,
            by_shape=draft.by_shape,
        )
        voxels = int(np.count_nonzero(mask))
        regions.append(
            Region(
                label=label,
                key=draft.key,
                name=draft.name,
                side=draft.side,
                code=draft.code,
                voxels=voxels,
                volume_ml=voxels * scene.geometry.voxel_ml,
                parent=draft.parent,
                cells=tuple(sorted(draft.cells)),
                cut_by_field_of_view=seen.cut,
                coverage_fraction=seen.fraction,
                coverage_reason=seen.reason,
                joint_distance_mm=joint.median_mm(mask) if joint and voxels and draft.parent in jointed else None,
            )
        )
    return tuple(regions)


def _label_volume(
    array: NDArray[np.uint16], geometry: VolumeGeometry, drafts: dict[tuple[str, str, Side], _Draft]
) -> LabelVolume:
    words: dict[int, list[str]] = {}
    for draft in drafts.values():
        for cell in draft.cells:
            words.setdefault(cell, []).append(draft.name)
    names = tuple((cell, "; ".join(names)) for cell, names in sorted(words.items()))
    return LabelVolume(array=np.where(holding(array, words), array, 0), geometry=geometry, names=names)
