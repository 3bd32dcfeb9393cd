"""What must not change a measurement: gain, the way arrays run, background around, the patient's sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowsignal.geometry import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.regions import Side
from marrowsignal.signals import Signals
from marrowsignal.signals.records import Measurement
from tests.signals.scene import GRID, Scene, build_scene, mirror_columns

OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.NONE: Side.NONE}
# rows of 2.8 mm and columns of 2.6 mm: whole blocks of 5 mm, so that blocks are the same ones
WHOLE_BLOCKS = 25
FEW = settings(max_examples=3, deadline=None)
GAINS = st.floats(0.05, 40.0)
PLACES = st.floats(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Close:
    """How near two measurements have to be; percentages are differences of levels or shares of voxels."""

    value: float = 1e-4
    interval: float = 1e-4
    percent: float = 2e-3


EXACT = Close()
# where blocks begin, and which of several voxels within reach is a counterpart, depends on where counting began
LOOSE = Close(value=0.02, interval=0.1, percent=1.0)
_BY_COUNTERPART = "red_like_mirror_dice"


def scene_with_ball(place: float) -> Scene:
    """Normal marrow with a ball somewhere that is twice as bright on STIR; T1 and references stay."""
    scene = build_scene("normal")
    inside = np.argwhere(scene.marrow.core_mask)
    center = inside[int(place * (len(inside) - 1))]
    points = GRID.to_patient(np.argwhere(np.ones(GRID.shape, bool)))
    away = np.linalg.norm(points - GRID.to_patient(center), axis=1).reshape(GRID.shape)
    stir = np.where(away <= 9.0, np.float32(2.2), np.float32(1.0)) * scene.pair.stir.array
    return replace(scene, pair=replace(scene.pair, stir=replace(scene.pair.stir, array=stir.astype(np.float32))))


def changed(scene: Scene, change: Callable[[NDArray], NDArray], geometry: VolumeGeometry) -> Scene:
    """The same scene with every array changed alike."""

    def made(array: NDArray) -> NDArray:
        return np.ascontiguousarray(change(np.asarray(array)))

    def signal(volume: SignalVolume) -> SignalVolume:
        return replace(volume, array=made(volume.array), geometry=geometry)

    def labels(volume: LabelVolume) -> LabelVolume:
        return replace(volume, array=made(volume.array), geometry=geometry)

    pair = scene.pair
    return replace(
        scene,
        pair=replace(
            pair,
            t1=signal(pair.t1),
            stir=signal(pair.stir),
            covered_mask=made(pair.covered_mask),
            body_mask=made(pair.body_mask),
        ),
        marrow=replace(scene.marrow, labels=labels(scene.marrow.labels), core_mask=made(scene.marrow.core_mask)),
        regions=replace(scene.regions, labels=labels(scene.regions.labels), joint_mask=made(scene.regions.joint_mask)),
        references=replace(scene.references, labels=labels(scene.references.labels)),
    )


def flipped(scene: Scene, axes: tuple[int, ...]) -> Scene:
    """The same patient, with arrays that run the other way along some axes."""
    affine = scene.pair.t1.geometry.affine_lps.copy()
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (scene.pair.t1.geometry.shape[axis] - 1)
        affine[:3, axis] *= -1
    geometry = VolumeGeometry(affine_lps=affine, shape=scene.pair.t1.geometry.shape)
    return changed(scene, lambda array: np.flip(array, axes), geometry)


def padded(scene: Scene, before: tuple[int, ...], after: tuple[int, ...]) -> Scene:
    """The same patient in a larger picture of air."""
    old = scene.pair.t1.geometry
    affine = old.affine_lps.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.array(before, float)
    shape = tuple(int(b + n + a) for b, n, a in zip(before, old.shape, after, strict=True))
    geometry = VolumeGeometry(affine_lps=affine, shape=shape)
    return changed(scene, lambda array: np.pad(array, list(zip(before, after, strict=True))), geometry)


def mirrored(scene: Scene) -> Scene:
    """The patient in a mirror."""
    there = changed(scene, mirror_columns, GRID)
    regions = tuple(
        replace(r, side=OTHER[r.side], name=f"{r.key}, {OTHER[r.side]}") if r.side is not Side.NONE else r
        for r in there.regions.regions
    )
    return replace(there, regions=replace(there.regions, regions=regions))


def rows_of(found: Signals) -> Iterator[tuple[tuple[object, ...], Measurement]]:
    rows = [(("region", r.key, r.side), r.measurements) for r in (found.whole, *found.regions)]
    rows += [(("lesion", x.label, x.side), x.measurements) for x in found.lesions]
    rows += [(("focus", x.label, x.side), x.measurements) for x in found.dark_foci]
    rows += [(("symmetry", y.key, Side.NONE), y.measurements) for y in found.symmetry]
    rows += [(("study", "", Side.NONE), found.distribution)]
    return (((*which, m.name), m) for which, measurements in rows for m in measurements)


def agree(one: Measurement, two: Measurement, close: Close, *, sign: float = 1.0) -> None:
    if one.name == _BY_COUNTERPART and close is LOOSE:
        return
    assert (one.status, one.unit) == (two.status, two.unit), (one, two)
    ends = (two.ci_low, two.ci_high) if sign > 0 else (two.ci_high, two.ci_low)
    values = ((one.value, two.value), (one.ci_low, ends[0]), (one.ci_high, ends[1]))
    for (a, b), rel in zip(values, (close.value, close.interval, close.interval), strict=True):
        assert (a is None) == (b is None), (one, two)
        if a is not None and b is not None:
            within = close.percent if one.unit == "percent" else rel
            assert a == pytest.approx(sign * b, rel=rel, abs=within), (one, two)


def same(one: Signals, two: Signals, close: Close = EXACT) -> None:
    first, second = dict(rows_of(one)), dict(rows_of(two))
    assert first.keys() == second.keys()
    for key, measurement in first.items():
        agree(measurement, second[key], close)
    for a, b in zip(one.lesions, two.lesions, strict=True):
        assert (a.region_key, a.side, a.voxels, a.slices) == (b.region_key, b.side, b.voxels, b.slices)
        assert a.centroid_lps_mm == pytest.approx(b.centroid_lps_mm, abs=1e-6)


@FEW
@given(PLACES, GAINS, GAINS)
def test_gain_of_either_series_is_nothing(place: float, t1_gain: float, stir_gain: float) -> None:
    scene = scene_with_ball(place)
    t1, stir = scene.pair.t1.array, scene.pair.stir.array
    plain = scene.with_signal(t1, stir).measure()
    scaled = scene.with_signal(np.float32(t1_gain) * t1, np.float32(stir_gain) * stir).measure()
    np.testing.assert_array_equal(plain.lesion_labels.array, scaled.lesion_labels.array)
    same(plain, scaled)


@FEW
@given(PLACES, st.sets(st.sampled_from((0, 1, 2)), min_size=1).map(lambda axes: tuple(sorted(axes))))
def test_the_way_arrays_run_is_nothing(place: float, axes: tuple[int, ...]) -> None:
    scene = scene_with_ball(place)
    plain, turned = scene.measure(), flipped(scene, axes).measure()
    np.testing.assert_array_equal(plain.lesion_labels.array, np.flip(turned.lesion_labels.array, axes))
    same(plain, turned, LOOSE)


def test_slices_in_reversed_order_are_the_same_slices() -> None:
    scene = build_scene("focal_edema")
    plain, turned = scene.measure(), flipped(scene, (0,)).measure()
    np.testing.assert_array_equal(plain.lesion_labels.array, turned.lesion_labels.array[::-1])
    assert [x.voxels for x in plain.lesions] == [x.voxels for x in turned.lesions]
    # blocks lie within slices, and cubes of shading count nothing here
    for a, b in zip(plain.regions, turned.regions, strict=True):
        for m in a.measurements:
            agree(m, b.measurement(m.name), EXACT)


@FEW
@given(
    PLACES,
    st.tuples(st.integers(0, 2), *[st.sampled_from((0, WHOLE_BLOCKS))] * 2),
    st.tuples(st.integers(0, 2), *[st.integers(0, 9)] * 2),
)
def test_air_around_is_nothing(place: float, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    scene = scene_with_ball(place)
    plain, around = scene.measure(), padded(scene, before, after).measure()
    box = tuple(slice(b, b + n) for b, n in zip(before, GRID.shape, strict=True))
    np.testing.assert_array_equal(plain.lesion_labels.array, around.lesion_labels.array[box])
    same(plain, around, LOOSE)


@FEW
@given(PLACES, st.floats(0.0, 30.0), st.floats(0.0, 30.0))
def test_what_lies_far_from_marrow_and_references_is_nothing(
    place: float, t1_factor: float, stir_factor: float
) -> None:
    scene = scene_with_ball(place)
    taken = scene.marrow.labels.mask | (scene.references.labels.array > 0)
    far = ~taken
    for axis, reach in ((0, 5), (1, 8), (2, 8)):
        for step in range(1, reach + 1):
            for way in (-step, step):
                far &= ~np.roll(taken, way, axis=axis)
        taken = ~far
    t1, stir = scene.pair.t1, scene.pair.stir
    pair = replace(
        scene.pair,
        t1=replace(t1, array=np.where(far, np.float32(t1_factor) * t1.array, t1.array)),
        stir=replace(stir, array=np.where(far, np.float32(stir_factor) * stir.array, stir.array)),
    )
    same(scene.measure(), replace(scene, pair=pair).measure())


@FEW
@given(PLACES)
def test_a_mirror_swaps_the_sides_and_nothing_else(place: float) -> None:
    scene = scene_with_ball(place)
    here, there = scene.measure(), mirrored(scene).measure()
    np.testing.assert_array_equal(mirror_columns(here.lesion_labels.array), there.lesion_labels.array)
    seen = {(r.key, r.side): r for r in there.regions}
    for r in here.regions:
        for m in r.measurements:
            agree(m, seen[r.key, OTHER[r.side]].measurement(m.name), LOOSE)
    for a, b in zip(here.lesions, there.lesions, strict=True):
        assert (a.side, a.voxels) == (OTHER[b.side], b.voxels)
    for one, two in zip(here.symmetry, there.symmetry, strict=True):
        for m in one.measurements:
            agree(m, two.measurement(m.name), LOOSE, sign=-1.0)
