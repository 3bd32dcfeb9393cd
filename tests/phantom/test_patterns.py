"""Marrow states: levels by age and sex, what is spared, sides, and each finding's composition."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.errors import UsageError
from marrowsignal.phantom.catalogue import load_spec, names, phantoms
from marrowsignal.phantom.patterns import Background, Finding, MarrowPattern, marrow_state, normal_fat_fraction
from marrowsignal.phantom.scene import Anatomy, Bone, Landmark, Marrow, Place
from marrowsignal.phantom.sheet import Ball, Sheet
from marrowsignal.phantom.solids import Points, locate
from marrowsignal.phantom.subject import draw_subject

MARK = Landmark(name="spot", bone="left_ilium", point_mm=(40.0, 0.0, 0.0), axis=(1.0, 0.0, 0.0), radius_mm=20.0)
SHEET = Sheet(
    origin_mm=np.array([-80.0, 0.0, 80.0]),
    row_step_mm=np.array([0.0, 0.0, -1.0]),
    column_step_mm=np.array([1.0, 0.0, 0.0]),
    shape=(160, 160),
)


def bone(kind: str = "flat", name: str = "left_ilium") -> Bone:
    nothing = lambda p: np.zeros_like(p.x)  # noqa: E731
    within = Ball(centre_mm=(0, 0, 0), radius_mm=200)
    return Bone(name=name, label=2, shape=nothing, cortex=nothing, place=place, within=within, kind=kind)


def place(p: Points, *, epiphysis: float = 0.0, shaft_mm: np.ndarray | float = 0.0) -> Place:
    zero = np.zeros_like(p.x)
    return Place(epiphysis=zero + epiphysis, joint_mm=zero + 50.0, shaft_mm=zero + shaft_mm, axis_mm=zero)


def marrow(
    background: Background,
    *findings: Finding,
    kind: str = "flat",
    sex: str = "F",
    age: float = 35.0,
    name: str = "left_ilium",
    **where: object,
) -> tuple[Marrow, Points]:
    subject = draw_subject(4, sex=sex, age_years=age)
    anatomy = Anatomy(body="trunk", subject=subject, parts=(), landmarks=(MARK,))
    state = marrow_state(MarrowPattern(background=background, findings=findings), anatomy)
    p = locate(subject, SHEET)
    return state(bone(kind, name), p, place(p, **where), np.full(p.x.shape, 10.0)), p


def finding(kind: str, **other: object) -> Finding:
    return Finding(kind=kind, landmark="spot", size_mm=(15.0, 15.0, 15.0), **other)


@pytest.mark.parametrize("state", ["normal", "reconversion", "patchy_red", "infiltration", "depleted"])
@pytest.mark.parametrize("kind", ["vertebra", "sacrum", "flat", "long", "sesamoid"])
def test_shares_are_shares(state: str, kind: str) -> None:
    m, _ = marrow(Background(state=state, extent=1.0), finding("edema"), finding("sclerosis"), kind=kind)
    total = m.fat + m.edema + m.tumor + m.fluid + m.fibrous
    for share in (m.fat, m.edema, m.tumor, m.fluid, m.fibrous, m.mineral, m.lesion, 1.0 - total):
        assert share.min() >= -1e-9
        assert share.max() <= 1.0 + 1e-9


def test_normal_vertebrae_have_the_published_fat_fraction() -> None:
    # Baum, Front Endocrinol 2018: 20s 32.0 (men) and 27.2 (women)
    assert normal_fat_fraction("vertebra", sex="M", age_years=25.0) == pytest.approx(0.32)
    assert normal_fat_fraction("vertebra", sex="F", age_years=25.0) == pytest.approx(0.272)
    # Griffith, JMRI 2012: after 60 women have about 10 points more than men
    old = [normal_fat_fraction("vertebra", sex=s, age_years=70.0) for s in ("F", "M")]
    assert old[0] - old[1] == pytest.approx(0.10, abs=0.02)
    m, _ = marrow(Background(), kind="vertebra", sex="M", age=25.0)
    assert m.fat.mean() == pytest.approx(0.32, abs=0.08)


def test_epiphyses_and_shafts_are_yellow() -> None:
    meta, _ = marrow(Background(), kind="long")
    epi, _ = marrow(Background(), kind="long", epiphysis=1.0)
    shaft, _ = marrow(Background(), kind="long", shaft_mm=120.0)
    assert epi.fat.mean() > 0.88 > meta.fat.mean()
    assert shaft.fat.mean() > 0.85


def test_reconversion_spares_epiphyses_and_reaches_down_the_shaft_with_extent() -> None:
    reach = []
    for extent in (0.3, 0.6, 0.9):
        background = Background(state="reconversion", extent=extent)
        subject_z = -SHEET.axis(2) + 80.0
        m, _ = marrow(background, kind="long", shaft_mm=subject_z)
        reach.append(float((m.fat < 0.5).mean()))
        epi, _ = marrow(background, kind="long", epiphysis=1.0)
        assert epi.fat.min() > 0.8
    assert reach[0] < reach[1] < reach[2]
    flat, _ = marrow(Background(state="reconversion", extent=1.0), kind="sacrum")
    assert flat.fat.mean() == pytest.approx(0.24, abs=0.03)
    assert flat.edema.max() == 0.0


def test_the_tibia_turns_red_after_the_femur() -> None:
    # Shellock, AJR 1992: the tibia was spared in 20 of 20 knees with red femora
    below = -SHEET.axis(2) + 80.0
    background = Background(state="reconversion", extent=0.6)
    red = [
        float((marrow(background, kind="long", name=name, shaft_mm=below)[0].fat < 0.5).mean())
        for name in ("femur", "tibia", "fibula")
    ]
    assert red[0] > 3 * red[1] >= red[2]


def test_the_margin_in_a_shaft_is_drawn_out_along_the_bone() -> None:
    m, _ = marrow(Background(state="reconversion", extent=0.6), kind="long", shaft_mm=-SHEET.axis(2) + 80.0)
    red = m.fat < 0.5
    # flames: where the red ends differs from column to column by more than a few mm, column by column smoothly
    ends = np.array([np.flatnonzero(column)[-1] if column.any() else 0 for column in red.T])
    assert ends.std() > 3.0
    assert np.median(np.abs(np.diff(ends))) <= 4.0


def test_patchy_red_marrow_favours_its_side() -> None:
    m, p = marrow(Background(state="patchy_red", extent=0.8, side="left"))
    red = m.fat < 0.25
    assert red[p.x > 5].mean() > 3 * red[p.x < -5].mean()
    assert 0.15 < red[p.x > 5].mean() < 0.95


def test_infiltration_replaces_fat_and_depletion_replaces_red() -> None:
    ill, _ = marrow(Background(state="infiltration", extent=1.0))
    assert ill.tumor.mean() > 0.85
    assert ill.fat.mean() < 0.08
    empty, _ = marrow(Background(state="depleted", extent=0.95))
    assert empty.fat.mean() > 0.85


def test_edema_lies_at_its_landmark_in_its_bone_only() -> None:
    m, p = marrow(Background(), finding("edema", depth_mm=4.0, peak=0.7))
    lesion = m.lesion >= 0.5
    assert p.x[lesion].mean() == pytest.approx(44.0, abs=2.0)
    assert lesion.sum() == pytest.approx(np.pi * 15.0**2 * draw_subject(4).scale ** 2, rel=0.25)
    assert m.edema[lesion].mean() == pytest.approx(0.66, abs=0.08)
    other, _ = marrow(Background(), finding("edema"), name="sacrum")
    assert other.edema.max() == other.lesion.max() == 0.0


def test_a_fracture_is_a_thin_dark_line_in_edema() -> None:
    m, _ = marrow(Background(), finding("fracture", peak=0.8))
    line = m.mineral > 0.45
    # 1.5 mm thick and about 24 mm long in this plane, on a grid of 1 mm
    assert 15 <= line.sum() <= 70
    assert m.edema[(m.lesion > 0.9) & ~line].mean() > 0.6


def test_osteonecrosis_keeps_its_fat_inside_a_dark_rim_and_a_bright_line() -> None:
    m, p = marrow(Background(), finding("osteonecrosis"), kind="long", epiphysis=1.0)
    r = np.hypot(p.x - 40.0, p.z)
    assert m.fat[r < 8].mean() > 0.85
    # along almost every ray from the middle there is a dark rim, and a bright line inside it
    ray = np.digitize(np.arctan2(p.z, p.x - 40.0), np.linspace(-np.pi, np.pi, 37))
    band = (r > 9) & (r < 23)
    rims, lines = [], []
    for k in range(1, 37):
        at = band & (ray == k)
        dark = r[at & (m.mineral > 0.4)]
        bright = r[at & (m.edema > 0.6)]
        rims.append(dark.mean() if dark.size else np.nan)
        lines.append(bright.mean() if bright.size else np.nan)
    assert np.isfinite(rims).sum() >= 33
    assert np.isfinite(lines).sum() >= 30
    assert np.nanmean(np.array(rims) - np.array(lines)) == pytest.approx(2.0, abs=0.6)


def test_a_metastasis_is_sharp_and_free_of_fat() -> None:
    m, p = marrow(Background(), finding("metastasis", peak=0.95, margin_mm=1.5))
    r = np.hypot(p.x - 40.0, p.z)
    assert m.fat[r < 10].mean() < 0.05
    assert m.tumor[r < 10].mean() > 0.9
    assert m.tumor[r > 20].max() == 0.0


def test_sclerosis_is_mineral() -> None:
    m, p = marrow(Background(), finding("sclerosis", peak=0.65))
    assert m.mineral[np.hypot(p.x - 40.0, p.z) < 10].mean() > 0.6


def test_an_unknown_landmark_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no landmark 'elbow'"):
        marrow(Background(), Finding(kind="edema", landmark="elbow", size_mm=(9.0, 9.0, 9.0)))


def test_every_phantom_of_the_catalogue_is_well_formed() -> None:
    assert len(names()) >= 20
    for name, spec in phantoms().items():
        assert load_spec(name) is spec
        assert spec.stack.geometry.shape[0] == spec.stack.slices
        assert spec.stack.slice_thickness_mm <= spec.stack.slice_distance_mm


def test_a_file_of_ones_own_is_read_and_its_mistakes_are_named(tmp_path: object) -> None:
    path = tmp_path / "mine.toml"
    text = 'title = "x"\npattern_class = "NORMAL_FOR_AGE"\nview = "sij"\nregions = ["sacrum"]\n'
    path.write_text(text + "person = { sex = 'M', age_years = 20.0 }\n")
    assert load_spec(str(path)).person.sex == "M"
    path.write_text(text + "colour = 'red'\n")
    with pytest.raises(UsageError, match=r"mine\.toml: colour"):
        load_spec(str(path))
    path.write_text(text.replace("sij", "toe"))
    with pytest.raises(UsageError, match="no view 'toe'"):
        load_spec(str(path))
    path.write_text("title = ")
    with pytest.raises(UsageError, match="cannot be read"):
        load_spec(str(path))
    with pytest.raises(UsageError, match="no phantom named"):
        load_spec("no_such")
