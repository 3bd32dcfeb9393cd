"""Several joints, sides and stations in one study, and which of several candidates is the better."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.dicom import SeriesCatalog, SeriesPair, find_pairs, find_series, select_pair
from marrowsignal.dicom.pairing.side import side_by_words
from marrowsignal.dicom.records import EvidenceKind, Series, SeriesIdentity, Verdict
from marrowsignal.errors import NoUsablePairError, UsageError
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol.series_rules_file import default_series_rules
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, uid, write_series

CORONAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))
AXIAL = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
SAGITTAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Series]:
    """A T1 and a STIR as `find_series` makes them; tests move and change copies of them."""
    folder = tmp_path_factory.mktemp("templates")
    for spec in (SeriesSpec(), stir_spec()):
        write_series(folder / spec.name, spec)
    return {series.identity.value: series for series in find_series(folder).series}


class Maker:
    """Makes series of a study by moving the templates."""

    def __init__(self, templates: dict[str, Series]) -> None:
        self.templates = templates
        self.made = 0

    def __call__(
        self,
        kind: str,
        *,
        centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
        size: tuple[float, float, float] = (90.0, 180.0, 160.0),
        axes: tuple[tuple[float, ...], ...] = CORONAL,
        voxel_mm: tuple[float, float, float] = (4.5, 1.0, 1.0),
        **changes: object,
    ) -> Series:
        self.made += 1
        shape = tuple(round(length / step) for length, step in zip(size, voxel_mm, strict=True))
        directions = np.array(axes).T
        origin = np.array(centre) - directions @ ((np.array(shape) - 1) * voxel_mm / 2)
        geometry = VolumeGeometry.from_axes(
            origin_lps_mm=origin, directions_lps=directions, spacing_mm=voxel_mm, shape=shape
        )
        template = self.templates[kind]
        facts = {k: changes.pop(k) for k in list(changes) if hasattr(template.acquisition, k)}
        return replace(
            template,
            acquisition=replace(template.acquisition, **facts),
            geometry=geometry,
            **{
                "series_number": self.made,
                "series_instance_uid": str(uid(f"made {self.made}")),
                "acquired_at": f"20240101{100000 + self.made}",
                "orientation": {CORONAL: "coronal", AXIAL: "axial", SAGITTAL: "sagittal"}.get(axes, "coronal"),
                "slices": shape[0],
                "spacing_mm": voxel_mm,
                **changes,
            },
        )


@pytest.fixture
def make(templates: dict[str, Series]) -> Maker:
    return Maker(templates)


def catalog(*series: Series) -> SeriesCatalog:
    return SeriesCatalog(series=series, files_seen=0, files_unreadable=0)


def numbers(pairs: tuple[SeriesPair, ...]) -> dict[str, tuple[int | None, int | None]]:
    return {p.label: (p.t1.series_number, p.stir and p.stir.series_number) for p in pairs}


def codes(pair: SeriesPair) -> set[str]:
    return {finding.code for finding in pair.findings}


def hips(make: Maker, **changes: object) -> list[Series]:
    """T1 and STIR of the right hip (1, 2), then of the left (3, 4); fields overlap at the midline."""
    return [make(kind, centre=(x, 0.0, 0.0), **changes) for x in (-70.0, 70.0) for kind in ("t1", "stir")]


def test_hips_acquired_one_after_the_other_are_two_pairs(make: Maker) -> None:
    study = catalog(*hips(make))
    pairs = find_pairs(study)
    assert numbers(pairs) == {"left": (3, 4), "right": (1, 2)}
    assert [p.label for p in pairs] == ["left", "right"]
    assert all(codes(p) == {"several_pairs"} for p in pairs)
    assert [p.rejected for p in pairs] == [(), ()]
    repeat = make("stir", centre=(70.0, 0.0, 0.0), acquired_at="2023")
    assert all(p.rejected == (repeat,) for p in find_pairs(catalog(*study.series, repeat)))


def test_one_of_several_pairs_is_named_or_told(make: Maker) -> None:
    study = catalog(*hips(make))
    assert select_pair(study, label="right").t1.series_number == 1
    assert codes(select_pair(study)) == {"several_pairs", "other_pairs"}
    with pytest.raises(UsageError, match="'left', 'right'"):
        select_pair(study, label="station-1")
    with pytest.raises(UsageError, match="needs no label"):
        select_pair(catalog(*study.series[:2]), label="left")


def test_spine_stations_are_numbered_from_the_head(make: Maker) -> None:
    sagittal = {"axes": SAGITTAL, "size": (60.0, 350.0, 300.0)}
    lower, upper = make("t1", centre=(0.0, 0.0, -300.0), **sagittal), make("t1", centre=(0.0, 0.0, 0.0), **sagittal)
    lower_stir = make("stir", centre=(0.0, 0.0, -300.0), **sagittal)
    upper_stir = make("stir", centre=(0.0, 0.0, 0.0), **sagittal)
    pairs = find_pairs(catalog(lower, upper, lower_stir, upper_stir))
    assert [(p.label, p.t1) for p in pairs] == [("station-1", upper), ("station-2", lower)]
    assert [p.stir for p in pairs] == [upper_stir, lower_stir]


def test_thighs_in_two_stations_have_side_and_number(make: Maker) -> None:
    places = [(x, 0.0, z) for z in (-200.0, 0.0) for x in (-85.0, 85.0)]
    pairs = find_pairs(catalog(*(make(kind, centre=place) for place in places for kind in ("t1", "stir"))))
    assert [p.label for p in pairs] == ["left-station-1", "left-station-2", "right-station-1", "right-station-2"]
    assert [round(p.t1.geometry.affine_lps[2, 3]) for p in pairs] == [90, -110, 90, -110]


def test_more_than_nine_stations_stay_in_order(make: Maker) -> None:
    centres = [(0.0, 0.0, -170.0 * k) for k in range(11)]
    pairs = find_pairs(catalog(*(make(kind, centre=place) for place in centres for kind in ("t1", "stir"))))
    assert [p.label for p in pairs] == [f"station-{k}" for k in range(1, 12)]
    assert [p.t1.series_number for p in pairs] == list(range(1, 22, 2))


def test_one_large_t1_serves_the_stir_of_each_hip(make: Maker) -> None:
    large = make("t1", size=(90.0, 300.0, 380.0))
    right, left = (make("stir", centre=(x, 0.0, 0.0)) for x in (-80.0, 80.0))
    assert numbers(find_pairs(catalog(large, right, left))) == {"left": (1, 3), "right": (1, 2)}


def test_a_large_field_takes_in_the_dedicated_ones(make: Maker) -> None:
    large = [make(kind, size=(90.0, 300.0, 380.0)) for kind in ("t1", "stir")]
    (pair,) = find_pairs(catalog(*hips(make), *large))
    assert (pair.t1, pair.stir, pair.label) == (*large, "")
    decided = {c.criterion for c in pair.comparisons if c.decided}
    assert decided == {"common field of view"}


def test_planes_of_one_joint_and_its_repeats_are_one_pair(make: Maker) -> None:
    coronal = [make(kind) for kind in ("t1", "stir")]
    axial = [make(kind, axes=AXIAL, size=(120.0, 160.0, 160.0)) for kind in ("t1", "stir")]
    repeat = make("stir", centre=(3.0, -2.0, 4.0))
    (pair,) = find_pairs(catalog(*coronal, *axial, repeat))
    assert (pair.t1, pair.stir) in (tuple(axial), (coronal[0], repeat))
    assert codes(pair) <= {"repeated_series"}


def test_an_axial_block_inside_a_sagittal_slab_is_no_second_pair(make: Maker) -> None:
    sagittal = [make(kind, axes=SAGITTAL, size=(60.0, 300.0, 300.0)) for kind in ("t1", "stir")]
    axial = [make(kind, axes=AXIAL, size=(110.0, 200.0, 200.0)) for kind in ("t1", "stir")]
    assert len(find_pairs(catalog(*sagittal, *axial))) == 1


def test_spine_and_sacroiliac_joints_of_one_study_are_told_apart_by_body_part(make: Maker) -> None:
    def parts(spine: str, joints: str) -> list[Series]:
        sagittal = {"axes": SAGITTAL, "size": (63.0, 300.0, 300.0), "body_part_examined": spine}
        coronal = {"size": (81.0, 200.0, 200.0), "centre": (0.0, 30.0, -110.0), "body_part_examined": joints}
        return [make(kind, **where) for where in (sagittal, coronal) for kind in ("t1", "stir")]

    assert numbers(find_pairs(catalog(*parts("LSPINE", "SIJ")))) == {"lumbar_spine": (1, 2), "pelvis_sij": (3, 4)}
    (pair,) = find_pairs(catalog(*parts("LSPINE", "")))
    assert (pair.t1.series_number, pair.stir.series_number) == (5, 6)
    assert any("rather than series 7" in reason for reason in pair.reasons)
    without_joint_stir = parts("LSPINE", "SIJ")[:3]
    (spine,) = find_pairs(catalog(*without_joint_stir))
    assert "t1_without_stir" in codes(spine)


def test_hips_beside_a_pelvis_have_body_part_and_side(make: Maker) -> None:
    large = [make(kind, size=(90.0, 300.0, 380.0), body_part_examined="PELVIS") for kind in ("t1", "stir")]
    pairs = find_pairs(catalog(*hips(make, body_part_examined="HIP"), *large))
    assert [p.label for p in pairs] == ["hips-left", "hips-right", "pelvis_sij"]


def test_knees_at_the_isocentre_are_told_apart_by_laterality(make: Maker) -> None:
    right, left = (
        [make(kind, frame_of_reference_uid=uid(side), laterality=side, size=size) for kind in ("t1", "stir")]
        for side, size in (("R", (90.0, 180.0, 160.0)), ("L", (94.5, 180.0, 160.0)))
    )
    pairs = find_pairs(catalog(*right, *left))
    assert numbers(pairs) == {"left": (3, 4), "right": (1, 2)}
    with pytest.raises(NoUsablePairError, match=r"none that cover the same anatomy.* different sides of the body"):
        find_pairs(catalog(right[0], left[1]))
    insisted = select_pair(
        catalog(right[0], left[1]), t1_uid=right[0].series_instance_uid, stir_uid=left[1].series_instance_uid
    )
    assert {"sides_differ", "frames_differ"} <= codes(insisted)


def test_without_a_word_a_second_joint_at_the_isocentre_is_warned_of(make: Maker) -> None:
    one, other = ([make(kind, frame_of_reference_uid=uid(f)) for kind in ("t1", "stir")] for f in "ab")
    (pair,) = find_pairs(catalog(*one, *other))
    assert (pair.t1, pair.stir) == tuple(other)
    assert "repeat_after_repositioning" in codes(pair)


@pytest.mark.parametrize(("tag", "label"), [("L", "station-1"), ("R", "right"), ("B", "right"), ("", "right")])
def test_where_place_and_laterality_disagree_no_side_is_named(make: Maker, tag: str, label: str) -> None:
    study = hips(make)
    study[:2] = [replace(series, laterality=tag) for series in study[:2]]
    pairs = find_pairs(catalog(*study))
    pair = next(p for p in pairs if p.t1.series_number == 1)
    assert {p.label for p in pairs} == {label, "left"}
    assert ("laterality_contradiction" in codes(pair)) is (label == "station-1")


def knees(make: Maker, *tags: str, apart: float = 25.0) -> list[Series]:
    """T1 and STIR of two knees, each in its own frame of reference; where they lie there says nothing."""
    return [
        make(kind, centre=(x, 0.0, 0.0), size=(88.0, 160.0, 160.0), axes=SAGITTAL, laterality=tag,
             frame_of_reference_uid=f"1.2.{index}")
        for index, (x, tag) in enumerate(zip((-apart, apart), tags, strict=True)) for kind in ("t1", "stir")
    ]  # fmt: skip


def test_places_in_two_frames_of_reference_name_no_side(make: Maker) -> None:
    pairs = find_pairs(catalog(*knees(make, "L", "R")))
    assert numbers(pairs) == {"left": (1, 2), "right": (3, 4)}
    assert all(codes(p) == {"several_pairs"} for p in pairs)
    assert set(numbers(find_pairs(catalog(*knees(make, "", "", apart=60.0))))) == {"station-1", "station-2"}
    unframed = [replace(series, frame_of_reference_uid="") for series in knees(make, "L", "R")]
    assert {p.t1.laterality: p.label for p in find_pairs(catalog(*unframed))} == {"L": "left", "R": "right"}


def test_a_knee_without_stir_does_not_get_that_of_the_other_knee(make: Maker) -> None:
    left, stir, right, _ = knees(make, "L", "R", apart=0.0)
    stir = replace(stir, laterality="")
    (pair,) = find_pairs(catalog(left, stir, right))
    assert (pair.t1, pair.stir) == (left, stir)
    with pytest.raises(NoUsablePairError, match="shares its frame of reference with the T1 of another"):
        find_pairs(catalog(left, stir, right), t1_uid=right.series_instance_uid)
    assert codes(pair) == {"t1_without_stir"}
    uids = {"t1_uid": right.series_instance_uid, "stir_uid": stir.series_instance_uid}
    assert "frames_differ" in codes(select_pair(catalog(left, stir, right), **uids))


def test_sides_that_contradict_are_told_in_one_frame_of_reference_too(make: Maker) -> None:
    t1, stir = make("t1", description="left knee", laterality="L"), make("stir", description="right knee")
    (pair,) = find_pairs(catalog(t1, replace(stir, laterality="R")))
    assert codes(pair) == {"sides_differ"}


def test_a_finer_pair_of_one_hip_that_is_not_measured_is_warned_of(make: Maker) -> None:
    pelvis = [make(kind, size=(90.0, 380.0, 380.0), voxel_mm=(4.5, 2.0, 2.0)) for kind in ("t1", "stir")]
    hip = [make(kind, centre=(90.0, 0.0, 0.0)) for kind in ("t1", "stir")]
    (pair,) = find_pairs(catalog(*pelvis, *hip))
    assert [pair.t1, pair.stir] == pelvis
    (told,) = (f for f in pair.findings if f.code == "finer_pair_inside")
    assert told.severity is Severity.WARN
    assert all(series.label in told.message for series in hip)
    (alike,) = find_pairs(catalog(*pelvis, *(make(k, voxel_mm=(4.5, 2.0, 2.0)) for k in ("t1", "stir"))))
    assert "finer_pair_inside" not in codes(alike)


def test_a_t1_of_another_body_part_is_not_said_to_be_uncovered(make: Maker) -> None:
    hip = make("t1", body_part_examined="HIP")
    (pair,) = find_pairs(catalog(hip, *(make(k, body_part_examined="PELVIS") for k in ("t1", "stir"))))
    (told,) = (f.message for f in pair.findings if f.code == "t1_without_stir")
    assert told == f"Not measured: {hip.label}: the STIR that covers it names another body part."


def test_a_series_whose_timing_is_near_a_window_is_second_choice(make: Maker) -> None:
    true = make("t1", identity_score=1.0)
    finer = {"voxel_mm": (0.9, 1.0, 1.0)}
    edge = tuple(replace(e, points=0.4) if e.kind is EvidenceKind.TIMING else e for e in true.evidence)
    (pair,) = find_pairs(catalog(true, make("t1", evidence=edge, **finer), make("stir")))
    assert pair.t1 is true
    assert [c.criterion for c in pair.comparisons if c.decided] == ["clear timing"]


def test_scores_of_t1_and_stir_are_not_added_up(make: Maker) -> None:
    true, doubtful = make("t1", identity_score=1.0), make("t1", identity_score=0.8, voxel_mm=(0.9, 1.0, 1.0))
    (pair,) = find_pairs(catalog(true, doubtful, make("stir", identity_score=1.0)))
    assert pair.t1 is true
    assert [c.criterion for c in pair.comparisons if c.decided] == ["identity score of the T1"]


def test_one_warning_is_told_in_good_english(make: Maker) -> None:
    (pair,) = find_pairs(catalog(make("t1"), make("stir", findings=(LOSSY,)), make("stir")))
    (told,) = (c.told for c in pair.comparisons if c.decided)
    assert told == "0 warnings against 1 warning"


def test_a_lone_joint_on_the_wrong_side_is_told(make: Maker) -> None:
    (pair,) = find_pairs(catalog(*(make(k, centre=(-110.0, 0.0, 0.0), description="hip left") for k in ("t1", "stir"))))
    assert pair.label == ""
    assert codes(pair) == {"laterality_contradiction"}
    (centred,) = find_pairs(catalog(*(make(k, description="hip left") for k in ("t1", "stir"))))
    assert codes(centred) == set()


def test_tag_and_words_that_disagree_are_told(make: Maker) -> None:
    (pair,) = find_pairs(catalog(*(make(k, description="hip left", laterality="R") for k in ("t1", "stir"))))
    assert codes(pair) == {"laterality_contradiction"}


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("t1_tse_cor HIP LEFT", "left"), ("STIR R KNEE", "right"), ("T1 COR RT HIP", "right"), ("Knie_li", "left"),
        ("t2 tirm Hüfte rechts", "right"), ("STIR genou gauche", "left"), ("T1 rodilla izq", "left"),
        ("T1 左膝", "left"), ("stir правый", "right"), ("LKNEE", "left"), ("T1 ginocchio dx", "right"),
        ("T1 re Knie", "right"), ("T1 Knie sag li", "left"), ("Kniegelenk_re", "right"), ("T1 OBERSCHENKEL LI", "left"),
        ("t1 sag L spine", ""), ("T1 L5-S1", ""), ("T1 sin contraste", ""), ("MRT der Hüfte", ""), ("T2 TSE RT", ""),
        ("hips left and right", ""), ("cor T1 R>L", ""), ("stir", ""), ("Bright blood", ""), ("cleft", ""),
        ("STIR COR RE-SCAN", ""), ("STIR knee RE-SCAN", ""), ("STIR hip re scan", ""), ("T1 RE", ""), ("sag li", ""),
    ],
)  # fmt: skip
def test_sides_in_words(make: Maker, text: str, side: str) -> None:
    assert side_by_words(make("t1", description=text), default_series_rules().side) == side
    if side:
        assert side_by_words(make("t1", description="", body_part_examined=text.upper()), default_series_rules().side)


GAP = Finding(code="slices_missing", stage="find_series", severity=Severity.WARN, message="Gap.")
STITCHED = Finding(code="stitched", stage="find_series", severity=Severity.WARN, message="Stitched.")
LOSSY = Finding(code="lossy_compression", stage="find_series", severity=Severity.WARN, message="Lossy.")
TILTED = ((0.0, 0.8, 0.6), (0.0, 0.6, -0.8), (1.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("criterion", "worse"),
    [
        ("same field strength", {"magnetic_field_strength_t": 3.0}),
        ("same body part", {"body_part_examined": "KNEE"}),
        ("same plane", {"axes": TILTED}),
        ("same frame of reference", {"frame_of_reference_uid": "1.2.3"}),
        ("complete", {"findings": (GAP,)}),
        ("kind of image", {"findings": (STITCHED,), "size": (180.0, 360.0, 360.0)}),
        ("common field of view", {"size": (72.0, 180.0, 160.0)}),
        ("identity score of the STIR", {"identity_score": 0.7}),
        ("fewer warnings", {"findings": (LOSSY,)}),
        ("same corrections by the scanner", {"image_type": ("ORIGINAL", "PRIMARY", "M", "ND")}),
        ("resolution", {"voxel_mm": (4.5, 1.0, 2.0)}),
        ("later repeat", {"acquired_at": "20230101"}),
    ],
)
def test_each_criterion_decides_against_a_later_repeat(make: Maker, criterion: str, worse: dict[str, object]) -> None:
    t1, good = make("t1", body_part_examined="HIP"), make("stir", body_part_examined="HIP")
    bad = make("stir", **{"body_part_examined": "HIP", **worse})
    (pair,) = find_pairs(catalog(t1, bad, good))
    assert pair.stir is good
    assert [(c.criterion, c.verdict) for c in pair.comparisons if c.decided] == [(criterion, Verdict.BETTER)]
    assert {(c.winner, c.loser) for c in pair.comparisons} == {(good.label, bad.label)}
    assert len(pair.comparisons) == 15
    assert any(good.label[1:] in reason and criterion in reason for reason in pair.reasons)


def test_the_scanners_corrections_are_preferred_when_both_have_them(make: Maker) -> None:
    plain = ("ORIGINAL", "PRIMARY", "M", "ND")
    corrected = ("ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D")
    good = [make(kind, image_type=corrected) for kind in ("t1", "stir")]
    raw = [make(kind, image_type=plain) for kind in ("t1", "stir")]
    (pair,) = find_pairs(catalog(*good, *raw))
    assert [pair.t1, pair.stir] == good
    (mixed,) = find_pairs(catalog(good[0], raw[1]))
    assert codes(mixed) == {"normalisation_differs", "distortion_correction_differs"}


def test_nearly_equal_fields_let_the_later_win(make: Maker) -> None:
    t1, first, again = make("t1"), make("stir"), make("stir", size=(85.5, 180.0, 160.0))
    (pair,) = find_pairs(catalog(t1, first, again))
    assert pair.stir is again
    verdicts = {c.criterion: c.verdict for c in pair.comparisons}
    assert (verdicts["common field of view"], verdicts["later repeat"]) == (Verdict.EQUAL, Verdict.BETTER)


def test_what_another_joint_holds_does_not_sway_the_choice_in_this_one(make: Maker) -> None:
    small, again = make("stir", size=(85.5, 180.0, 160.0)), make("stir", size=(81.0, 180.0, 160.0))
    one = [make("t1"), small, again]
    (alone,) = find_pairs(catalog(*one))
    beside = [make(kind, centre=(200.0, 0.0, 0.0), size=(103.5, 180.0, 160.0)) for kind in ("t1", "stir")]
    assert next(p for p in find_pairs(catalog(*one, *beside)) if p.t1 is one[0]).stir is alone.stir


def test_t1_alone_only_when_asked_and_when_no_pair_is_there(make: Maker) -> None:
    t1, repeat = make("t1"), make("t1")
    with pytest.raises(NoUsablePairError, match="T1 was found but no usable STIR") as caught:
        find_pairs(catalog(t1))
    assert "--allow-t1-only" in caught.value.hint
    (pair,) = find_pairs(catalog(t1, repeat), allow_t1_only=True)
    assert (pair.t1, pair.stir) == (repeat, None)
    assert codes(pair) == {"stir_missing", "repeated_series"}
    far = make("stir", centre=(0.0, 0.0, 900.0))
    assert select_pair(catalog(t1, far), allow_t1_only=True).stir is None
    fitting = make("stir")
    assert select_pair(catalog(t1, far, fitting), allow_t1_only=True).stir is fitting
    with pytest.raises(NoUsablePairError):
        find_pairs(catalog(fitting), allow_t1_only=True)
    with pytest.raises(NoUsablePairError):
        find_pairs(catalog(t1, far), allow_t1_only=True, stir_uid=far.series_instance_uid)


def test_a_t1_after_contrast_goes_alone_where_there_is_no_plain_one(make: Maker) -> None:
    enhanced = make("t1", usable=False, usable_but_for_contrast=True, post_contrast=True)
    with pytest.raises(NoUsablePairError, match="no usable T1 and no usable STIR"):
        find_pairs(catalog(enhanced))
    (pair,) = find_pairs(catalog(enhanced), allow_t1_only=True)
    assert (pair.t1, pair.stir) == (enhanced, None)
    assert {f.code: f.severity for f in pair.findings} == {"t1_after_contrast": Severity.WARN}
    assert "fits no STIR" in pair.reasons[0]
    stir, plain = make("stir"), make("t1", acquired_at="2023")
    assert select_pair(catalog(enhanced, stir), allow_t1_only=True).stir is None
    assert select_pair(catalog(enhanced, plain), allow_t1_only=True).t1 is plain
    assert select_pair(catalog(enhanced, plain, stir), allow_t1_only=True).stir is stir
    named = select_pair(catalog(enhanced, plain), allow_t1_only=True, t1_uid=enhanced.series_instance_uid)
    assert {"t1_after_contrast", "identity_overridden"} <= codes(named)


@pytest.mark.parametrize("changes", [{"usable_but_for_contrast": False}, {"identity": SeriesIdentity.STIR}])
def test_a_series_with_another_hindrance_than_contrast_does_not_go_alone(make: Maker, changes: dict[str, Any]) -> None:
    told = {"usable": False, "usable_but_for_contrast": True, "post_contrast": True, **changes}
    with pytest.raises(NoUsablePairError):
        find_pairs(catalog(make("t1", **told)), allow_t1_only=True)


def test_both_hips_without_stir_are_two_t1s_alone(make: Maker) -> None:
    t1s = [series for series in hips(make) if series.identity is SeriesIdentity.T1]
    assert numbers(find_pairs(catalog(*t1s), allow_t1_only=True)) == {"left": (3, None), "right": (1, None)}


def test_a_joint_without_stir_is_told(make: Maker) -> None:
    (pair,) = find_pairs(catalog(*hips(make)[:3]), allow_t1_only=True)
    assert (pair.t1.series_number, pair.label) == (1, "")
    assert codes(pair) == {"t1_without_stir"}


def test_a_named_series_with_several_stacks_gives_the_fitting_one(make: Maker) -> None:
    shared = uid("one series, three stacks")
    blocks = [
        make("t1", centre=(0.0, 0.0, z), axes=AXIAL, size=(40.5, 160.0, 160.0), series_instance_uid=shared)
        for z in (400.0, 0.0)
    ]
    sliver = make("t1", series_instance_uid=shared, usable=False, identity=SeriesIdentity.LOCALIZER)
    stir = make("stir", axes=AXIAL, size=(40.5, 160.0, 160.0))
    study = catalog(*blocks, sliver, stir)
    for options in ({}, {"stir_uid": stir.series_instance_uid}):
        assert select_pair(study, t1_uid=str(shared), **options).t1 is blocks[1]


def test_two_folders_of_one_person_pair_when_asked(make: Maker) -> None:
    t1, stir = make("t1"), make("stir", study_instance_uid="1.2.9", frame_of_reference_uid="1.2.10")
    with pytest.raises(NoUsablePairError, match="in different studies"):
        find_pairs(catalog(t1, stir))
    (pair,) = find_pairs(catalog(t1, stir), across_studies=True)
    assert codes(pair) == {"studies_differ", "frames_differ"}


def test_two_persons_never_pair_unless_both_series_are_named(make: Maker) -> None:
    woman = make("t1", patient_sex="F", patient_position="HFS")
    man = make("stir", patient_sex="M", patient_position="FFP")
    with pytest.raises(NoUsablePairError, match="of one person: they name different sexes"):
        find_pairs(catalog(woman, man), across_studies=True)
    far = make("t1", centre=(0.0, 0.0, 900.0))
    with pytest.raises(NoUsablePairError, match=r"sexes .*\(1 of 2 combinations\).* less than 25% .*\(1 of 2"):
        find_pairs(catalog(woman, far, man))
    pair = select_pair(catalog(woman, man), t1_uid=woman.series_instance_uid, stir_uid=man.series_instance_uid)
    assert codes(pair) == {"persons_differ", "positions_differ"}
    assert codes(select_pair(catalog(woman, make("stir")))) == set()


def test_another_patient_id_in_another_study_is_another_person(tmp_path: Path) -> None:
    for spec in (SeriesSpec(), stir_spec().but(study="another").with_header(PatientID="H2")):
        write_series(tmp_path / spec.name, spec)
    found = find_series(tmp_path)
    with pytest.raises(NoUsablePairError, match=r"they name different persons \(PatientID\)"):
        find_pairs(found, across_studies=True)
    named = select_pair(found, t1_uid=uid("study/t1"), stir_uid=uid("another/stir"))
    assert {"persons_differ", "studies_differ"} <= codes(named)
    assert all(series.person not in repr(series) for series in found.series)


def test_across_studies_one_that_holds_both_goes_first_and_two_are_refused(make: Maker) -> None:
    old = [make(kind, study_instance_uid="1.2.9", frame_of_reference_uid="1.2.10") for kind in ("t1", "stir")]
    new = [make(kind) for kind in ("t1", "stir")]
    pair = select_pair(catalog(old[0], *new), across_studies=True)
    assert (pair.t1, pair.stir) == tuple(new)
    assert codes(pair) == {"other_studies"}
    with pytest.raises(UsageError, match="2 of the 2"):
        find_pairs(catalog(*old, *new), across_studies=True)
    third = make("t1", study_instance_uid="1.2.11")
    with pytest.raises(UsageError, match="several studies"):
        find_pairs(catalog(old[0], third, new[1]), across_studies=True)


def test_two_folders_of_files_pair_across_studies(tmp_path: Path) -> None:
    for spec in (SeriesSpec(), stir_spec().but(study="another")):
        write_series(tmp_path / spec.name, spec)
    found = find_series((tmp_path / "t1", tmp_path / "stir", tmp_path / "t1"))
    assert len(found.series) == 2
    assert "studies_differ" in codes(select_pair(found, across_studies=True))


def test_pairs_from_files(tmp_path: Path) -> None:
    """The same from DICOM files, with Laterality in the header."""
    for side, x in (("R", -110.0), ("L", 20.0)):
        for spec in (SeriesSpec(), stir_spec()):
            write_series(
                tmp_path,
                spec.but(name=f"{spec.name}{side}", spacing_mm=(4.0, 20.0, 20.0), origin_mm=(x, 0.0, 0.0)).with_header(
                    Laterality="L"
                ),
            )
    pairs = find_pairs(find_series(tmp_path))
    assert [(p.label, "laterality_contradiction" in codes(p)) for p in pairs] == [("left", False), ("station-1", True)]


def studied(make: Maker) -> list[Series]:
    """A hard study: two hips, repeats, another plane, a large field elsewhere, a lone T1."""
    series = hips(make)
    series.append(make("stir", centre=(72.0, 1.0, -2.0)))
    series.append(make("t1", centre=(-70.0, 0.0, 0.0), axes=AXIAL, size=(120.0, 160.0, 160.0)))
    series += [make(k, centre=(0.0, 0.0, -400.0), size=(90.0, 300.0, 380.0)) for k in ("t1", "stir")]
    series.append(make("t1", centre=(0.0, 0.0, 500.0)))
    return series


@given(seed=st.integers(0, 10_000))
def test_the_choice_does_not_depend_on_the_order_of_series(templates: dict[str, Series], seed: int) -> None:
    series = studied(Maker(templates))
    expected = [(p.label, p.t1, p.stir, p.findings, p.comparisons) for p in find_pairs(catalog(*series))]
    random.Random(seed).shuffle(series)
    assert [(p.label, p.t1, p.stir, p.findings, p.comparisons) for p in find_pairs(catalog(*series))] == expected


def mirrored(series: Series) -> Series:
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    geometry = VolumeGeometry(affine_lps=flip @ series.geometry.affine_lps, shape=series.geometry.shape)
    return replace(series, geometry=geometry)


@given(shift=st.floats(-30.0, 30.0), apart=st.floats(85.0, 120.0))
def test_mirroring_swaps_left_and_right_and_nothing_else(
    templates: dict[str, Series], shift: float, apart: float
) -> None:
    make = Maker(templates)
    series = [make(k, centre=(x + shift, 0.0, 0.0)) for x in (-apart, apart) for k in ("t1", "stir")]
    series += [make(k, centre=(shift, 0.0, 400.0)) for k in ("t1", "stir")]
    swap = {"left": "right", "right": "left", "station-1": "station-1"}
    before = numbers(find_pairs(catalog(*series)))
    after = numbers(find_pairs(catalog(*map(mirrored, series))))
    assert set(before) == set(swap)
    assert after == {swap[label]: pair for label, pair in before.items()}
