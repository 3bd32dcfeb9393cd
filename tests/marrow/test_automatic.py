"""The shipped network on phantom people it has never seen: where bones are, whose side is left, when it abstains."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files

import numpy as np
import pytest

from marrowsignal.alignment import AlignedPair
from marrowsignal.findings import Severity
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.marrow.automatic import nearest_bones, segment_automatic
from marrowsignal.marrow.automatic.weights import load_network, network_card
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.phantom import TissueMaps, coronal_oblique_grid, draw_subject, tissue_maps
from marrowsignal.protocol import Protocol, load_protocol
from tests.alignment.pelvis import aligned, image

JOINTS = coronal_oblique_grid(shape=(8, 150, 150), spacing_mm=(7.0, 1.6, 1.6))
SPINE = VolumeGeometry.from_axes(
    origin_lps_mm=(-20.0, -120.0, 220.0),
    directions_lps=np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    spacing_mm=(8.0, 1.6, 1.6),
    shape=(6, 180, 130),
)


@cache
def maps(name: str, grid: VolumeGeometry, *, mirrored: bool = False) -> TissueMaps:
    return tissue_maps(name, grid, subject=draw_subject(31, sex="M", mirrored=mirrored), sub_slices=1)


@cache
def pair(name: str = "normal", grid: VolumeGeometry = JOINTS, *, mirrored: bool = False) -> AlignedPair:
    of = maps(name, grid, mirrored=mirrored)
    return aligned(image(of, "t1"), image(of, "stir"), grid)


@cache
def protocol(name: str = "pelvis_sij") -> Protocol:
    return load_protocol(name)


@cache
def segmented(name: str = "normal", *, mirrored: bool = False) -> Segmentation:
    return segment_automatic(pair(name, mirrored=mirrored), protocol=protocol())


def part(labels: LabelVolume, *keys: str) -> np.ndarray:
    return np.isin(labels.array, [value for value, name in labels.names if name in keys])


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2.0 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("name", ["normal", "focal_edema", "symmetric_reconversion", "diffuse_infiltration"])
def test_bones_of_the_pelvis_are_where_the_phantom_has_them(name: str) -> None:
    found, truth = segmented(name), maps(name, JOINTS).bones
    assert found.source is MarrowSource.AUTOMATIC
    for keys, bones in (
        (("sacrum",), ("sacrum",)),
        (("ilium:left",), ("left_ilium",)),
        (("ilium:right",), ("right_ilium",)),
    ):
        assert dice(part(found.labels, *keys), part(truth, *bones)) > 0.75


def test_edema_stays_in_the_mask() -> None:
    lesion = maps("focal_edema", JOINTS).lesion.mask
    assert segmented("focal_edema").labels.mask[lesion].mean() > 0.85


def test_a_mirrored_person_has_mirrored_sides() -> None:
    truth = maps("normal", JOINTS, mirrored=True).bones
    for side in ("left", "right"):
        found = part(segmented(mirrored=True).labels, f"ilium:{side}")
        assert dice(found, part(truth, f"{side}_ilium")) > 0.75


def test_any_order_of_the_axes_gives_the_same_bones() -> None:
    straight = pair()
    affine = JOINTS.affine_lps.copy()
    # rows become columns that run backwards, slices run backwards
    turn = np.zeros((4, 4))
    turn[[0, 1, 2, 3], [0, 2, 1, 3]] = (-1.0, 1.0, -1.0, 1.0)
    turn[0, 3], turn[2, 3] = JOINTS.shape[0] - 1, JOINTS.shape[2] - 1
    grid = VolumeGeometry(affine_lps=affine @ turn, shape=(JOINTS.shape[0], JOINTS.shape[2], JOINTS.shape[1]))

    def turned(stored: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.transpose(stored, (0, 2, 1))[::-1, ::-1, :])

    assert straight.stir is not None
    found = segment_automatic(
        aligned(turned(straight.t1.array), turned(straight.stir.array), grid), protocol=protocol()
    )
    np.testing.assert_array_equal(found.labels.array, turned(segmented().labels.array))
    assert found.labels.names == segmented().labels.names


@pytest.mark.parametrize("mirrored", [False, True])
def test_marrow_is_named_by_the_bone_it_lies_in(mirrored: bool) -> None:
    found = nearest_bones(pair(mirrored=mirrored), protocol=protocol())
    assert found is not None
    assert (found.array > 0).all()
    truth = maps("normal", JOINTS, mirrored=mirrored)
    for key, bone in (("sacrum", "sacrum"), ("ilium:left", "left_ilium"), ("ilium:right", "right_ilium")):
        assert part(found, key)[truth.marrow.mask & part(truth.bones, bone)].mean() > 0.97


def test_bones_are_named_alike_in_any_order_of_the_axes() -> None:
    one, grid = (
        pair(),
        VolumeGeometry(
            affine_lps=JOINTS.affine_lps @ np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]),
            shape=(JOINTS.shape[0], JOINTS.shape[2], JOINTS.shape[1]),
        ),
    )
    assert one.stir is not None
    t1, stir = (np.ascontiguousarray(np.swapaxes(of.array, 1, 2)) for of in (one.t1, one.stir))
    found, straight = (nearest_bones(of, protocol=protocol()) for of in (aligned(t1, stir, grid), one))
    assert found is not None and straight is not None
    assert found.names == straight.names
    np.testing.assert_array_equal(np.swapaxes(found.array, 1, 2), straight.array)


def test_gain_does_not_matter() -> None:
    one = pair()
    assert one.stir is not None
    louder = aligned(one.t1.array * np.float32(0.03), one.stir.array * np.float32(40.0), JOINTS)
    found = segment_automatic(louder, protocol=protocol())
    assert dice(found.labels.mask, segmented().labels.mask) > 0.999


def test_the_same_study_gives_the_same_bits() -> None:
    again = segment_automatic(pair(), protocol=protocol())
    np.testing.assert_array_equal(again.labels.array, segmented().labels.array)
    assert again.probability is not None and segmented().probability is not None
    np.testing.assert_array_equal(again.probability, segmented().probability)
    assert again.estimate == segmented().estimate


def test_vertebrae_have_their_levels() -> None:
    found = segment_automatic(pair("lumbar_normal", SPINE), protocol=protocol("lumbar_spine"))
    truth = maps("lumbar_normal", SPINE).bones
    assert {"s1", "l5", "l4", "l3", "l2"} <= {name for _, name in found.labels.names}
    for level in ("l5", "l4", "l3"):
        body = part(found.labels, level)
        # the phantom's vertebra holds its arch, too
        assert part(truth, level.upper())[body].mean() > 0.75


@pytest.mark.parametrize("kind", ["water", "noise", "nothing"])
def test_where_there_is_no_person_it_abstains(kind: str) -> None:
    rng = np.random.default_rng(8)
    grid = coronal_oblique_grid(shape=(3, 96, 96), spacing_mm=(4.0, 2.0, 2.0))
    t1, stir = rng.rayleigh(20.0, (2, *grid.shape)) * (kind != "nothing")
    if kind == "water":
        rows, columns = np.indices(grid.shape)[1:] - 48
        t1, stir = np.abs(300.0 * (rows**2 + columns**2 < 40**2) + rng.normal(0, 15, (2, *grid.shape)))
    nobody = aligned(t1, stir, grid)
    assert nearest_bones(nobody, protocol=protocol()) is None
    found = segment_automatic(nobody, protocol=protocol())
    assert not found.labels.array.any()
    assert found.estimate is None
    assert [(f.code, f.severity) for f in found.findings] == [("no_marrow_found", Severity.FAIL)]


def test_the_estimate_is_an_interval_around_a_dice() -> None:
    estimate = segmented().estimate
    assert estimate is not None
    assert 0.0 <= estimate[1] <= estimate[0] <= estimate[2] <= 1.0
    assert segmented().probability is not None
    assert segmented().kind in MaskKind


def test_the_card_tells_of_the_file_beside_it() -> None:
    folder = files("marrowsignal.marrow.automatic") / "data"
    weights = (folder / "bones.onnx").read_bytes()
    card = json.loads((folder / "bones.json").read_text(encoding="utf-8"))
    assert hashlib.sha256(weights).hexdigest() == card["sha256"] == network_card().sha256
    assert len(weights) < 10_000_000
    # an exporter's stack traces would name the folders of the machine it was made on
    assert b"site-packages" not in weights
    assert b'File "' not in weights
    assert load_network() is load_network()
