"""The court against known motions: what it measures, and that no wrong alignment passes."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from marrowsignal.alignment import AlignmentVerdict
from marrowsignal.alignment.body import body_mask
from marrowsignal.alignment.court import Evidence, Overlay, judge
from marrowsignal.alignment.court.edges import edge_distance_mm
from marrowsignal.alignment.court.judge import estimated_error_mm
from marrowsignal.alignment.court.matching import FINE, compare
from marrowsignal.alignment.court.measures import measure
from marrowsignal.alignment.court.shift import rigid_motion, rigid_shift
from marrowsignal.alignment.engine import Prepared, prepare
from marrowsignal.alignment.resample import resample_onto
from marrowsignal.geometry import SignalVolume
from marrowsignal.geometry.thinned import every_nth
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import AlignmentSettings
from tests.alignment.pelvis import GRID, image, maps, rigid, volume

STILL = np.eye(4)
ALLOWED = (AlignmentVerdict.PASS, AlignmentVerdict.WARN)
KNOWN = Evidence(
    shift_mm=0.3,
    forward_backward_mm=0.2,
    jackknife_mm=0.1,
    local_mm=0.5,
    pieces_mm=0.0,
    edge_mm=0.4,
    pixel_mm=0.6,
    stands_out=2.5,
)


@cache
def settings() -> AlignmentSettings:
    return load_protocol("pelvis_sij").alignment


@cache
def t1() -> SignalVolume:
    return volume(image(maps(), "t1"))


@cache
def stir() -> SignalVolume:
    return volume(image(maps(), "stir"))


@cache
def body() -> np.ndarray:
    return body_mask(t1().array, spacing_mm=GRID.spacing_mm)


@cache
def prepared() -> tuple[Prepared, Prepared]:
    return prepare(t1()), prepare(stir())


def about_the_middle(*, turn: tuple[float, float, float] = (0, 0, 0), shift: tuple[float, float, float]) -> np.ndarray:
    """The phantom lies about the origin, so a turn there keeps it in place."""
    return rigid(rotation_deg=turn, shift_mm=shift)


def overlay(matrix: np.ndarray, moving: SignalVolume | None = None) -> Overlay:
    """STIR of the still person as a wrong transform would place it."""
    array, covered = resample_onto(moving or stir(), GRID, matrix)
    return Overlay(
        t1=t1(),
        moved=array,
        covered=covered,
        where=body(),
        matrix=matrix,
        prepared=prepared(),
    )


@cache
def still() -> Evidence:
    return measure(overlay(STILL), settings=settings())


def one_end_moved(length_mm: float) -> Overlay:
    """STIR whose tissue about one side of the pelvis moved along the columns, and less with the distance from it."""
    there = overlay(STILL)
    grid = list(np.meshgrid(*(np.arange(n, dtype=float) for n in GRID.shape), indexing="ij"))
    away = sum(((grid[k] - at * GRID.shape[k]) * GRID.spacing_mm[k]) ** 2 for k, at in ((1, 0.5), (2, 0.3)))
    grid[2] = grid[2] + length_mm / GRID.spacing_mm[2] * np.exp(-((away / (2 * 40.0**2)) ** 2))
    moved = ndimage.map_coordinates(there.moved, grid, order=1, mode="nearest")
    return replace(there, moved=moved.astype(np.float32))


def seen_at(matrix: np.ndarray) -> Evidence:
    return measure(overlay(matrix), settings=settings())


class TestMeasures:
    def test_what_lies_right_asks_for_little(self) -> None:
        found = still()
        assert found.shift_mm < 0.25 * GRID.spacing_mm[1]
        assert found.forward_backward_mm < 0.25 * GRID.spacing_mm[1]
        assert found.jackknife_mm < 0.25 * GRID.spacing_mm[1]
        assert found.stands_out > 1.5

    @pytest.mark.parametrize("way", [(1.0, 0.0, 0.0), (0.0, 0.6, -0.8), (0.58, 0.58, 0.58)])
    @pytest.mark.parametrize("length", [2.0, 5.0])
    def test_a_known_shift_is_read_off(self, way: tuple[float, float, float], length: float) -> None:
        shift = tuple(length * np.asarray(way))
        found = seen_at(about_the_middle(shift=shift))
        want = float(np.linalg.norm(shift))
        assert found.shift_mm == pytest.approx(want, rel=0.25, abs=0.3)
        assert found.forward_backward_mm == pytest.approx(want, rel=0.25, abs=0.3)

    def test_a_shift_is_followed_to_where_no_further_one_is_asked_for(self) -> None:
        there = overlay(about_the_middle(shift=(0.0, 3.0, -4.0)))
        seen = there.where & there.covered
        pair = compare(t1().array, there.moved, seen, spacing_mm=GRID.spacing_mm, resolution=FINE)
        points = every_nth(seen, 500).T * np.asarray(GRID.spacing_mm)[:, None]
        found = rigid_motion(pair, points)
        further = rigid_shift(pair, points, found).motion
        left = further.displacements_mm(points) - found.displacements_mm(points)
        assert np.linalg.norm(left, axis=0).mean() < 0.06

    def test_a_turn_about_the_middle_is_seen(self) -> None:
        turned = seen_at(about_the_middle(turn=(0.0, 3.0, 0.0), shift=(0.0, 0.0, 0.0)))
        assert turned.shift_mm > 1.5
        assert turned.forward_backward_mm > 1.5

    def test_parts_that_bend_are_seen_beside_what_the_whole_does(self) -> None:
        array = stir().array
        rows = np.arange(array.shape[1])[None, :, None]
        along = np.broadcast_to(np.where(rows < array.shape[1] // 2, 1.5, -1.5), array.shape)
        grid = np.meshgrid(*(np.arange(n, dtype=float) for n in array.shape), indexing="ij")
        bent = ndimage.map_coordinates(array, [grid[0], grid[1], grid[2] + along], order=1, mode="nearest")
        found = measure(replace(overlay(STILL), moved=bent.astype(np.float32)), settings=settings())
        assert found.local_mm > still().local_mm + 0.5

    def test_one_end_of_a_bone_that_moved_is_not_lost_in_what_stayed(self) -> None:
        found = measure(one_end_moved(4.0), settings=settings())
        assert found.local_mm > 3.0
        assert found.local_mm > still().local_mm + 1.0

    def test_an_offset_below_nothing_leaves_the_measures_finite(self) -> None:
        there = overlay(STILL)
        found = measure(replace(there, t1=replace(t1(), array=t1().array - np.float32(1000.0))), settings=settings())
        assert all(np.isfinite(getattr(found, field.name)) for field in fields(Evidence))

    def test_gain_changes_nothing(self) -> None:
        there = overlay(STILL)
        louder = replace(
            there,
            moved=there.moved * np.float32(64.0),
            t1=replace(t1(), array=t1().array / np.float32(16.0)),
        )
        one, other = measure(there, settings=settings()), measure(louder, settings=settings())
        for field in fields(Evidence):
            assert getattr(one, field.name) == pytest.approx(getattr(other, field.name), rel=1e-3, abs=1e-3)

    def test_smooth_shading_moves_nothing(self) -> None:
        shade = np.exp(0.7 * np.linspace(-1, 1, GRID.shape[2]))[None, None, :]
        there = overlay(STILL)
        found = measure(replace(there, moved=(there.moved * shade).astype(np.float32)), settings=settings())
        assert found.shift_mm == pytest.approx(still().shift_mm, abs=0.1 * GRID.spacing_mm[1])

    def test_the_same_bits_again(self) -> None:
        assert measure(overlay(STILL), settings=settings()) == still()

    def test_too_little_in_common_is_not_measured(self) -> None:
        there = overlay(STILL)
        assert measure(replace(there, covered=np.zeros(GRID.shape, bool)), settings=settings()) is None


class TestEdges:
    @pytest.mark.parametrize("voxels", [0, 1])
    def test_edges_moved_across_themselves_are_that_far(self, voxels: int) -> None:
        # stripes along rows: every normal runs along columns
        columns = np.arange(160)
        bright = (columns // 16 % 2)[None, None, :] * np.ones((3, 120, 1))
        one = ndimage.gaussian_filter(100.0 * bright, [0, 1, 1])
        other = np.roll(50.0 - 0.3 * one, voxels, axis=2)
        found = edge_distance_mm(one, other, np.ones(one.shape, bool), spacing_mm=(4.0, 1.0, 1.0))
        assert found == pytest.approx(float(voxels), abs=0.2)

    def test_without_edges_there_is_no_distance(self) -> None:
        flat = np.ones((3, 40, 40))
        assert edge_distance_mm(flat, flat, flat > 0, spacing_mm=(4.0, 1.0, 1.0)) is None

    def test_nothing_beside_something_is_no_floating_point_error(self) -> None:
        columns = np.arange(160)
        bright = (columns // 16 % 2)[None, None, :] * np.ones((3, 120, 1))
        one = 1e4 * ndimage.gaussian_filter(bright, [0, 1, 1])
        one[:, :60] = 0.0
        with np.errstate(all="raise", under="ignore"):
            edge_distance_mm(one, np.zeros_like(one), np.ones(one.shape, bool), spacing_mm=(4.0, 1.0, 1.0))

    def test_they_grow_with_the_error(self) -> None:
        assert still().edge_mm < seen_at(about_the_middle(shift=(2.5, 0.0, 0.0))).edge_mm


class TestVerdict:
    @pytest.mark.parametrize("length", [3.0, 12.0])
    @pytest.mark.parametrize("way", [(1.0, 0.0, 0.0), (0.0, -0.6, 0.8)])
    def test_a_wrong_alignment_never_carries_lesions(self, way: tuple[float, float, float], length: float) -> None:
        wrong = overlay(about_the_middle(shift=tuple(length * np.asarray(way))))
        assert judge(wrong, overlap_fraction=1.0, settings=settings()).verdict not in ALLOWED

    def test_one_end_of_a_bone_that_moved_carries_no_lesions(self) -> None:
        found = judge(one_end_moved(4.0), overlap_fraction=1.0, settings=settings())
        assert found.verdict not in ALLOWED

    def test_what_is_no_number_is_refused_without_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = replace(KNOWN, jackknife_mm=float("nan"))
        # the package gives the function of that name, not its module
        module = import_module("marrowsignal.alignment.court.judge")
        monkeypatch.setattr(module, "measure", lambda *_args, **_named: broken)
        found = judge(overlay(STILL), overlap_fraction=1.0, settings=settings())
        assert found.verdict is AlignmentVerdict.FAIL
        assert (found.estimated_error_mm, found.evidence) == (None, None)
        assert "no finite number" in found.reason
        assert "nan" not in found.reason + found.error_source

    def test_a_right_one_does(self) -> None:
        found = judge(overlay(STILL), overlap_fraction=1.0, settings=settings())
        assert found.verdict in ALLOWED
        assert found.estimated_error_mm is not None
        assert "there and back" in found.error_source

    def test_images_of_nothing_in_common_are_refused(self) -> None:
        rng = np.random.default_rng(3)
        other = 100 * np.exp(4 * ndimage.gaussian_filter(rng.standard_normal(GRID.shape), [1, 3, 3]))
        found = judge(overlay(STILL, volume(other)), overlap_fraction=1.0, settings=settings())
        assert found.verdict is AlignmentVerdict.FAIL

    def test_a_mirrored_stir_is_refused(self) -> None:
        upside_down = volume(stir().array[::-1, ::-1])
        found = judge(overlay(STILL, upside_down), overlap_fraction=1.0, settings=settings())
        assert found.verdict not in ALLOWED

    def test_little_overlap_is_refused_however_well_it_lies(self) -> None:
        just = settings().min_overlap.value
        assert judge(overlay(STILL), overlap_fraction=just, settings=settings()).verdict in ALLOWED
        found = judge(overlay(STILL), overlap_fraction=just - 0.01, settings=settings())
        assert found.verdict is AlignmentVerdict.FAIL
        assert "covers only" in found.reason


class TestEstimate:
    @given(
        st.sampled_from(
            ["shift_mm", "forward_backward_mm", "jackknife_mm", "local_mm", "edge_mm", "pieces_mm", "pixel_mm"]
        ),
        st.floats(0.0, 20.0),
    )
    def test_no_measure_of_error_lowers_it(self, name: str, more: float) -> None:
        worse = replace(KNOWN, **{name: getattr(KNOWN, name) + more})
        assert estimated_error_mm(worse, settings()) >= estimated_error_mm(KNOWN, settings())

    @given(st.floats(0.0, 10.0), st.floats(0.0, 10.0))
    def test_a_large_shift_is_never_talked_down(self, shift: float, back: float) -> None:
        found = estimated_error_mm(replace(KNOWN, shift_mm=shift, forward_backward_mm=back), settings())
        assert found >= 0.4 * max(shift, back)

    def test_what_does_not_stand_out_has_none(self) -> None:
        cut = settings().min_stands_out.value
        assert estimated_error_mm(replace(KNOWN, stands_out=cut), settings()) is not None
        assert estimated_error_mm(replace(KNOWN, stands_out=cut - 0.01), settings()) is None

    def test_no_way_back_counts_as_the_shift(self) -> None:
        without = replace(KNOWN, shift_mm=2.0, forward_backward_mm=None)
        assert estimated_error_mm(without, settings()) == estimated_error_mm(
            replace(without, forward_backward_mm=2.0), settings()
        )
