"""Divide every bone whose shape is known into its parts and gather them in one map."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.coverage import coverage_of
from marrowsignal.regions.division import Division, Piece, undivided
from marrowsignal.regions.femur import divide_proximal_femur
from marrowsignal.regions.knee import divide_knee_bone
from marrowsignal.regions.midline import signed_distance_mm
from marrowsignal.regions.records import Midline, Region, Side
from marrowsignal.regions.sacroiliac import JointCloud, divide_ilium, divide_sacrum, joint_cloud, joint_points
from marrowsignal.regions.shapes import bone_voxels
from marrowsignal.regions.vertebra import body_centre, divide_vertebra, spine_axes

__all__ = ["BonePart", "PartMap", "divide_bones"]

_SIDES = (Side.LEFT, Side.RIGHT)
_MIN_VOXELS = 50
_SECOND_BONE = 0.2
_WHOLE_BODY = 0.7
_SPINE = "spine"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BonePart:
    """One bone of one side to divide.

    Attributes
    ----------
    spec : RegionSpec
        What it is.
    side : Side
        The patient's side.
    mask : ndarray of bool, shape (slice, row, column)
        Its marrow.
    new : bool
        Whether it is itself a part, because no region of the first level is this bone.
    """

    spec: RegionSpec
    side: Side
    mask: NDArray[np.bool_]
    new: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """What dividing needs to know besides the bones."""

    bones: tuple[BonePart, ...]
    geometry: VolumeGeometry
    midline: Midline | None
    joint_mask: NDArray[np.bool_] | None
    laterality: Side
    protocol: Protocol


def divide_bones(
    bones: tuple[BonePart, ...],
    *,
    geometry: VolumeGeometry,
    midline: Midline | None,
    joint_mask: NDArray[np.bool_] | None,
    laterality: Side,
    protocol: Protocol,
) -> PartMap:
    """Divide bones into parts.

    Parameters
    ----------
    bones : tuple of BonePart
        One a bone and side.
    geometry : VolumeGeometry
        The grid.
    midline : Midline or None
        Between left and right.
    joint_mask : ndarray of bool or None, shape (slice, row, column)
        Joint surface.
    laterality : Side
        Which knee or hip the picture shows, where that is known from elsewhere.
    protocol : Protocol
        Divisions, words and codes.

    Returns
    -------
    PartMap
        A bone that could not be divided has no parts; `reason` says why.
    """
    scene = _Scene(
        bones=tuple(bone for bone in bones if int(bone.mask.sum()) >= _MIN_VOXELS),
        geometry=geometry,
        midline=midline,
        joint_mask=joint_mask,
        laterality=laterality,
        protocol=protocol,
    )
    array = np.zeros(geometry.shape, np.uint16)
    drafts: dict[tuple[str, str, Side], _Draft] = {}
    reasons = []
    for bone, division in zip(scene.bones, _divisions(scene), strict=True):
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


def _divisions(scene: _Scene) -> list[Division | None]:
    ups = _ups(scene)
    joints = _joints(scene)
    return [_divide(bone, scene, ups.get(id(bone)), joints) for bone in scene.bones]


def _divide(
    bone: BonePart, scene: _Scene, up: NDArray[np.float64] | None, joints: tuple[JointCloud | None, JointCloud | None]
) -> Division | None:
    kind, settings = bone.spec.division, scene.protocol.divisions
    if kind == "none":
        return _whole(bone) if bone.new else None
    voxels = bone_voxels(bone.mask, scene.geometry)
    if kind == "vertebra":
        if up is None:
            return undivided(len(voxels.index), "its body lies outside the picture")
        return divide_vertebra(voxels, up, settings)
    if kind == "sacrum":
        if scene.midline is None:
            return undivided(len(voxels.index), "the midline is not known")
        out = signed_distance_mm(scene.midline, scene.geometry)[bone.mask]
        return divide_sacrum(voxels, out, joints, settings)
    if kind == "ilium":
        if bone.side is Side.NONE:
            return undivided(len(voxels.index), "its side is not known")
        return divide_ilium(voxels, joints[_SIDES.index(bone.side)], settings)
    if _several(bone.mask):
        return undivided(len(voxels.index), "left and right are not told apart")
    if kind == "proximal_femur":
        return divide_proximal_femur(voxels, settings)
    return divide_knee_bone(voxels, femur=kind == "distal_femur", medial_lps=_medial(bone, scene), settings=settings)


def _whole(bone: BonePart) -> Division:
    return Division(cells=np.ones(int(bone.mask.sum()), np.uint8), pieces=())


def _several(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask holds more than one bone."""
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return False
    sizes = np.sort(np.bincount(labels.ravel())[1:])
    return bool(sizes[-2] > _SECOND_BONE * sizes[-1])


