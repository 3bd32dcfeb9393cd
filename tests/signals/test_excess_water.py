"""STIR of marrow without edema against the simulated table of SCIENCE 1.4."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.protocol import load_protocol
from marrowsignal.signals.statistics.excess_water import (
    constants_for_field,
    inversion_recovery_signal,
    predicted_stir_to_muscle,
)

TABLES = load_protocol("generic").signals.tissue_constants
AT_1_5_T = AcquisitionFacts(
    repetition_time_ms=4000, echo_time_ms=50, inversion_time_ms=150, magnetic_field_strength_t=1.5
)
AT_3_T = AcquisitionFacts(
    repetition_time_ms=4500, echo_time_ms=60, inversion_time_ms=220, magnetic_field_strength_t=3.0
)
FAT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def predict(fat: object, acquisition: AcquisitionFacts) -> np.ndarray:
    constants = constants_for_field(acquisition.magnetic_field_strength_t, TABLES)
    assert constants is not None
    return predicted_stir_to_muscle(fat, acquisition=acquisition, constants=constants)


@pytest.mark.parametrize(
    ("acquisition", "table"),
    [(AT_1_5_T, (1.43, 1.31, 1.19, 1.08, 0.96, 0.84)), (AT_3_T, (1.51, 1.35, 1.18, 1.02, 0.85, 0.69))],
    ids=["1.5 T", "3 T"],
)
def test_prediction_follows_the_table(acquisition: AcquisitionFacts, table: tuple[float, ...]) -> None:
    # the table has two decimals and an echo train in the recovery time, which the header does not always give
    np.testing.assert_allclose(predict(FAT, acquisition), table, rtol=0.015)


@pytest.mark.parametrize(("acquisition", "low"), [(AT_1_5_T, 0.17), (AT_3_T, 0.05)], ids=["1.5 T", "3 T"])
def test_a_longer_inversion_time_darkens_fat_but_not_red_marrow(acquisition: AcquisitionFacts, low: float) -> None:
    later = AcquisitionFacts(
        repetition_time_ms=acquisition.repetition_time_ms,
        echo_time_ms=acquisition.echo_time_ms,
        inversion_time_ms=float(acquisition.inversion_time_ms or 0) + 40,
        magnetic_field_strength_t=acquisition.magnetic_field_strength_t,
    )
    assert predict(1.0, later) == pytest.approx(low, abs=0.02)
    assert predict(0.0, later) == pytest.approx(float(predict(0.0, acquisition)), rel=0.03)


def test_fat_and_water_add_with_sign() -> None:
    # past the null of fat, fat is positive and water negative: they cancel somewhere in between
    past = AcquisitionFacts(
        repetition_time_ms=4000, echo_time_ms=50, inversion_time_ms=300, magnetic_field_strength_t=1.5
    )
    curve = predict(np.linspace(0, 1, 201), past)
    assert curve.min() < 0.02
    assert curve[0] > 0.3
    assert curve[-1] > 0.3


@given(st.floats(100, 3000), st.floats(20, 300))
def test_signal_is_null_at_t1_ln_2_and_negative_before(t1: float, t2: float) -> None:
    times = {"repetition_time_ms": 1e7, "echo_time_ms": 50.0, "proton_density": 1.0, "t1_ms": t1, "t2_ms": t2}
    null = t1 * float(np.log(2))
    assert inversion_recovery_signal(inversion_time_ms=null, **times) == pytest.approx(0.0, abs=1e-6)
    assert inversion_recovery_signal(inversion_time_ms=0.8 * null, **times) < 0
    assert inversion_recovery_signal(inversion_time_ms=1.2 * null, **times) > 0


def test_signal_decays_with_t2_and_grows_with_density() -> None:
    def at(te: float, density: float) -> float:
        return inversion_recovery_signal(
            proton_density=density,
            t1_ms=900,
            t2_ms=45,
            repetition_time_ms=4000,
            echo_time_ms=te,
            inversion_time_ms=150,
        )

    assert at(95, 1.0) / at(50, 1.0) == pytest.approx(np.exp(-1))
    assert at(50, 0.5) / at(50, 1.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (1.5, 1.5),
        (1.494, 1.5),
        (1.2, 1.5),
        (3.0, 3.0),
        (2.89, 3.0),
        (0.3, None),
        (1.0, None),
        (7.0, None),
        (None, None),
    ],
)
def test_constants_hold_near_their_field_only(field: float | None, expected: float | None) -> None:
    found = constants_for_field(field, TABLES)
    assert (found and found.magnetic_field_strength.value) == expected


@pytest.mark.parametrize("missing", ["repetition_time_ms", "echo_time_ms", "inversion_time_ms"])
def test_a_missing_time_is_an_error(missing: str) -> None:
    times = {"repetition_time_ms": 4000.0, "echo_time_ms": 50.0, "inversion_time_ms": 150.0, missing: None}
    with pytest.raises(ValueError, match="not known"):
        predict(0.4, AcquisitionFacts(magnetic_field_strength_t=1.5, **times))
