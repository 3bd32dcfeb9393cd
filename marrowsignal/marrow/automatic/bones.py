"""From shares of classes to bones with names: the right body part, whole pieces, sides, levels of vertebrae."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.geometry.depth import box_of
from marrowsignal.geometry.label_values import holding
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.marrow.automatic.vertebrae import count_bodies
from marrowsignal.protocol.schema import AutomaticSettings

__all__ = ["NamedBones", "likeliest", "name_bones"]

Mask = NDArray[np.bool_]
Classes = NDArray[np.uint8]
_SACRUM = (BoneClass.SACRUM, BoneClass.S1_BODY)
_VERTEBRAE = (BoneClass.VERTEBRAL_BODY, BoneClass.VERTEBRAL_ARCH)
_AXIS = (*_SACRUM, *_VERTEBRAE)
_TRUNK = (*_AXIS, BoneClass.HIP_BONE)
_KNEE = (BoneClass.TIBIA, BoneClass.PATELLA, BoneClass.FIBULA)
_PAIRED = ((BoneClass.HIP_BONE, "ilium"), (BoneClass.FEMUR, "femur"))
_SINGLE = ((BoneClass.TIBIA, "tibia"), (BoneClass.PATELLA, "patella"), (BoneClass.FIBULA, "fibula"))
# femora of one person are farther apart, hip bone and femur of one side nearer
_BOTH_HIPS_MM = 220.0
# two of a kind leave the middle between them empty, one alone fills it
_EMPTY_MIDDLE_MM, _EMPTY_SHARE = 20.0, 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedBones:
    """Bones with their names.

    Attributes
    ----------
    labels : ndarray of uint16, shape (slice, row, column)
        One value a bone.
    names : tuple of (int, str)
        Region key of each value, with its side where bones are paired.
    levels_known : bool or None
        Whether vertebrae were counted from the sacrum; None where there are none.
    """

    labels: NDArray[np.uint16]
    names: tuple[tuple[int, str], ...]
    levels_known: bool | None


def likeliest(shares: NDArray[np.float32]) -> Classes:
    """Most likely class of each voxel, bones of the trunk or those of a knee.

    Parameters
    ----------
    shares : ndarray of float32, shape (class, slice, row, column)
        Probabilities.

    Returns
    -------
    ndarray of uint8, shape (slice, row, column)
        `BoneClass`.
    """
    classes = _largest(shares, list(BoneClass))
    count = np.bincount(classes.ravel(), minlength=len(BoneClass))
    other = _TRUNK if count[list(_KNEE)].sum() > count[list(_TRUNK)].sum() else _KNEE
    return _largest(shares, [kind for kind in BoneClass if kind not in other])


def _largest(shares: NDArray[np.float32], kinds: list[BoneClass]) -> Classes:
    """Of some classes the one with the largest share, without a copy of all."""
    best = shares[kinds[0]].copy()
    classes = np.full(best.shape, kinds[0], np.uint8)
    for kind in kinds[1:]:
        larger = shares[kind] > best
        best[larger] = shares[kind][larger]
        classes[larger] = kind
    return classes


def name_bones(classes: Classes, geometry: VolumeGeometry, *, settings: AutomaticSettings, counted: bool) -> NamedBones:
    """Keep whole pieces and give each bone its name.

    Parameters
    ----------
    classes : ndarray of uint8, shape (slice, row, column)
        `BoneClass`, in the stored order of the geometry.
    geometry : VolumeGeometry
        Their grid.
    settings : AutomaticSettings
        Smallest pieces, how vertebrae are counted.
    counted : bool
        Whether the study is about vertebrae: their bodies one by one, and S1, without arches and other bones.

    Returns
    -------
    NamedBones
        Left is the patient's left, larger x in LPS.
    """
    least = max(settings.min_piece.value / geometry.voxel_ml, 1.0)

    def whole(*kinds: BoneClass) -> Mask:
        return _one_bone(holding(classes, kinds), least, geometry, settings)

    known = None
    if counted:
        first = whole(BoneClass.S1_BODY)
        bodies = _pieces(classes == BoneClass.VERTEBRAL_BODY, least)
        found = count_bodies(bodies, first, geometry, settings=settings)
        bones, known = [("s1", first), *found.bodies], found.levels_known
    else:
        bones = [
            ("sacrum", _read_part(whole(*_SACRUM), classes, geometry, settings)),
            ("lumbar_spine", _pieces(holding(classes, _VERTEBRAE), least)),
            *((key, _one_bone(mask, least, geometry, settings)) for key, mask in _sided(classes, geometry, least)),
            *((key, whole(kind)) for kind, key in _SINGLE),
        ]
    labels = np.zeros(classes.shape, np.uint16)
    names: list[tuple[int, str]] = []
    for key, mask in bones:
        if mask.sum() >= least:
            names.append((len(names) + 1, key))
            labels[mask] = len(names)
    return NamedBones(labels=labels, names=tuple(names), levels_known=known)


def _read_part(sacrum: Mask, classes: Classes, geometry: VolumeGeometry, settings: AutomaticSettings) -> Mask:
    """Sacrum without the middle of S2 to S5, where the protocol leaves that out."""
    if settings.sacrum_middle is None or not sacrum.any():
        return sacrum
    first = classes == BoneClass.S1_BODY
    x = geometry.patient_axis(0)
    middle = float(np.median(x[sacrum]))
    return np.asarray(sacrum & (first | (np.abs(x - middle) > settings.sacrum_middle.value)))


def _pieces(mask: Mask, least: float) -> Mask:
    """Pieces of at least so many voxels."""
    found, box = np.zeros_like(mask), box_of(mask)
    if box is not None:
        pieces, sizes = _sized(mask[box], least)
        found[box] = (sizes > 0)[pieces]
    return found


def _sized(mask: Mask, least: float) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Pieces of a mask, and the voxels of each; 0 for the smaller ones and for what is no piece."""
    pieces, count = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    sizes[sizes < least] = 0
    return pieces, sizes


