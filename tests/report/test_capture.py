"""The picture for the PACS: what it says, where it stands, and that sides are the patient's."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageFont

from marrowsignal.geometry.volume import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.patterns.records import CriterionState, PatternClass
from marrowsignal.quality.records import GateState
from marrowsignal.report import draw_first_screen
from marrowsignal.report.capture.blocks import NOTICE
from marrowsignal.report.capture.content import CaptureContent, content_of
from marrowsignal.report.capture.layout import COLUMNS, ROWS, arranged
from marrowsignal.report.capture.lettering import line_height, printable, text_width, wrapped
from marrowsignal.report.capture.panels import LINE_STYLES
from marrowsignal.report.capture.sheet import Area, Sheet, Sign, paint
from marrowsignal.report.pictures.figures import Tag, crop_around
from marrowsignal.report.pictures.key_picture import key_picture
from marrowsignal.report.pictures.scene import Picture, scene_of
from marrowsignal.report.views.evidence_view import state_cell
from marrowsignal.report.views.first_screen import AddOn
from marrowsignal.report.views.quality_view import mark
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import HOSTILE, build_result, without_lesions

_LONG = "Extraordinarily long wording ≥ 1.60 × muscle – of “everything” a läsion could be called; " * 8


@pytest.fixture(scope="module")
def content() -> CaptureContent:
    return content_of(build_result())


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    return draw_first_screen(build_result())


def words_of(sheet: Sheet) -> str:
    return " ".join(line.text for line in sheet.lines)


def test_the_picture_is_rgb_and_the_same_every_time(picture: NDArray[np.uint8]) -> None:
    assert picture.shape == (ROWS, COLUMNS, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, draw_first_screen(build_result(case="another-case")))


def test_it_says_what_the_first_screen_says(content: CaptureContent) -> None:
    said = words_of(arranged(content))
    assert NOTICE in said
    assert "Focal edema-like pattern" in said
    assert "Moderate confidence · FOCAL_EDEMA_LIKE" in said
    assert "marrowsignal 0.1.0" in said
    assert "pelvis_sij, version 1.0" in said
    for finding in content.words.deciding:
        assert finding.value in said
        assert f"90 % interval {finding.interval}" in said
        assert printable(finding.cut) in said
    assert content.words.deciding
    for limit in content.words.limits:
        assert printable(limit).split()[0] in said


def test_neither_case_nor_series_is_named(content: CaptureContent) -> None:
    said = words_of(arranged(content)) + " ".join(panel.panel.title for panel in arranged(content).panels)
    for secret in ("case-0001", "Doe", HOSTILE, "calc"):
        assert secret not in said


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_letter_becomes_a_box(text: str) -> None:
    font = ImageFont.load_default(size=20)
    box = bytes(font.getmask("\uffff"))
    said = printable(text)
    assert printable(said) == said
    assert [letter for letter in said if bytes(font.getmask(letter)) == box] == []


@pytest.mark.parametrize("text", ["≥ ± × · – “ ä ≤ − °", "Läsion", "病変", "\u202enoisel", "a\x00b\ud800c"])
def test_what_the_font_lacks_is_spelled_out(text: str) -> None:
    said = printable(text)
    assert said
    assert said.isprintable()


def test_the_letters_that_radiology_needs_keep_their_meaning() -> None:
    assert printable("≥ 1.6 × muscle ± 5 % – “Läsion” −3 ≤ 2") == ">= 1.6 x muscle ± 5 % - “Lasion” -3 <= 2"


@given(st.text(max_size=400), st.integers(12, 40), st.integers(60, 600), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_lines_fit_and_lose_nothing_unsaid(text: str, size: int, width: int, lines: int) -> None:
    broken = wrapped(text, size=size, width=width, lines=lines)
    assert len(broken) <= lines
    assert all(text_width(line, size) <= max(width, text_width("W", size)) for line in broken)
    whole = printable(text).replace(" ", "")
    if "".join(broken).replace(" ", "") != whole:
        assert broken[-1].endswith(("… (see report)", "…"))


def long_winded(content: CaptureContent) -> CaptureContent:
    words = content.words
    row = replace(
        words.deciding[0],
        statement=_LONG,
        value="123456789.5 somethings",
        interval="-1234567.8 to 1234567.8",
        cut=_LONG,
        state=state_cell(CriterionState.INDETERMINATE),
    )
    return replace(
        content,
        words=replace(
            words,
            kind="flag",
            protocol=_LONG,
            class_words=_LONG,
            red_flag=_LONG,
            held_down=(_LONG,) * 4,
            add_ons=(AddOn(words=_LONG, jump=""),) * 4,
            deciding=(row, row, row),
            quality=mark(GateState.FAIL),
            quality_sentence=_LONG,
            limits=("X" * 400, _LONG, _LONG),
        ),
        picture=replace(content.picture, heading=_LONG),
    )


def shaped(content: CaptureContent, width_mm: float, height_mm: float, series: int) -> CaptureContent:
    picture: Picture = content.picture
    frame = replace(picture.frame, width_mm=width_mm, height_mm=height_mm)
    return replace(content, picture=replace(picture, frame=frame, panels=picture.panels[:series]))


@pytest.mark.parametrize("wordy", [False, True])
@pytest.mark.parametrize("shape", [(300, 200), (200, 200), (100, 300), (400, 90)])
@pytest.mark.parametrize("series", [1, 2])
def test_nothing_leaves_the_sheet_or_covers_another(
    content: CaptureContent, wordy: bool, shape: tuple[int, int], series: int
) -> None:
    sheet = arranged(shaped(long_winded(content) if wordy else content, *shape, series))
    panels = [Area(left=p.left, top=p.top, right=p.left + p.width, bottom=p.top + p.height) for p in sheet.panels]
    solid = [*panels, *(line.area for line in sheet.lines), *(sign.area for sign in sheet.signs)]
    for area in (*solid, *(bar.area for bar in sheet.bars)):
        assert 0 <= area.left < area.right <= COLUMNS
        assert 0 <= area.top < area.bottom <= ROWS
    for one, other in itertools.combinations(solid, 2):
        apart = one.right <= other.left or other.right <= one.left
        assert apart or one.bottom <= other.top or other.bottom <= one.top, (one, other)
    assert min(panel.width for panel in panels) >= 150
    assert len({(panel.width, panel.height) for panel in panels}) == 1
    ratio = panels[0].width / panels[0].height
    assert ratio == pytest.approx(shape[0] / shape[1], rel=0.02)


def test_every_state_has_a_shape_of_its_own_and_words_beside_it(content: CaptureContent) -> None:
    place = Area(left=5, top=5, right=35, bottom=35)
    blank = Sheet(columns=40, rows=40, bars=(), panels=(), lines=(), signs=())
    alone = {
        kind: paint(replace(blank, signs=(Sign(area=place, kind=kind, color=(255, 255, 255)),)))
        for kind in ("check", "cross", "triangle", "ring", "wave", "flag")
    }
    for one, other in itertools.combinations(alone.values(), 2):
        assert np.abs(one.astype(int) - other.astype(int)).max(axis=2).astype(bool).sum() > 60
    for sheet in (arranged(content), arranged(long_winded(content))):
        assert sheet.signs
        for sign in sheet.signs:
            beside = [line for line in sheet.lines if 0 <= line.x - sign.area.right <= 12]
            assert any(
                line.y <= sign.area.top and sign.area.bottom <= line.y + line_height(line.size) for line in beside
            )


@pytest.mark.parametrize("pattern", list(PatternClass))
def test_every_class_can_be_drawn(pattern: PatternClass) -> None:
    result = build_result()
    sheet = arranged(content_of(replace(result, call=replace(result.call, pattern_class=pattern))))
    assert pattern.value in words_of(sheet)


def test_a_study_without_lesions_or_stir_is_drawn() -> None:
    assert draw_first_screen(without_lesions()).shape == (ROWS, COLUMNS, 3)
    result = build_result()
    alone = replace(result, pair=replace(result.pair, stir=None), series=replace(result.series, stir=None))
    assert len(arranged(content_of(alone)).panels) == 1


def lesion_side(result: StudyResult) -> float:
    """Where reddish lines, which are lesions', lie in the first panel: below 0.5 is the image's left half."""
    sheet = arranged(content_of(result))
    panel = sheet.panels[0]
    shown = paint(replace(sheet, lines=(), bars=(), signs=()))
    part = shown[panel.top : panel.top + panel.height, panel.left : panel.left + panel.width].astype(int)
    red, green, blue = np.moveaxis(part, 2, 0)
    # Marrow is outlined in yellow, all else is grey.
    columns = np.nonzero((red - blue > 60) & (red - green > 40))[1]
    assert columns.size > 20
    return float(columns.mean()) / panel.width


def restored(result: StudyResult, *, geometry: VolumeGeometry, flip: bool) -> StudyResult:
    """The same study on another grid; `flip` turns the columns of every array."""

    def turned(array: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.ascontiguousarray(array[..., ::-1]) if flip else array

    def labels(volume: LabelVolume) -> LabelVolume:
        return replace(volume, array=turned(volume.array), geometry=geometry)

    def signal(volume: SignalVolume) -> SignalVolume:
        return replace(volume, array=turned(volume.array), geometry=geometry)

    pair, signals = result.pair, result.signals
    assert pair.stir is not None
    assert signals.lesion_labels is not None
    return replace(
        result,
        pair=replace(
            pair,
            t1=signal(pair.t1),
            stir=signal(pair.stir),
            body_mask=turned(pair.body_mask),
            covered_mask=turned(pair.covered_mask),
        ),
        marrow=replace(result.marrow, labels=labels(result.marrow.labels), core_mask=turned(result.marrow.core_mask)),
        regions=replace(result.regions, labels=labels(result.regions.labels)),
        references=replace(result.references, labels=labels(result.references.labels)),
        signals=replace(signals, lesion_labels=labels(signals.lesion_labels)),
    )


def stored_backwards(geometry: VolumeGeometry) -> VolumeGeometry:
    directions = geometry.directions_lps.copy()
    directions[:, 2] *= -1
    last = geometry.to_patient((0, 0, geometry.shape[2] - 1))
    return VolumeGeometry.from_axes(
        origin_lps_mm=np.asarray(last), directions_lps=directions, spacing_mm=geometry.spacing_mm, shape=geometry.shape
    )


def test_the_left_ilium_lies_on_the_images_right_however_it_is_stored(picture: NDArray[np.uint8]) -> None:
    result = build_result()
    frame = content_of(result).picture.frame
    assert (frame.left, frame.right) == ("R", "L")
    assert lesion_side(result) > 0.6
    backwards = restored(result, geometry=stored_backwards(result.pair.t1.geometry), flip=True)
    assert np.array_equal(draw_first_screen(backwards), picture)


def test_a_mirrored_patient_is_shown_mirrored() -> None:
    result = build_result()
    mirrored = restored(result, geometry=result.pair.t1.geometry, flip=True)
    assert lesion_side(mirrored) == pytest.approx(1 - lesion_side(result), abs=0.03)
    negated = restored(result, geometry=stored_backwards(result.pair.t1.geometry), flip=False)
    assert lesion_side(negated) == pytest.approx(lesion_side(mirrored), abs=0.03)


@pytest.mark.parametrize("kind", ["lesion", "dark", "region", "muscle", "fat", "marrow"])
def test_whatever_decided_is_outlined_and_in_the_key(content: CaptureContent, kind: str) -> None:
    result = build_result()
    lesions = result.signals.lesion_labels
    shown = replace(result, signals=replace(result.signals, dark_foci=result.signals.lesions, dark_labels=lesions))
    target = {"lesion": "lesion-1", "dark": "dark-1", "region": "region-1"}.get(kind, "")
    key = replace(content.words.key, kind=kind, outlined=(target,) if target else ())
    scene = scene_of(shown)
    picture = key_picture(scene, key, crop_around(result.marrow.labels.mask, scene.orientation))
    sheet = arranged(replace(content, picture=picture))
    assert {line.kind for line in picture.panels[0].outlines} <= set(LINE_STYLES)
    said = words_of(sheet)
    for line in picture.panels[0].outlines:
        assert LINE_STYLES[line.kind].words in said
    assert paint(sheet).shape == (ROWS, COLUMNS, 3)


def test_the_number_of_a_lesion_off_the_picture_is_not_drawn(content: CaptureContent) -> None:
    def with_tag(x: float, y: float) -> NDArray[np.uint8]:
        panels = tuple(replace(panel, tags=(Tag(x=x, y=y, text="7"),)) for panel in content.picture.panels)
        return paint(arranged(replace(content, picture=replace(content.picture, panels=panels))))

    frame = content.picture.frame
    off = with_tag(frame.width_mm / 2, -40.0)
    assert np.array_equal(off, with_tag(frame.width_mm + 60, frame.height_mm / 2))
    assert not np.array_equal(off, with_tag(frame.width_mm / 2, frame.height_mm / 2))


def test_letters_of_the_sides_are_painted_where_they_belong(content: CaptureContent) -> None:
    turned = replace(content, picture=replace(content.picture, frame=replace(content.picture.frame, left="L")))
    one, other = arranged(content), arranged(turned)
    changed = np.nonzero((paint(one) != paint(other)).any(axis=2))
    panels = one.panels
    for rows, columns in zip(*changed, strict=True):
        panel = next(p for p in panels if p.left <= columns < p.left + p.width)
        assert columns - panel.left < 40
        assert abs(rows - panel.top - panel.height / 2) < 20
    assert changed[0].size > 50
