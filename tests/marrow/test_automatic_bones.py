"""Classes become bones with names, sides and levels."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.marrow.automatic.bones import NamedBones, likeliest, name_bones
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.protocol import load_protocol

SETTINGS = load_protocol("generic").automatic
# sagittal, 4 mm slices and 1 mm pixels
SPINE = VolumeGeometry.from_axes(
    origin_lps_mm=(-20.0, -50.0, 300.0),
    directions_lps=np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    spacing_mm=(4.0, 1.0, 1.0),
    shape=(10, 330, 90),
)
# coronal
PELVIS = VolumeGeometry.from_axes(
    origin_lps_mm=(-150.0, 0.0, 100.0),
    directions_lps=np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    spacing_mm=(4.0, 2.0, 2.0),
    shape=(6, 100, 150),
)


def spine(*, gone: tuple[int, ...] = (), sacrum: bool = True, bridge: int = 0) -> np.ndarray:
    """S1 and six bodies 34 mm apart, the lowest first; some missing, two joined by a thin bridge."""
    classes = np.zeros(SPINE.shape, np.uint8)
    if sacrum:
        classes[2:8, 290:315, 30:60] = BoneClass.S1_BODY
    for level in range(6):
        if level not in gone:
            top = 256 - 34 * level
            classes[2:8, top : top + 26, 30:62] = BoneClass.VERTEBRAL_BODY
    if bridge:
        classes[2:8, 214:260, 30 : 30 + bridge] = BoneClass.VERTEBRAL_BODY
    return classes


def named(classes: np.ndarray, geometry: VolumeGeometry = SPINE, *, counted: bool = True) -> NamedBones:
    return name_bones(classes, geometry, settings=SETTINGS, counted=counted)


def centre(bones: NamedBones, key: str, geometry: VolumeGeometry) -> np.ndarray:
    value = {name: value for value, name in bones.names}[key]
    return geometry.to_patient(np.argwhere(bones.labels == value).mean(axis=0))


def test_vertebrae_are_counted_upwards_from_the_sacrum() -> None:
    bones = named(spine())
    assert [name for _, name in bones.names] == ["s1", "l5", "l4", "l3", "l2", "l1", "t12"]
    assert bones.levels_known is True
    heights = [centre(bones, name, SPINE)[2] for _, name in bones.names]
    assert heights == sorted(heights)


def test_a_missing_body_leaves_its_level_out() -> None:
    assert [name for _, name in named(spine(gone=(2,))).names] == ["s1", "l5", "l4", "l2", "l1", "t12"]


@pytest.mark.parametrize("bridge", [4, 20])
def test_bodies_that_touch_are_parted(bridge: int) -> None:
    bones = named(spine(bridge=bridge))
    heights = [centre(bones, name, SPINE)[2] for _, name in bones.names]
    np.testing.assert_allclose(np.diff(heights)[1:], 34.0, atol=3.0)
    assert [name for _, name in bones.names] == ["s1", "l5", "l4", "l3", "l2", "l1", "t12"]


def test_without_a_sacrum_no_level_is_claimed() -> None:
    bones = named(spine(sacrum=False))
    assert [name for _, name in bones.names] == [f"vertebra_{i}" for i in range(1, 7)]
    assert bones.levels_known is False


def test_a_body_far_above_the_sacrum_is_no_l5() -> None:
    assert named(spine(gone=(0,))).levels_known is False


def pelvis(*, hips: str = "both", sacrum: bool = True) -> np.ndarray:
    classes = np.zeros(PELVIS.shape, np.uint8)
    if sacrum:
        classes[1:5, 20:50, 60:90] = BoneClass.SACRUM
    for side, hip, femur in (("right", slice(30, 50), slice(10, 28)), ("left", slice(100, 120), slice(122, 140))):
        if hips in (side, "both"):
            classes[1:5, 30:70, hip] = BoneClass.HIP_BONE
            classes[1:5, 60:90, femur] = BoneClass.FEMUR
    return classes


@pytest.mark.parametrize("sacrum", [True, False])
def test_left_is_the_patients_left(sacrum: bool) -> None:
    bones = named(pelvis(sacrum=sacrum), PELVIS, counted=False)
    for key in ("ilium", "femur"):
        assert centre(bones, f"{key}:left", PELVIS)[0] > centre(bones, f"{key}:right", PELVIS)[0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_hip_alone_is_told_by_its_femur_which_is_lateral(side: str) -> None:
    bones = named(pelvis(hips=side, sacrum=False), PELVIS, counted=False)
    assert {name for _, name in bones.names} == {f"ilium:{side}", f"femur:{side}"}


def test_one_femur_alone_has_no_side_and_is_not_cut_in_two() -> None:
    classes = np.zeros(PELVIS.shape, np.uint8)
    classes[1:5, 10:30, 60:80] = classes[1:5, 15:90, 70:85] = BoneClass.FEMUR
    assert [name for _, name in named(classes, PELVIS, counted=False).names] == ["femur"]


@pytest.mark.parametrize("hips", [True, False])
def test_two_femora_in_a_small_picture_are_told_apart(hips: bool) -> None:
    classes = np.zeros(PELVIS.shape, np.uint8)
    classes[1:5, 10:90, 40:55] = classes[1:5, 10:90, 85:100] = BoneClass.FEMUR
    if hips:
        classes[1:5, 10:40, 56:69] = classes[1:5, 10:40, 71:84] = BoneClass.HIP_BONE
    bones = named(classes, PELVIS, counted=False)
    assert centre(bones, "femur:left", PELVIS)[0] > centre(bones, "femur:right", PELVIS)[0] + 60


def test_specks_are_no_bones() -> None:
    classes = pelvis(hips="left")
    # a speck, and a larger piece far from the bone
    classes[0, 5:8, 5:8] = classes[1:4, 85:95, 80:95] = BoneClass.HIP_BONE
    labels = named(classes, PELVIS, counted=False).labels
    assert not labels[0].any()
    assert not labels[:, 85:95, 80:95].any()
    assert not named(np.zeros_like(classes), PELVIS, counted=False).names


def test_a_bone_in_two_near_pieces_is_kept() -> None:
    classes = pelvis()
    classes[:, 50:54] = 0
    bones = named(classes, PELVIS, counted=False)
    kept = bones.labels == {name: value for value, name in bones.names}["ilium:left"]
    assert kept[2, 40, 110] and kept[2, 60, 110]


def test_a_trunk_has_no_knee() -> None:
    shares = np.zeros((len(BoneClass), 1, 8, 8), np.float32)
    shares[BoneClass.HIP_BONE, :, :6] = 0.6
    shares[BoneClass.TIBIA, :, 6:] = 0.6
    shares[BoneClass.FEMUR, :, 6:] = 0.4
    classes = likeliest(shares)
    assert (classes[0, :6] == BoneClass.HIP_BONE).all()
    assert (classes[0, 6:] == BoneClass.FEMUR).all()
