"""Which way of dividing each bone takes, with what it needs to know of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.label_values import voxels_in
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.schema import Protocol, RegionSpec
from marrowsignal.regions.division import Division, undivided
from marrowsignal.regions.femur import divide_proximal_femur
from marrowsignal.regions.knee import divide_knee_bone
from marrowsignal.regions.records import Midline, Side
from marrowsignal.regions.sacroiliac import JointCloud, divide_ilium, divide_sacrum, joint_cloud, joint_points
from marrowsignal.regions.shapes import bone_voxels
from marrowsignal.regions.vertebra import body_centre, divide_vertebra, spine_axes

__all__ = ["BonePart", "BoneScene", "divisions_of"]

_SIDES = (Side.LEFT, Side.RIGHT)
_SECOND_BONE = 0.2
_WHOLE_BODY = 0.7
Joints = tuple[JointCloud | None, JointCloud | None]
Array = NDArray[np.float64]


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
class BoneScene:
    """The bones of one picture and what places them.

    Attributes
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
        Which knee the picture shows, where that is known from elsewhere.
    protocol : Protocol
        Divisions, words and codes.
    """

    bones: tuple[BonePart, ...]
    geometry: VolumeGeometry
    midline: Midline | None
    joint_mask: NDArray[np.bool_] | None
    laterality: Side
    protocol: Protocol


def divisions_of(scene: BoneScene) -> tuple[Division | None, ...]:
    """Divide every bone of a picture; None for a bone that is a region of its own and has no parts."""
    ups, points = _ups(scene), _pelvic_points(scene)
    joints = _joints(scene, points)
    return tuple(
        _divide_pelvic(bone, scene, points[id(bone)], joints)
        if id(bone) in points
        else _divide(bone, scene, ups.get(id(bone)))
        for bone in scene.bones
    )


def _divide(bone: BonePart, scene: BoneScene, up: Array | None) -> Division | None:
    kind = bone.spec.division
    if kind == "none":
        return Division(cells=np.ones(int(bone.mask.sum()), np.uint8), pieces=()) if bone.new else None
    voxels = bone_voxels(bone.mask, scene.geometry)
    if kind == "vertebra":
        if up is None:
            return undivided(len(voxels.index), "its body lies outside the picture")
        return divide_vertebra(voxels, up, scene.protocol.divisions)
    return _divide_limb(bone, scene)


def _divide_pelvic(bone: BonePart, scene: BoneScene, points: Array, joints: Joints) -> Division:
    settings = scene.protocol.divisions
    if bone.spec.division == "sacrum":
        if scene.midline is None:
            return undivided(len(points), "the midline is not known")
        left_mm = points @ np.asarray(scene.midline.normal_lps) - scene.midline.offset_mm
        return divide_sacrum(points, left_mm, joints, settings)
    if bone.side is Side.NONE:
        return undivided(len(points), "its side is not known")
    return divide_ilium(points, joints[_SIDES.index(bone.side)], settings)


def _divide_limb(bone: BonePart, scene: BoneScene) -> Division:
    voxels, settings = bone_voxels(bone.mask, scene.geometry), scene.protocol.divisions
    if bone.side is Side.NONE and _several(bone.mask):
        return undivided(len(voxels.index), "left and right are not told apart")
    if bone.spec.division == "proximal_femur":
        return divide_proximal_femur(voxels, settings)
    femur = bone.spec.division == "distal_femur"
    return divide_knee_bone(voxels, femur=femur, medial_lps=_medial(bone, scene), settings=settings)


def _several(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask holds more than one bone."""
    labels, count = ndimage.label(mask[ndimage.find_objects(mask.view(np.uint8))[0]], np.ones((3, 3, 3)))
    if count < 2:
        return False
    sizes = np.sort(np.bincount(labels.ravel())[1:])
    return bool(sizes[-2] > _SECOND_BONE * sizes[-1])


def _ups(scene: BoneScene) -> dict[int, NDArray[np.float64]]:
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


def _pelvic_points(scene: BoneScene) -> dict[int, Array]:
    """Voxels of each sacrum and ilium, LPS mm."""
    pelvic = (bone for bone in scene.bones if bone.spec.division in ("sacrum", "ilium"))
    return {id(bone): scene.geometry.to_patient(voxels_in(bone.mask)) for bone in pelvic}


def _joints(scene: BoneScene, points: dict[int, Array]) -> Joints:
    """Left and right sacroiliac joint."""
    sacrum = _together(scene, points, "sacrum", Side.NONE)
    ilia = tuple(_together(scene, points, "ilium", side) for side in _SIDES)
    reach = scene.protocol.divisions.joint_reach.value
    if sacrum is None:
        return None, None
    seen = None
    if scene.joint_mask is not None and any(bone.new for bone in scene.bones):
        seen = scene.geometry.to_patient(voxels_in(scene.joint_mask))
    left, right = (
        None if ilium is None else joint_cloud(joint_points(sacrum, ilium, seen=seen, reach_mm=reach)) for ilium in ilia
    )
    return left, right


def _together(scene: BoneScene, points: dict[int, Array], division: str, side: Side) -> Array | None:
    found = [points[id(b)] for b in scene.bones if b.spec.division == division and b.side is side]
    return np.concatenate(found) if found else None


def _medial(bone: BonePart, scene: BoneScene) -> NDArray[np.float64] | None:
    """Direction to the other leg: by the knee's side, or away from the fibula."""
    side = bone.side if bone.side is not Side.NONE else scene.laterality
    if side is not Side.NONE:
        return np.array([-1.0 if side is Side.LEFT else 1.0, 0.0, 0.0])
    tibia, fibula = (next((b for b in scene.bones if b.spec.key == key), None) for key in ("tibia", "fibula"))
    if tibia is None or fibula is None:
        return None
    middle = [scene.geometry.to_patient(voxels_in(b.mask)).mean(axis=0) for b in (tibia, fibula)]
    return np.asarray(np.sign(middle[0][0] - middle[1][0]) * np.array([1.0, 0.0, 0.0]))
