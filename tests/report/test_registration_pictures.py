from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.report.pictures.page_pictures import build_pictures
from marrowsignal.report.pictures.registration_pictures import steep_edges
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import SHAPE, build_result, coronal_geometry


def points(path: str) -> np.ndarray:
    return np.array(re.findall(r"-?\d+\.\d", path), float).reshape(-1, 2)


def box(middle_mm: tuple[float, float], half_mm: float = 30.0) -> np.ndarray:
    """A bright box, the same in every slice; its middle in patient x and z."""
    geometry = coronal_geometry()
    x, z = geometry.patient_axis(0), geometry.patient_axis(2)
    inside = (np.abs(x - middle_mm[0]) < half_mm) & (np.abs(z - middle_mm[1]) < half_mm)
    return np.broadcast_to(np.where(inside, 300.0, 100.0), SHAPE).astype(np.float32)


def study(stir: np.ndarray, t1_to_stir_lps: np.ndarray) -> StudyResult:
    result = build_result()
    pair = replace(
        result.pair,
        stir=replace(result.pair.stir, array=stir),
        t1_to_stir_lps=t1_to_stir_lps,
        body_mask=np.ones(SHAPE, bool),
    )
    marrow = replace(result.marrow.labels, array=np.ones(SHAPE, np.uint16))
    return replace(result, pair=pair, marrow=replace(result.marrow, labels=marrow))


def middle(path: str) -> np.ndarray:
    found = points(path)
    return (found.min(axis=0) + found.max(axis=0)) / 2


def test_edges_as_scanned_lie_where_the_scanner_had_them() -> None:
    # Tissue at p of T1 is at p + shift of STIR, so STIR's edges were scanned that far to the left, to the front and up.
    shift = np.eye(4)
    shift[:3, 3] = (12.0, 0.0, 8.0)
    picture = build_pictures(study(box((0.0, 0.0)), shift)).registration[0]
    before, after = (panel.outlines[0].path for panel in picture.edges)
    assert middle(before) - middle(after) == pytest.approx([12.0, -8.0], abs=0.6)
    assert "as scanned" in picture.edges[0].title and "after" in picture.edges[1].title


def test_a_stir_that_was_not_moved_is_shown_once_with_its_own_edges() -> None:
    picture = build_pictures(study(box((0.0, 0.0)), np.eye(4))).registration[0]
    t1, stir = picture.edges
    assert t1.outlines == stir.outlines
    assert (t1.image_id[:3], stir.image_id[:5]) == ("t1-", "stir-")
    found = points(t1.outlines[0].path)
    assert np.ptp(found, axis=0) == pytest.approx([60.0, 60.0], abs=3.0)


def test_registration_is_shown_on_images_the_page_holds_already() -> None:
    pictures = build_pictures(build_result())
    held = {panel.image_id for picture in pictures.slices for panel in picture.panels if panel.uri}
    for picture in pictures.registration:
        assert {panel.image_id for panel in (*picture.by_turns, *picture.edges)} <= held
        assert [panel.image_id for panel in picture.by_turns] == [f"t1-{picture.index}", f"stir-{picture.index}"]
    assert 1 <= len(pictures.registration) <= 3


@settings(max_examples=10)
@given(st.floats(0.01, 1e4))
def test_a_gain_of_the_series_moves_no_edge(gain: float) -> None:
    rng = np.random.default_rng(5)
    plane = box((0.0, 0.0))[0] + rng.normal(0, 5, SHAPE[1:])
    where = np.ones(plane.shape, bool)
    curvature, steep = steep_edges(plane, where, pixel_mm=(2.0, 2.5))
    again, again_steep = steep_edges(plane * gain, where, pixel_mm=(2.0, 2.5))
    np.testing.assert_allclose(again, curvature, atol=1e-9)
    np.testing.assert_array_equal(again_steep, steep)


def test_the_rim_of_what_was_scanned_is_no_edge() -> None:
    plane = np.full((60, 60), 100.0)
    plane[:, 40:] = np.nan
    plane[20:, :40] = 200.0
    _, steep = steep_edges(plane, np.isfinite(plane), pixel_mm=(1.0, 1.0))
    assert steep[19:21, 5:35].all()
    assert not steep[:, 38:].any()
    empty = np.full((8, 8), np.nan)
    assert not steep_edges(empty, np.ones((8, 8), bool), pixel_mm=(1.0, 1.0))[1].any()