def _ups(scene: _Scene) -> dict[int, NDArray[np.float64]]:
    """Direction up the spine at each vertebra."""
    voxels = {id(b): bone_voxels(b.mask, scene.geometry) for b in scene.bones if b.spec.division == "vertebra"}
    depths = {key: float(bone.depth_mm.max()) for key, bone in voxels.items()}
    # A vertebra whose body lies outside the picture shows thin parts alone.
    least = _WHOLE_BODY * float(np.median(list(depths.values()))) if depths else 0.0
    bodies = [key for key, depth in depths.items() if depth >= least]
    centres = np.array([body_centre(voxels[key]) for key in bodies]).reshape(-1, 3)
    order = np.argsort(centres[:, 2])
    ups = np.empty_like(centres)
    ups[order] = spine_axes(centres[order])
    return dict(zip(bodies, ups, strict=True))


def _joints(scene: _Scene) -> tuple[JointCloud | None, JointCloud | None]:
    """Left and right sacroiliac joint."""
    sacrum = _points(scene, "sacrum", Side.NONE)
    ilia = tuple(_points(scene, "ilium", side) for side in _SIDES)
    reach = scene.protocol.divisions.joint_reach.value
    if sacrum is None:
        return None, None
    seen = None
    if scene.joint_mask is not None and any(bone.new for bone in scene.bones):
        seen = scene.geometry.to_patient(np.argwhere(scene.joint_mask))
    left, right = (
        None if ilium is None else joint_cloud(joint_points(sacrum, ilium, seen=seen, reach_mm=reach)) for ilium in ilia
    )
    return left, right


def _points(scene: _Scene, division: str, side: Side) -> NDArray[np.float64] | None:
    masks = [b.mask for b in scene.bones if b.spec.division == division and b.side is side]
    return scene.geometry.to_patient(np.argwhere(np.logical_or.reduce(masks))) if masks else None


def _medial(bone: BonePart, scene: _Scene) -> NDArray[np.float64] | None:
    """Direction to the other leg: by the knee's side, or away from the fibula."""
    side = bone.side if bone.side is not Side.NONE else scene.laterality
    if side is not Side.NONE:
        return np.array([-1.0 if side is Side.LEFT else 1.0, 0.0, 0.0])
    tibia, fibula = (next((b for b in scene.bones if b.spec.key == key), None) for key in ("tibia", "fibula"))
    if tibia is None or fibula is None:
        return None
    middle = [scene.geometry.to_patient(np.argwhere(b.mask)).mean(axis=0) for b in (tibia, fibula)]
    return np.asarray(np.sign(middle[0][0] - middle[1][0]) * np.array([1.0, 0.0, 0.0]))


def _words(name: str, side: Side) -> str:
    return name if side is Side.NONE else f"{name}, {side}"


def _gather(
    bone: BonePart,
    division: Division,
    array: NDArray[np.uint16],
    drafts: dict[tuple[str, str, Side], _Draft],
    scene: _Scene,
) -> None:
    """Number the cells of one bone on, and add them to the parts they belong to."""
    first = int(array.max())
    present = [int(v) for v in np.unique(division.cells) if v]
    table = np.zeros(int(division.cells.max(initial=0)) + 1, np.uint16)
    table[present] = np.arange(first + 1, first + 1 + len(present))
    array[bone.mask] = table[division.cells]
    number = {cell: int(table[cell]) for cell in present}
    if bone.new:
        own = drafts.setdefault((bone.spec.key, bone.spec.key, bone.side), _of_bone(bone))
        own.cells += number.values()
    least = scene.protocol.divisions.min_part_volume.value / scene.geometry.voxel_ml
    for piece in division.pieces:
        if np.isin(division.cells, piece.cells).sum() < least:
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
    scene: _Scene, array: NDArray[np.uint16], drafts: dict[tuple[str, str, Side], _Draft]
) -> tuple[Region, ...]:
    far = None
    if scene.joint_mask is not None and scene.joint_mask.any():
        far = ndimage.distance_transform_edt(~scene.joint_mask, sampling=scene.geometry.spacing_mm)
    masks = {key: np.isin(array, draft.cells) for key, draft in drafts.items()}
    regions = []
    for label, (key, draft) in enumerate(drafts.items(), start=1):
        other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}.get(draft.side)
        seen = coverage_of(
            masks[key],
            partner=None if other is None else masks.get((*key[:2], other)),
            geometry=scene.geometry,
            midline=scene.midline,
            by_shape=draft.by_shape,
        )
        voxels = int(masks[key].sum())
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
                joint_distance_mm=float(np.median(far[masks[key]])) if far is not None and voxels else None,
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
    return LabelVolume(array=np.where(np.isin(array, list(words)), array, 0), geometry=geometry, names=names)
