"""Metal is marked, and gas, cortex and flow are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.cli.progress import STEPS
from marrowsignal.geometry import SignalVolume, VolumeGeometry
from marrowsignal.intensity import mark_metal
from tests.signals.scene import GRID, Scene, build_scene


def ball(radius_mm: float) -> NDArray[np.bool_]:
    """About the middle of the left ilium's marrow."""
    return distance() <= radius_mm


def distance() -> NDArray[np.float64]:
    scene = build_scene("normal")
    inside = np.argwhere(scene.regions.labels.array == 3)
    centre = GRID.to_patient(inside[len(inside) // 2])
    return np.sqrt(sum((GRID.patient_axis(axis) - centre[axis]) ** 2 for axis in range(3)))


def void(radius_mm: float, *, pile_up: float, both: bool = True) -> Scene:
    """A void, and at one side of it signal piled up to so many times fat."""
    scene = build_scene("normal")
    t1, stir = np.array(scene.pair.t1.array), np.array(scene.pair.stir.array)
    hole = ball(radius_mm)
    rim = (
        ball(radius_mm + 4.0)
        & ~hole
        & np.broadcast_to(GRID.patient_axis(2) > np.median(GRID.patient_axis(2)), GRID.shape)
    )
    if pile_up:
        t1[rim] = pile_up * scene.references.fat.t1
    t1[hole] = 0.01
    if both:
        stir[hole] = 0.01
    body = scene.pair.body_mask | hole
    pair = replace(scene.pair, t1=replace(scene.pair.t1, array=t1), stir=replace(scene.pair.stir, array=stir))
    return replace(scene, pair=replace(pair, body_mask=body))


def marked(scene: Scene) -> NDArray[np.bool_]:
    pair = mark_metal(scene.pair, protocol=scene.protocol)
    assert pair.metal_mask is not None
    return pair.metal_mask


def test_a_void_with_pile_up_is_metal_and_all_within_its_margin_is_marked() -> None:
    scene = void(8.0, pile_up=2.0)
    found = marked(scene)
    far = distance()
    margin = scene.protocol.quality.metal_margin.value
    assert found[far < 8.0 + margin - 4.0].all()
    assert not found[far > 8.0 + margin + 6.0].any()


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(lambda: build_scene("normal"), id="nothing"),
        pytest.param(lambda: void(8.0, pile_up=0.0), id="gas"),
        pytest.param(lambda: void(8.0, pile_up=2.0, both=False), id="dark on T1 alone"),
        pytest.param(lambda: void(2.6, pile_up=2.0), id="too small"),
    ],
)
def test_what_is_no_metal_is_not_marked(scene) -> None:  # type: ignore[no-untyped-def]
    assert not marked(scene()).any()


def test_a_t1_alone_is_looked_at_too() -> None:
    scene = void(8.0, pile_up=2.0)
    assert marked(replace(scene, pair=replace(scene.pair, stir=None))).any()


def test_gain_changes_nothing() -> None:
    scene = void(8.0, pile_up=2.0)
    louder = replace(scene.pair.t1, array=1000 * scene.pair.t1.array)
    assert np.array_equal(marked(scene), marked(replace(scene, pair=replace(scene.pair, t1=louder))))


def test_nothing_near_metal_is_measured() -> None:
    scene = void(8.0, pile_up=2.0)
    pair = mark_metal(scene.pair, protocol=scene.protocol)
    assert pair.metal_mask is not None
    assert not (pair.measurable_mask & pair.metal_mask).any()
    excess = replace(scene, pair=pair).measure().excess_index
    assert excess is not None
    assert np.isnan(excess[pair.metal_mask]).all()


def test_without_fat_to_compare_with_nothing_was_looked_for() -> None:
    scene = build_scene("normal")
    flat = replace(scene.pair.t1, array=np.where(scene.pair.body_mask, 100.0, 0.0).astype(np.float32))
    assert mark_metal(replace(scene.pair, t1=flat), protocol=scene.protocol).metal_mask is None


def test_what_may_be_metal_at_the_edge_of_the_picture_is_told_and_not_marked() -> None:
    scene = void(8.0, pile_up=2.0)
    left = int(np.argwhere(ball(8.0)).min(axis=0)[2])
    cut = (slice(None), slice(None), slice(left - 2, None))
    geometry = VolumeGeometry(
        affine_lps=GRID.affine_lps, shape=(GRID.shape[0], GRID.shape[1], GRID.shape[2] - left + 2)
    )

    def cropped(volume: SignalVolume) -> SignalVolume:
        return replace(volume, array=np.ascontiguousarray(volume.array[cut]), geometry=geometry)

    masks = {name: getattr(scene.pair, name)[cut] for name in ("body_mask", "covered_mask")}
    pair = replace(scene.pair, t1=cropped(scene.pair.t1), stir=cropped(scene.pair.stir), **masks)
    found = mark_metal(pair, protocol=scene.protocol)
    assert [finding.code for finding in found.findings] == ["void_at_edge"]
    assert found.metal_mask is not None
    assert not found.metal_mask.any()


def test_metal_is_looked_for_before_pile_up_can_be_taken_for_shading() -> None:
    order = [step for step, _ in STEPS]
    assert order.index("mark_metal") < order.index("correct_bias")