def _one_bone(mask: Mask, least: float, geometry: VolumeGeometry, settings: AutomaticSettings) -> Mask:
    """Keep the largest piece and those near it: a thin neck or ramus may part a bone, but not by far."""
    found, box = np.zeros_like(mask), box_of(mask)
    if box is None:
        return found
    pieces, sizes = _sized(mask[box], least)
    near = sizes > 0
    if np.count_nonzero(near) > 1:
        away = ndimage.distance_transform_edt(pieces != int(sizes.argmax()), sampling=geometry.spacing_mm)
        gap = np.asarray(ndimage.minimum(away, pieces, np.arange(len(sizes))))
        near &= (gap <= settings.max_piece_gap.value) & (sizes >= settings.min_piece_share.value * sizes.max())
    found[box] = near[pieces]
    return found


def _sided(classes: Classes, geometry: VolumeGeometry, least: float) -> list[tuple[str, Mask]]:
    """Hip bones and femora, left and right; without a side where nothing tells."""
    x = geometry.patient_axis(0)
    beside = _middle(classes, x, least)
    if beside is None:
        return [(key, classes == kind) for kind, key in _PAIRED]
    return [
        (f"{key}:{side}", (classes == kind) & there)
        for kind, key in _PAIRED
        for side, there in (("left", x > beside), ("right", x <= beside))
    ]


def _middle(classes: Classes, x: NDArray[np.float64], least: float) -> float | None:
    """Patient x between left and right; None in a knee or of one bone alone, where nothing tells which side it is."""
    axis, hip, femur = (holding(classes, kinds) for kinds in (_AXIS, (BoneClass.HIP_BONE,), (BoneClass.FEMUR,)))
    paired = hip | femur
    if holding(classes, _KNEE).any() or not paired.any():
        return None
    if axis.sum() >= least:
        return float(np.median(x[axis]))
    low, high = np.percentile(x[paired], (1.0, 99.0))
    if high - low > _BOTH_HIPS_MM:
        return float(0.5 * (low + high))
    seen = [x[bone] for bone in (femur, hip) if bone.sum() >= least]
    between = next((found for found in map(_between_two, seen) if found is not None), None)
    if between is not None or len(seen) < len(_PAIRED):
        return between
    # one hip alone: its femur is the lateral one of the two bones
    left = float(np.mean(x[femur])) > float(np.mean(x[hip]))
    return float(x.min()) - 1.0 if left else float(x.max())


def _between_two(x: NDArray[np.float64]) -> float | None:
    """Middle of two bones of a kind, from the patient x of their voxels; None where it is one bone."""
    middle = float(np.mean(np.percentile(x, (1.0, 99.0))))
    share = np.mean(np.abs(x - middle) < _EMPTY_MIDDLE_MM / 2.0)
    return middle if share < _EMPTY_SHARE else None
