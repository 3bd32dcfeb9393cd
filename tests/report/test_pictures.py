from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.report import render_report
from marrowsignal.report.pictures import figures
from marrowsignal.report.pictures.orientation import display_orientation
from marrowsignal.report.pictures.page_pictures import Picture, build_pictures
from marrowsignal.report.pictures.png import grey_png, grey_png_uri
from marrowsignal.report.pictures.slices import choose_slices, fullest_slice
from tests.report.study_builder import SHAPE, SPACING, build_result, coronal_geometry, without_lesions


def points(path: str) -> np.ndarray:
    numbers = re.findall(r"-?\d+\.\d", path)
    return np.array(numbers, float).reshape(-1, 2)


def whole(shape: tuple[int, int]) -> figures.Crop:
    return figures.Crop(top=0, bottom=shape[0], left=0, right=shape[1])


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 255)))
def test_png_reads_back(pixels: np.ndarray) -> None:
    data = grey_png(pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    assert base64.b64decode(grey_png_uri(pixels).split(",")[1]) == data


def test_slices_follow_the_lesions_then_spread() -> None:
    marrow = np.zeros((20, 4, 4), bool)
    marrow[2:18] = True
    lesions = np.zeros((20, 4, 4), np.uint16)
    lesions[9, :2], lesions[10, :3] = 1, 1
    lesions[4, 3, 3] = 2
    chosen = choose_slices(marrow, lesions)
    assert [item.index for item in chosen[:2]] == [10, 4]
    assert len({item.index for item in chosen}) == 4
    assert "lesion 1" in chosen[0].reason
    assert chosen[2].index == 17  # as far from the others as marrow goes


def test_slices_without_lesions_or_marrow() -> None:
    empty = np.zeros((9, 4, 4), bool)
    none = np.zeros((9, 4, 4), np.uint16)
    assert [item.index for item in choose_slices(empty, none)] == [4]
    assert fullest_slice(empty) == 4
    marrow = empty.copy()
    marrow[2] = True
    assert [item.index for item in choose_slices(marrow, none)] == [2]


def test_an_outline_lies_around_its_voxels_in_mm() -> None:
    orientation = display_orientation(coronal_geometry())
    mask = np.zeros(SHAPE[1:], bool)
    mask[10:20, 30:50] = True
    found = points(figures.contour_path(mask, orientation, whole(SHAPE[1:])))
    rows, columns = SPACING[1], SPACING[2]
    assert found.min(axis=0) == pytest.approx([30 * columns, 10 * rows], abs=1.3)
    assert found.max(axis=0) == pytest.approx([50 * columns, 20 * rows], abs=1.3)
    assert figures.contour_path(np.zeros_like(mask), orientation, whole(SHAPE[1:])) == ""


def test_the_midline_is_drawn_where_it_is() -> None:
    result = build_result()
    orientation = display_orientation(coronal_geometry())
    assert result.regions.midline is not None
    path = figures.midline_path(result.regions.midline, result, 3, (orientation, whole(SHAPE[1:])))
    assert points(path)[:, 0] == pytest.approx(SHAPE[2] * SPACING[2] / 2, abs=0.1)


def test_the_window_holds_body_and_bright_marrow() -> None:
    array = np.zeros((1, 10, 100), np.float32)
    array[0] = np.linspace(0, 100, 1000).reshape(10, 100)
    body = np.ones_like(array, dtype=bool)
    marrow = np.zeros_like(body)
    plain = figures.body_window(array, body, marrow)
    assert (plain.low, plain.high) == (pytest.approx(1, abs=0.2), pytest.approx(99, abs=0.2))
    marrow[0, 9, 99] = True
    assert figures.body_window(array, body, marrow).high == pytest.approx(100)
    levels = figures.grey_levels(array[0], plain)
    assert (levels[0, 0], levels[9, 99]) == (0, 255)
    assert figures.body_window(np.full((1, 2, 2), np.nan, np.float32), body[:, :2, :2], marrow[:, :2, :2])


def left_half_is_brighter(picture: Picture, panel: int) -> bool:
    data = base64.b64decode(picture.panels[panel].uri.split(",")[1])
    pixels = np.asarray(Image.open(io.BytesIO(data)), float)
    middle = pixels.shape[1] // 2
    return bool(pixels[:, :middle].max() > pixels[:, middle + 1 :].max())


def test_a_left_lesion_is_on_the_right_of_the_image() -> None:
    result = build_result()
    picture = build_pictures(result).slices[0]
    assert (picture.frame.left, picture.frame.right) == ("R", "L")
    lesion = next(line for line in picture.panels[3].outlines if line.kind == "lesion")
    assert points(lesion.path)[:, 0].min() > picture.frame.width_mm / 2
    assert picture.panels[3].tags[0].text == "1"
    assert not left_half_is_brighter(picture, 1)


def test_plain_and_outlined_share_one_image() -> None:
    for picture in build_pictures(build_result()).slices:
        plain_t1, plain_stir, t1, stir = picture.panels
        assert not plain_t1.outlines and not plain_stir.outlines
        assert plain_t1.uri and plain_stir.uri and not t1.uri and not stir.uri
        assert (t1.image_id, stir.image_id) == (plain_t1.image_id, plain_stir.image_id)
        assert {line.kind for line in t1.outlines} >= {"marrow", "midline"}


def test_pictures_without_lesions_references_or_marrow() -> None:
    result = without_lesions()
    empty = LabelVolume(array=np.zeros(SHAPE, np.uint16), geometry=coronal_geometry())
    bare = build_pictures(
        type(result)(
            **{
                **{name: getattr(result, name) for name in result.__slots__},
                "marrow": type(result.marrow)(labels=empty, core_mask=empty.mask, source="automatic"),
            }
        )
    )
    assert len(bare.slices) == 1
    assert [picture.by_turns[0].image_id for picture in bare.registration] == ["t1-6"]


def test_tissue_left_out_for_metal_is_outlined_where_it_is() -> None:
    result = build_result()
    metal = np.zeros(SHAPE, bool)
    metal[:, 40:52, 30:40] = True
    with_metal = replace(result, pair=replace(result.pair, metal_mask=metal))
    t1 = build_pictures(with_metal).slices[0].panels[2]
    assert [line.kind for line in t1.outlines].count("metal") == 1
    assert "too near to metal" in render_report(with_metal)
    clean = replace(result, pair=replace(result.pair, metal_mask=np.zeros(SHAPE, bool)))
    assert "metal" not in [line.kind for line in build_pictures(clean).slices[0].panels[2].outlines]
    assert "too near to metal" not in render_report(clean)
