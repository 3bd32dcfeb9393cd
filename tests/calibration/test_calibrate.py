"""Cohorts with known truth: recovered within their intervals, or refused with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.calibration import Calibration, Label, Outcome, calibrate_cohort, read_cohort
from marrowsignal.calibration.fat_fraction import Paired, fitted_line
from marrowsignal.errors import InputError, UsageError
from marrowsignal.protocol import load_protocol
from tests.calibration.cohorts import PROTOCOL, Study, cases, write_cohort

SLOPE, INTERCEPT = 80.0, 5.0


def normal_people(count: int, *, seed: int, sites: int = 1) -> list[Study]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        age, male, high = rng.uniform(20, 80), bool(number % 2), bool(number // 2 % 2)
        index = 0.45 + 0.03 * (age - 50) / 10 + 0.05 * male + 0.02 * high + rng.normal(0, 0.04)
        found.append(
            Study(
                name=f"n{number:03}",
                label=Label.NORMAL,
                site=f"s{number % sites}",
                age_y=age,
                sex="M" if male else "F",
                field_t=3.0 if high else 1.5,
                whole={
                    "t1_marrow_to_muscle": rng.normal(1.55, 0.12),
                    "stir_marrow_to_muscle": rng.normal(1.2, 0.2),
                    "excess_water": rng.normal(1.0, 0.12),
                },
                ilium={"fat_signal_index": index, "pdff": INTERCEPT + SLOPE * index + rng.normal(0, 4)},
            )
        )
    return found


def sick_people(count: int, *, seed: int) -> list[Study]:
    rng = np.random.default_rng(seed)
    edema = [
        Study(
            name=f"e{number:03}",
            label=Label.EDEMA,
            whole={"t1_marrow_to_muscle": rng.normal(1.5, 0.12)},
            lesion={
                "stir_marrow_to_muscle": rng.normal(2.2, 0.2),
                "excess_water": rng.normal(1.7, 0.12),
                "t1_to_surround": rng.normal(0.85, 0.05),
            },
        )
        for number in range(count)
    ]
    return edema + [
        Study(name=f"i{number:03}", label=Label.INFILTRATION, whole={"t1_marrow_to_muscle": rng.normal(0.95, 0.06)})
        for number in range(count)
    ]


def calibrated(studies: list[Study]) -> Calibration:
    return calibrate_cohort(cases(studies), PROTOCOL, extends="pelvis_sij")


def outcome(found: Calibration, path: str) -> Outcome:
    return next(one for one in found.outcomes if one.path == path)


@pytest.fixture(scope="module")
def large() -> Calibration:
    return calibrated([*normal_people(160, seed=1), *sick_people(80, seed=2)])


def test_cuts_are_recovered_within_their_intervals(large: Calibration) -> None:
    edema = outcome(large, "evidence.stir_muscle_edema_min")
    assert edema.low is not None and edema.high is not None and edema.new is not None
    # Two normals of one SD cross half-way between their means.
    assert edema.low - 0.02 <= 1.7 <= edema.high + 0.02
    assert edema.new == pytest.approx(1.7, abs=0.1)
    flag = outcome(large, "evidence.t1_muscle_red_flag")
    assert flag.new == pytest.approx(0.95 + 1.645 * 0.06, abs=0.04)


def test_a_grey_zone_keeps_its_width_and_widens_to_the_interval(large: Calibration) -> None:
    cut, red = (outcome(large, f"evidence.stir_muscle_{name}") for name in ("edema_min", "red_max"))
    assert cut.new is not None and cut.low is not None and red.new is not None
    assert red.new == pytest.approx(min(cut.new - 0.1, cut.low), abs=0.002)
    grey = outcome(large, "evidence.t1_muscle_grey.high")
    flag = outcome(large, "evidence.t1_muscle_red_flag")
    assert grey.new is not None and flag.new is not None and flag.high is not None
    assert grey.new == pytest.approx(max(flag.new + 0.1, flag.high), abs=0.002)


def test_the_line_to_fat_fraction_is_recovered(large: Calibration) -> None:
    slope = outcome(large, "signals.fat_fraction_fit.slope")
    assert slope.low is not None and slope.high is not None
    assert abs((slope.new or 0.0) - SLOPE) <= slope.high - slope.low
    assert large.fat_fraction is not None
    assert large.fat_fraction.agreement_high == pytest.approx(1.96 * 4, abs=1.2)


def test_the_interval_of_the_line_holds_it_as_often_as_it_says() -> None:
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(40), 3)
        index = rng.uniform(0.2, 0.7, person.size)
        # Three regions of a person share an error: people are drawn, not regions.
        error = rng.normal(0, 4, 40)[person] + rng.normal(0, 2, person.size)
        paired = Paired(
            index=index,
            percent=INTERCEPT + SLOPE * index + error,
            person=person,
            site=np.zeros(person.size, np.int64),
            sites=("",),
        )
        _, draws = fitted_line(paired, draws=300, seed=seed)
        low, high = np.percentile(draws[:, 0] + 0.45 * draws[:, 1], [5, 95])
        held += low <= INTERCEPT + 0.45 * SLOPE <= high
    assert 48 <= held <= 58


def test_sites_left_out_tell_a_site_that_is_off() -> None:
    people = normal_people(60, seed=4, sites=3)
    people = [replace(p, ilium={**p.ilium, "pdff": p.ilium["pdff"] + 12.0}) if p.site == "s2" else p for p in people]
    check = calibrated(people).fat_fraction
    assert check is not None
    errors = {site: mean for site, mean, _ in check.site_errors}
    assert errors["s2"] == pytest.approx(12.0, abs=3.0)
    assert abs(errors["s0"]) < 9.0


def test_bands_follow_age_sex_and_field(large: Calibration) -> None:
    for end, share in (("low", -1.645), ("high", 1.645)):
        base = outcome(large, f"ilium.fitted.{end}.at_50_y")
        assert base.low is not None and base.high is not None
        assert base.low - 0.02 <= 0.45 + share * 0.04 <= base.high + 0.02
        decade = outcome(large, f"ilium.fitted.{end}.per_decade")
        assert decade.low is not None and decade.high is not None
        assert decade.low - 0.005 <= 0.03 <= decade.high + 0.005


def test_what_is_written_loads_and_serves_each_person(large: Calibration, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(large.text, encoding="utf-8")
    protocol = load_protocol(str(file))
    flag = outcome(large, "evidence.t1_muscle_red_flag")
    assert protocol.evidence.t1_muscle_red_flag.value == flag.new
    assert large.cohort[:12] in protocol.evidence.t1_muscle_red_flag.source
    assert protocol.lesions == PROTOCOL.lesions
    old, young = (protocol.for_person(age_y=age, sex="F", field_t=1.5).expected_band("ilium", age) for age in (75, 25))
    assert old is not None and young is not None
    assert old.low - young.low == pytest.approx(0.15, abs=0.06)
    beyond = protocol.for_person(age_y=95.0, sex="F", field_t=1.5).expected_band("ilium", 95.0)
    assert beyond == protocol.expected_band("ilium", 95.0)


def test_without_sex_the_band_holds_both(large: Calibration, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(large.text, encoding="utf-8")
    protocol = load_protocol(str(file))
    bands = [protocol.for_person(age_y=40, sex=sex, field_t=1.5).expected_band("ilium", 40) for sex in ("F", "M", None)]
    woman, man, either = bands
    assert woman and man and either
    assert (either.low, either.high) == (min(woman.low, man.low), max(woman.high, man.high))


def test_people_of_several_field_strengths_are_not_pooled_for_raw_ratios() -> None:
    sick = sick_people(40, seed=2)
    high = [
        replace(p, name=f"h{p.name}", field_t=3.0, lesion={name: 2 * value for name, value in p.lesion.items()})
        for p in sick
    ]
    found = calibrated([*normal_people(60, seed=1), *sick, *high])
    edema = outcome(found, "evidence.stir_muscle_edema_min")
    assert "at 1.5 T" in edema.told and edema.people == 30 + 40
    assert edema.new == pytest.approx(1.7, abs=0.2)


def test_shuffled_labels_change_no_cut() -> None:
    people = [*normal_people(80, seed=6), *sick_people(40, seed=7)]
    values = [p.whole.get("stir_marrow_to_muscle", p.lesion.get("stir_marrow_to_muscle", 1.0)) for p in people]
    rng = np.random.default_rng(9)
    shuffled = [
        Study(
            name=p.name,
            label=(Label.NORMAL, Label.EDEMA, Label.INFILTRATION)[number % 3],
            whole={"stir_marrow_to_muscle": value, "t1_marrow_to_muscle": value},
            lesion={"stir_marrow_to_muscle": value, "excess_water": value},
        )
        for number, (p, value) in enumerate(zip(people, rng.permutation(values), strict=True))
    ]
    found = calibrated(shuffled)
    assert all(one.new is None for one in found.outcomes)
    assert "hardly part" in outcome(found, "evidence.stir_muscle_edema_min").told


def test_few_people_keep_the_old_numbers_and_say_so() -> None:
    found = calibrated([*normal_people(19, seed=1), *sick_people(5, seed=2)])
    assert all(one.new is None and "needed" in one.told for one in found.outcomes)
    assert "[evidence]" not in found.text


def test_a_small_cohort_gives_wider_bands_than_its_centiles() -> None:
    people = [replace(p, age_y=30.0) for p in normal_people(40, seed=3)]
    low, high = (outcome(calibrated(people), f"ilium.adult.{end}") for end in ("low", "high"))
    values = [p.ilium["fat_signal_index"] for p in people]
    assert low.new is not None and high.new is not None
    assert low.new < np.percentile(values, 5) and high.new > np.percentile(values, 95)
    assert "few people" in low.told


def test_repeats_give_the_within_subject_sd_and_are_not_more_people() -> None:
    rng = np.random.default_rng(12)
    studies = []
    for person in range(60):
        truth = rng.uniform(1.2, 1.8)
        for scan in "ab":
            values = {
                "t1_marrow_to_muscle": truth * float(np.exp(rng.normal(0, 0.05))),
                "fat_signal_index": truth - 1 + rng.normal(0, 0.02),
            }
            studies.append(Study(name=f"p{person:02}{scan}", group=f"p{person}", label=Label.NORMAL, ilium=values))
    found = calibrated(studies)
    ratio, index = (outcome(found, f"change.{name}") for name in ("ratio_variation", "fat_signal_change"))
    assert ratio.low is not None and ratio.high is not None and ratio.new is not None
    assert ratio.low <= 0.05 <= ratio.high
    assert index.new == pytest.approx(2.77 * 0.02, rel=0.2)
    assert found.studies == 120 and found.people == 60
    assert outcome(found, "ilium.adult.low").people == 60


def test_the_same_cohort_gives_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    studies = [*normal_people(40, seed=1), *sick_people(25, seed=2)]
    one = read_cohort(write_cohort(studies, tmp_path / "one"), all_normal=True)
    other = read_cohort(write_cohort(studies[::-1], tmp_path / "other"), all_normal=True)
    texts = {calibrate_cohort(read, PROTOCOL, extends="pelvis_sij").text for read in (one, other)}
    assert len(texts) == 1


def test_labels_groups_and_sites_come_from_the_table(tmp_path: Path) -> None:
    folder = write_cohort(normal_people(3, seed=1), tmp_path / "cohort")
    table = tmp_path / "labels.csv"
    table.write_text("case,label,group,site\nn000,Edema,p1,A\nn001,,p1,B\n", encoding="utf-8")
    read = read_cohort(folder, labels=table)
    assert [(c.label, c.person, c.site) for c in read] == [
        (Label.EDEMA, "p1", "A"),
        (None, "p1", "B"),
        (None, "n002", ""),
    ]
    assert [c.label for c in read_cohort(folder, labels=table, all_normal=True)] == [Label.EDEMA, None, Label.NORMAL]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("case,label\nn000,oedema\n", "labels_malformed"),
        ("case,label\nn000,edema\nn000,normal\n", "labels_malformed"),
        ("study,label\nn000,edema\n", "labels_malformed"),
        ("case,label\nx,edema\n", "labels_unknown_case"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, code: str) -> None:
    folder = write_cohort(normal_people(2, seed=1), tmp_path / "cohort")
    table = tmp_path / "labels.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_cohort(folder, labels=table)
    assert caught.value.code == code
    assert "n000" not in str(caught.value)


def test_a_damaged_case_is_named_by_its_place_alone(tmp_path: Path) -> None:
    folder = write_cohort(normal_people(2, seed=1), tmp_path / "cohort")
    (folder / "n001" / "result.json").write_text('{"case": "Xqzvornik"', encoding="utf-8")
    with pytest.raises(InputError, match="number 2 of the cohort") as caught:
        read_cohort(folder)
    assert "Xqzvornik" not in str(caught.value)


def test_cases_of_another_protocol_are_refused() -> None:
    with pytest.raises(UsageError, match="another protocol"):
        calibrate_cohort(cases(normal_people(2, seed=1)), load_protocol("hips"), extends="hips")
