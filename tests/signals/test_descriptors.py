"""Descriptors of one set of voxels: values by hand, honest about size and missing references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol import load_protocol
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics.descriptors import ReferenceLevels, excess_water, size_status, tissue_measurements
from marrowsignal.signals.statistics.excess_water import constants_for_field, predicted_stir_to_muscle
from marrowsignal.signals.statistics.levels import Levels

SETTINGS = load_protocol("pelvis_sij").signals
STIR = AcquisitionFacts(repetition_time_ms=4000, echo_time_ms=50, inversion_time_ms=150, magnetic_field_strength_t=1.5)
MUSCLE_GREY = 1.1


def levels(t1: float, stir: float, *, volume_ml: float = 5.0, slices: int = 5) -> Levels:
    ramp = np.linspace(-1, 1, 401)
    return Levels(
        t1=t1,
        stir=stir,
        t1_draws=t1 * np.exp(0.02 * ramp),
        stir_draws=stir * np.exp(0.05 * ramp[::-1]),
        voxels=1000,
        slices=slices,
        volume_ml=volume_ml,
        t1_ordered=np.full(1000, t1, np.float32),
        stir_ordered=np.full(1000, stir, np.float32),
    )


def fixed(t1: float, stir: float) -> Levels:
    return replace(levels(t1, stir), t1_draws=np.full(401, t1), stir_draws=np.full(401, stir))


REFERENCES = ReferenceLevels(muscle=fixed(200, 100), fat=fixed(600, 120), normal=fixed(320, 125))


def measure(
    region: Levels | None, references: ReferenceLevels = REFERENCES, **choice: object
) -> dict[str, Measurement]:
    made = tissue_measurements(region, references, stir=choice.pop("stir", STIR), settings=SETTINGS, **choice)
    return {m.name: m for m in made}


def predicted(fat_signal: float) -> float:
    constants = constants_for_field(1.5, SETTINGS.tissue_constants)
    return float(predicted_stir_to_muscle(np.clip(fat_signal, 0, 1), acquisition=STIR, constants=constants))


def test_every_value_by_hand() -> None:
    made = measure(levels(300, 250))
    expected = {
        "t1_marrow_to_muscle": 1.5,
        "t1_marrow_to_fat": 0.5,
        "fat_signal_index": 0.25,
        "stir_marrow_to_muscle": 2.5,
        "stir_marrow_to_normal": 2.0,
        "stir_fat_to_muscle": 1.2,
        "fat_water_ratio": 0.5 / 2.5,
        "fat_water_ratio_to_normal": (300 / 250) / (320 / 125),
        # a_F = (1.5 - 2.5) / (3 - 1.2), a_U = 2.5 - 1.2 a_F
        "abundance_sum": -1 / 1.8 + 2.5 + 1.2 / 1.8,
        "excess_water": 2.5 / predicted(0.25),
    }
    assert {name: m.value for name, m in made.items()} == pytest.approx(expected)


def test_intervals_come_from_the_draws() -> None:
    made = measure(levels(300, 250))
    # draws run evenly over +-2 % and +-5 % in the logarithm: 90 % of them reach 0.9 of that
    t1, stir = made["t1_marrow_to_muscle"], made["stir_marrow_to_muscle"]
    assert np.log([t1.ci_low / t1.value, t1.ci_high / t1.value]) == pytest.approx([-0.018, 0.018], rel=1e-3)
    assert np.log([stir.ci_low / stir.value, stir.ci_high / stir.value]) == pytest.approx([-0.045, 0.045], rel=1e-3)
    # T1 and STIR of one draw go together: opposite ways here, so that D13 has the sum of both
    water = made["fat_water_ratio"]
    assert np.log(water.ci_high / water.ci_low) == pytest.approx(2 * 0.063, rel=1e-2)


def test_uncertain_muscle_widens_what_is_measured_against_it_only() -> None:
    vague = replace(REFERENCES, muscle=levels(200, 100))
    for name in ("t1_marrow_to_fat", "stir_marrow_to_normal"):
        assert measure(fixed(300, 250), vague)[name].ci_low == pytest.approx(measure(fixed(300, 250))[name].value)
    for name in ("t1_marrow_to_muscle", "stir_marrow_to_muscle", "excess_water", "fat_signal_index"):
        made = measure(fixed(300, 250), vague)[name]
        assert made.ci_low < made.value < made.ci_high


@given(st.floats(210, 590), st.floats(50, 400), st.floats(1e-2, 1e2), st.floats(1e-2, 1e2))
def test_gain_of_either_series_leaves_everything(t1: float, stir: float, g: float, h: float) -> None:
    def scaled(level: Levels) -> Levels:
        return replace(
            level, t1=g * level.t1, stir=h * level.stir, t1_draws=g * level.t1_draws, stir_draws=h * level.stir_draws
        )

    region = levels(t1, stir)
    other = ReferenceLevels(
        muscle=scaled(REFERENCES.muscle), fat=scaled(REFERENCES.fat), normal=scaled(REFERENCES.normal)
    )
    for calibrate in (None, MUSCLE_GREY):
        one, two = measure(region, calibrate_above=calibrate), measure(scaled(region), other, calibrate_above=calibrate)
        for name, m in one.items():
            assert (m.value, m.ci_low, m.ci_high) == pytest.approx(
                (two[name].value, two[name].ci_low, two[name].ci_high), rel=1e-9
            )


@given(st.floats(1, 2000), st.floats(1, 2000))
def test_the_value_lies_in_its_interval(t1: float, stir: float) -> None:
    for m in measure(levels(t1, stir)).values():
        assert m.ci_low <= m.value <= m.ci_high


class TestSize:
    @pytest.mark.parametrize(
        ("volume_ml", "slices", "status"),
        [
            (1.0, 3, "measured"),
            (50.0, 2, "exploratory"),
            (0.99, 3, "exploratory"),
            (0.3, 2, "exploratory"),
            (0.29, 9, "not_evaluable"),
            (50.0, 1, "not_evaluable"),
            (0.0, 0, "not_evaluable"),
        ],
    )
    def test_volume_and_slices_decide_together(self, volume_ml: float, slices: int, status: str) -> None:
        found, reason = size_status(volume_ml, slices, SETTINGS)
        assert found == status
        assert bool(reason) == (status != "measured")

    def test_too_small_is_none_with_a_reason_and_never_0(self) -> None:
        made = measure(levels(300, 250, volume_ml=0.2))
        assert list(made) == list(measure(levels(300, 250)))
        for m in made.values():
            assert (m.value, m.ci_low, m.ci_high) == (None, None, None)
            assert m.status is MeasurementStatus.NOT_EVALUABLE
            assert m.reason == "too small: 0.20 mL on 5 slices"

    def test_small_is_measured_and_marked(self) -> None:
        made = measure(levels(300, 250, volume_ml=0.5))
        assert made["t1_marrow_to_muscle"].value == pytest.approx(1.5)
        assert {m.status for m in made.values()} == {MeasurementStatus.EXPLORATORY}
        assert all("small: 0.50 mL" in m.reason for m in made.values())

    def test_no_voxels(self) -> None:
        made = measure(None)
        assert list(made) == list(measure(levels(300, 250)))
        assert all(m.value is None and "no voxels" in m.reason for m in made.values())


class TestMissingReference:
    NEEDS = {  # noqa: RUF012
        "muscle": {
            "t1_marrow_to_muscle",
            "fat_signal_index",
            "stir_marrow_to_muscle",
            "excess_water",
            "stir_fat_to_muscle",
            "abundance_sum",
            "fat_water_ratio",
        },
        "fat": {
            "t1_marrow_to_fat",
            "fat_signal_index",
            "excess_water",
            "stir_fat_to_muscle",
            "abundance_sum",
            "fat_water_ratio",
        },
        "normal": {"stir_marrow_to_normal", "fat_water_ratio_to_normal"},
    }

    @pytest.mark.parametrize("tissue", NEEDS)
    def test_what_needs_it_is_not_evaluable_and_the_rest_stays(self, tissue: str) -> None:
        made = measure(levels(300, 250), replace(REFERENCES, **{tissue: None}))
        whole = measure(levels(300, 250))
        assert {name for name, m in made.items() if m.value is None} == self.NEEDS[tissue]
        assert all(made[name].value == whole[name].value for name in set(made) - self.NEEDS[tissue])
        assert list(made) == list(whole)
        for name in self.NEEDS[tissue]:
            assert made[name].status is MeasurementStatus.NOT_EVALUABLE
            assert tissue in made[name].reason

    def test_fat_at_the_level_of_muscle_gives_no_index(self) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            made = measure(levels(300, 250), replace(REFERENCES, fat=fixed(200, 120)))
        assert made["fat_signal_index"].value is None
        assert made["fat_signal_index"].reason == "the reference levels coincide"
        assert made["t1_marrow_to_muscle"].value == pytest.approx(1.5)


class TestExcessWater:
    def value(self, t1: float, stir: float, above: float | None = None) -> float:
        made = excess_water(fixed(t1, stir), REFERENCES, stir=STIR, settings=SETTINGS, calibrate_above=above)
        return float(made.value)

    @given(st.floats(0.0, 1.0))
    def test_marrow_as_predicted_has_an_excess_of_1(self, fat_signal: float) -> None:
        assert self.value(200 + 400 * fat_signal, 100 * predicted(fat_signal)) == pytest.approx(1.0)

    @pytest.mark.parametrize(("t1", "fat_signal"), [(100.0, 0.0), (900.0, 1.0)])
    def test_the_index_is_clipped_before_the_prediction(self, t1: float, fat_signal: float) -> None:
        assert self.value(t1, 100) == pytest.approx(1 / predicted(fat_signal))

    def test_a_lesion_is_measured_against_the_patients_own_marrow(self) -> None:
        # normal marrow: index 0.3, STIR 125; a lesion of T1 300: index 0.25
        expected = (250 / 125) * predicted(0.3) / predicted(0.25)
        assert self.value(300, 250, MUSCLE_GREY) == pytest.approx(expected)

    def test_red_for_yellow_marrow_alone_is_no_excess_in_this_patient(self) -> None:
        # a patient whose marrow is 1.2 times brighter than predicted throughout
        normal = fixed(320, 100 * 1.2 * predicted(0.3))
        region = fixed(260, 100 * 1.2 * predicted(0.15))
        made = excess_water(
            region, replace(REFERENCES, normal=normal), stir=STIR, settings=SETTINGS, calibrate_above=MUSCLE_GREY
        )
        assert made.value == pytest.approx(1.0)

    def test_at_muscle_level_red_marrow_is_no_explanation(self) -> None:
        # below 1.1 times muscle the fat signal of normal marrow stands for the lesion's own
        assert self.value(215, 250, MUSCLE_GREY) == pytest.approx(2.0)
        assert self.value(225, 250, MUSCLE_GREY) < 2.0

    def test_an_uncertain_inversion_widens_it_where_marrow_is_fatty(self) -> None:
        def width(fat_signal: float) -> float:
            made = excess_water(
                fixed(200 + 400 * fat_signal, 100), REFERENCES, stir=STIR, settings=SETTINGS, calibrate_above=None
            )
            return float(np.log(made.ci_high / made.ci_low))

        # TI off by 4 %, one standard deviation: fat near its null feels it and water does not
        longer = replace(STIR, inversion_time_ms=1.04 * 150)
        constants = constants_for_field(1.5, SETTINGS.tissue_constants)
        moved = np.log(predicted(1.0) / predicted_stir_to_muscle(1.0, acquisition=longer, constants=constants))
        assert width(1.0) == pytest.approx(2 * 1.645 * moved, rel=0.15)
        assert width(0.0) < 0.15 * width(1.0)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"magnetic_field_strength_t": None}, "no tissue constants"),
            ({"magnetic_field_strength_t": 0.6}, "no tissue constants"),
            ({"inversion_time_ms": None}, "TR, TE or TI"),
            ({"echo_time_ms": None}, "TR, TE or TI"),
            ({"repetition_time_ms": None}, "TR, TE or TI"),
        ],
    )
    def test_without_physics_no_excess_but_the_rest(self, change: dict[str, float | None], reason: str) -> None:
        made = measure(levels(300, 250), stir=replace(STIR, **change))
        assert made["excess_water"].value is None
        assert reason in made["excess_water"].reason
        assert made["stir_marrow_to_muscle"].value == pytest.approx(2.5)
