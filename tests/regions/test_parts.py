"""Parts of bones against the anatomy they were drawn from, in any plane and for any person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.regions import Midline, Region, Side
from marrowsignal.regions.dividing import BonePart, BoneScene
from marrowsignal.regions.parts import PartMap, divide_bones
from tests.regions.bones_of_people import grid, marrow, person, truths

MIDLINE = Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=0.0, symmetry=None, source="declared_sides")
HIP = ((35.0, -105.0, -190.0), (150.0, 20.0, -25.0))
KNEE = ((-60.0, -55.0, -80.0), (62.0, 48.0, 80.0))
PELVIS = ((-115.0, -70.0, -75.0), (115.0, 65.0, 65.0))
SPINE = ((-32.0, -125.0, 15.0), (32.0, 60.0, 150.0))
SLICES = {"coronal": (4.4, 1.2, 1.2), "sagittal": (4.4, 1.2, 1.2), "axial": (4.4, 1.2, 1.2)}


def divided(bones: LabelVolume, name: str, *, laterality: Side = Side.NONE) -> PartMap:
    protocol = load_protocol(name)
    found = []
    for value, word in bones.names:
        side, _, key = word.rpartition("_")
        mask = bones.array == value
        if mask.any():
            found.append(BonePart(spec=spec_of(key.lower(), protocol), side=Side(side or "none"), mask=mask))
    return divide_bones(
        BoneScene(
            bones=tuple(found),
            geometry=bones.geometry,
            midline=MIDLINE,
            joint_mask=None,
            laterality=laterality,
            protocol=protocol,
        )
    )


def spec_of(key: str, protocol: Protocol):
    spec = protocol.spec(key)
    assert spec is not None
    return spec


def part(parts: PartMap, key: str, side: str = "none", parent: str | None = None) -> Region:
    (found,) = (r for r in parts.parts if (r.key, r.side) == (key, side) and parent in (None, r.parent))
    return found


def inside(parts: PartMap, region: Region) -> np.ndarray:
    assert parts.labels is not None
    return np.isin(parts.labels.array, region.cells)


def border(mask: np.ndarray, bone: np.ndarray, geometry: VolumeGeometry) -> np.ndarray:
    """Middles of the faces that part the mask from the rest of its bone."""
    found = []
    for axis in range(3):
        low, high = (tuple(s if k == axis else slice(None) for k in range(3)) for s in (slice(-1), slice(1, None)))
        middle = np.argwhere(bone[low] & bone[high] & (mask[low] != mask[high])).astype(float)
        middle[:, axis] += 0.5
        found.append(middle)
    return geometry.to_patient(np.concatenate(found))


def border_distance_mm(parts: PartMap, region: Region, true: np.ndarray, bone: np.ndarray) -> float:
    assert parts.labels is not None
    mine, theirs = (border(m, bone, parts.labels.geometry) for m in (inside(parts, region) & bone, true))
    return float(np.concatenate([cKDTree(theirs).query(mine)[0], cKDTree(mine).query(theirs)[0]]).mean())


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_the_distance_of_borders_is_the_distance_of_shifted_planes() -> None:
    bone = np.zeros((6, 20, 20), bool)
    bone[1:5, 2:18, 2:18] = True
    geometry = grid("axial", (4.0, 1.0, 1.0), (0, 0, 0), (20, 20, 24))
    first, second = bone & (np.arange(20) < 8), bone & (np.arange(20) < 11)
    labels = LabelVolume(array=first.astype(np.uint16), geometry=geometry)
    region = Region(
        label=1, key="a", name="a", side=Side.NONE, code=None, voxels=1, volume_ml=1.0, parent="b", cells=(1,)
    )
    found = PartMap(parts=(region,), labels=labels, reason="")
    assert border_distance_mm(found, region, second, bone) == pytest.approx(3.0)
    assert border_distance_mm(found, region, first, bone) == 0.0


@pytest.mark.parametrize("plane", list(SLICES))
@pytest.mark.parametrize("seed", [3, 6])
def test_parts_of_a_femur_in_any_plane(plane: str, seed: int) -> None:
    bones = marrow(person(seed), "femora", grid(plane, SLICES[plane], *HIP), ("left_femur",))
    parts, true = divided(bones, "hips"), truths(person(seed), bones)
    assert [(r.key, r.side, r.parent) for r in parts.parts] == [
        (key, "left", "femur") for key in ("femoral_head", "femoral_neck", "intertrochanteric", "femoral_shaft")
    ]
    # the head ends at the dome of the growth plate's scar, which a plane meets within 2 to 3 mm; the other borders
    # hang on the axes of a bone that is bent by up to 3 mm
    for key, allowed_mm in (("femoral_head", 3.0), ("femoral_neck", 3.5), ("femoral_shaft", 5.0)):
        region = part(parts, key, "left")
        distance = border_distance_mm(parts, region, true["left_femur", key, "left"].mask, bones.mask)
        assert distance < allowed_mm, (key, distance)
    assert part(parts, "femoral_head", "left").coverage_fraction == 1.0
    assert part(parts, "femoral_shaft", "left").cut_by_field_of_view
    assert part(parts, "femoral_shaft", "left").coverage_fraction is None
    assert part(parts, "femoral_head", "left").code == "2812003"


def test_a_head_cut_by_the_picture_tells_how_much_of_it_is_seen() -> None:
    low, high = HIP
    # the head's centre lies near x 87, its marrow has a radius of some 22 mm: a third of it is left out
    bones = marrow(person(6), "femora", grid("coronal", (4.4, 1.2, 1.2), (80.0, *low[1:]), high), ("left_femur",))
    head = part(divided(bones, "hips"), "femoral_head", "left")
    assert head.cut_by_field_of_view
    whole = marrow(person(6), "femora", grid("coronal", (4.4, 1.2, 1.2), low, high), ("left_femur",))
    all_of_it = part(divided(whole, "hips"), "femoral_head", "left")
    assert head.coverage_fraction == pytest.approx(head.volume_ml / all_of_it.volume_ml, abs=0.08)


def test_without_a_shaft_in_view_there_is_no_shaft() -> None:
    low, high = HIP
    bones = marrow(person(6), "femora", grid("coronal", (4.4, 1.2, 1.2), (*low[:2], -125.0), high), ("left_femur",))
    keys = [r.key for r in divided(bones, "hips").parts]
    assert keys == ["femoral_head", "femoral_neck", "intertrochanteric"]


def test_a_shaft_alone_is_not_divided_and_says_why() -> None:
    low, high = HIP
    bones = marrow(person(6), "femora", grid("coronal", (4.4, 1.2, 1.2), low, (*high[:2], -140.0)), ("left_femur",))
    parts = divided(bones, "hips")
    assert parts.parts == ()
    assert "no femoral head" in parts.reason


@pytest.mark.parametrize("plane", list(SLICES))
@pytest.mark.parametrize("seed", [3, 6])
def test_endplate_zones_are_a_quarter_of_the_height_of_a_tilted_body(plane: str, seed: int) -> None:
    bones = marrow(person(seed), "spine", grid(plane, SLICES[plane], *SPINE))
    parts, true = divided(bones, "lumbar_spine"), truths(person(seed), bones)
    for level in ("L4", "L3"):
        bone = bones.array == next(v for v, n in bones.names if n == level)
        for key in ("superior_endplate_zone", "inferior_endplate_zone"):
            region = part(parts, key, parent=level.lower())
            # half a slice of 4.4 mm, a little more where slices run along the endplates
            assert border_distance_mm(parts, region, true[level, key, ""].mask, bone) < 2.7
            assert region.name.startswith(level)
        behind = part(parts, "posterior_elements", parent=level.lower())
        assert dice(inside(parts, behind), true[level, "posterior_elements", ""].mask) > 0.92
        height = [
            inside(parts, part(parts, f"{word}_endplate_zone", parent=level.lower()))
            for word in ("superior", "inferior")
        ]
        z = bones.geometry.patient_axis(2)
        assert z[height[0]].mean() > z[height[1]].mean() + 10.0


def test_a_body_cut_by_the_picture_has_no_zones() -> None:
    bones = marrow(person(3), "spine", grid("sagittal", SLICES["sagittal"], *SPINE))
    assert (
        "goes on outside" in divided(bones, "lumbar_spine").reason
        or "outside the picture" in divided(bones, "lumbar_spine").reason
    )
    assert not any(r.parent in ("l1", "t12") for r in divided(bones, "lumbar_spine").parts)


def test_halves_of_the_spine_part_at_its_middle() -> None:
    bones = marrow(person(6), "spine", grid("sagittal", SLICES["sagittal"], *SPINE))
    parts, true = divided(bones, "lumbar_spine"), truths(person(6), bones)
    for side in ("left", "right"):
        both = inside(parts, part(parts, "vertebral_bodies", side, "spine"))
        for level in ("L4", "L3"):
            bone = bones.array == next(v for v, n in bones.names if n == level)
            assert dice(both & bone, true[level, "vertebral_bodies", side].mask) > 0.9


@pytest.mark.parametrize(("plane", "seed"), [("coronal", 3), ("sagittal", 6), ("axial", 8)])
def test_condyles_end_near_the_growth_plates(plane: str, seed: int) -> None:
    bones = marrow(person(seed), "knee", grid(plane, (3.5, 2.0, 2.0), *KNEE))
    parts, true = divided(bones, "knee", laterality=Side.LEFT), truths(person(seed), bones)
    for name, word in (("femur", "femoral"), ("tibia", "tibial")):
        bone = bones.array == next(v for v, n in bones.names if n == name)
        for key in (f"{word}_condyle_medial", f"{word}_condyle_lateral"):
            region = part(parts, key, parent=name)
            distance = border_distance_mm(parts, region, true[name, key, ""].mask, bone)
            # femoral growth plates lean by 7 degrees to a plane square to the shaft: 4 mm at 30 mm
            assert distance < 4.0, (key, distance)
            assert dice(inside(parts, region), true[name, key, ""].mask) > 0.85


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_fibula_tells_medial_from_lateral_where_no_header_does(mirrored: bool) -> None:
    bones = marrow(person(3, mirrored=mirrored), "knee", grid("coronal", (3.5, 1.5, 1.5), *KNEE))
    parts = divided(bones, "knee")
    x = bones.geometry.patient_axis(0)
    medial, lateral = (x[inside(parts, part(parts, f"femoral_condyle_{w}"))].mean() for w in ("medial", "lateral"))
    # the phantom's knee is a left one: lateral is to the patient's left
    assert (lateral > medial) == (not mirrored)
    fibula = bones.array == next(v for v, n in bones.names if n == "fibula")
    alone = replace(bones, array=np.where(fibula, 0, bones.array))
    unknown = divided(alone, "knee")
    left = x[inside(unknown, part(unknown, "femoral_condyle_left"))].mean()
    assert left > x[inside(unknown, part(unknown, "femoral_condyle_right"))].mean()
    assert not any("medial" in r.key for r in unknown.parts)


@pytest.mark.parametrize("plane", ["coronal", "axial"])
@pytest.mark.parametrize("seed", [3, 6])
def test_sacral_alae_and_sacroiliac_quadrants(plane: str, seed: int) -> None:
    names = ("sacrum", "left_ilium", "right_ilium")
    bones = marrow(person(seed), "pelvis", grid(plane, (3.5, 1.6, 1.6), *PELVIS), names)
    parts, true = divided(bones, "pelvis_sij"), truths(person(seed), bones)
    assert parts.reason == ""
    for (bone, key, side), truth in true.items():
        parent = bone.rpartition("_")[2]
        region = part(parts, key, side, parent)
        mask = bones.array == next(v for v, n in bones.names if n == bone)
        distance = border_distance_mm(parts, region, truth.mask, mask)
        assert distance < 3.0, (key, side, distance)
        assert region.code == {"sacral_ala": None, "iliac_remainder": "22356005"}.get(key, "39723000")
    assert part(parts, "sacral_middle").parent == "sacrum"
    # quadrants lie within their ala
    for side in ("left", "right"):
        ala = set(part(parts, "sacral_ala", side).cells)
        for half in ("upper", "lower"):
            assert set(part(parts, f"sacral_quadrant_{half}", side).cells) < ala


def test_the_left_parts_of_a_mirrored_person_are_the_right_ones_of_the_other() -> None:
    names = ("sacrum", "left_ilium", "right_ilium")
    box = grid("coronal", (3.5, 2.0, 2.0), *PELVIS)
    middle = np.diag([-1.0, 1.0, 1.0, 1.0])
    other = VolumeGeometry(affine_lps=middle @ box.affine_lps, shape=box.shape)
    one = divided(marrow(person(6), "pelvis", box, names), "pelvis_sij")
    swapped = marrow(person(6, mirrored=True), "pelvis", other, names)
    # bones are called after the drawn anatomy: in a mirror its left is the right
    swap = {"left_ilium": "right_ilium", "right_ilium": "left_ilium"}
    two = divided(replace(swapped, names=tuple((v, swap.get(n, n)) for v, n in swapped.names)), "pelvis_sij")
    opposite = {"left": "right", "right": "left", "none": "none"}
    assert {(r.key, r.side, r.voxels) for r in one.parts} == {(r.key, opposite[r.side], r.voxels) for r in two.parts}


def test_cells_part_the_bones_and_carry_words() -> None:
    names = ("sacrum", "left_ilium", "right_ilium")
    bones = marrow(person(6), "pelvis", grid("coronal", (3.5, 2.0, 2.0), *PELVIS), names)
    parts = divided(bones, "pelvis_sij")
    assert parts.labels is not None
    np.testing.assert_array_equal(parts.labels.mask, bones.mask)
    words = dict(parts.labels.names)
    assert set(words) == set(np.unique(parts.labels.array)) - {0}
    for region in parts.parts:
        assert all(region.name in words[cell] for cell in region.cells)
        assert region.voxels == inside(parts, region).sum()


def test_two_femora_that_nothing_tells_apart_are_not_divided() -> None:
    box = grid("coronal", (4.4, 2.0, 2.0), (-150.0, -105.0, -180.0), (150.0, 20.0, -25.0))
    both = marrow(person(6), "femora", box)
    one = LabelVolume(array=both.mask.astype(np.uint16), geometry=box, names=((1, "_femur"),))
    parts = divided(one, "hips")
    assert parts.parts == ()
    assert "not told apart" in parts.reason


@pytest.mark.parametrize(("protocol", "key"), [("hips", "femur"), ("lumbar_spine", "l5")])
def test_a_bone_that_cannot_be_divided_is_a_part_with_all_its_voxels(protocol: str, key: str) -> None:
    rules = load_protocol(protocol)
    geometry = grid("axial", (4.0, 2.0, 2.0), (0.0, 0.0, 0.0), (60.0, 60.0, 40.0))
    mask = np.zeros(geometry.shape, bool)
    mask[0:2, 10:20, 10:20] = True
    bone = BonePart(spec=spec_of(key, rules), side=Side.LEFT, mask=mask, new=True)
    found = divide_bones(
        BoneScene(bones=(bone,), geometry=geometry, midline=None, joint_mask=None, laterality=Side.NONE, protocol=rules)
    )
    assert found.reason
    (whole,) = found.parts
    assert (whole.key, whole.voxels) == (key, 200)
    np.testing.assert_array_equal(inside(found, whole), mask)
