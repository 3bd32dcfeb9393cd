"""STIR of marrow without edema against the phantom's species and the table of SCIENCE 1.8."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.phantom.tissues import STIR_0_3T, STIR_1_5T, STIR_3T, Sequence, Species, signals
from marrowsignal.protocol import load_protocol
from marrowsignal.signals.statistics.excess_water import constants_for_field, predicted_stir_to_muscle
from marrowsignal.signals.statistics.sequence_signals import Tissue, inversion_recovery_signal

TABLES = load_protocol("generic").signals.tissue_constants
FIELDS = {0.3: STIR_0_3T, 1.5: STIR_1_5T, 3.0: STIR_3T}
FAT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# fibres with streaks of fat, sheaths and interstitial water (SCIENCE 1.8)
LEAN_MUSCLE = {Species.MUSCLE: 0.90, Species.FAT: 0.04, Species.FIBROUS: 0.04, Species.FLUID: 0.02}


def facts(sequence: Sequence, **other: object) -> AcquisitionFacts:
    known = AcquisitionFacts(
        repetition_time_ms=sequence.repetition_time_ms,
        echo_time_ms=sequence.echo_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        echo_train_length=sequence.echo_train_length,
        magnetic_field_strength_t=sequence.magnetic_field_strength_t,
    )
    return replace(known, **other)


AT_1_5_T, AT_3_T = facts(STIR_1_5T), facts(STIR_3T)


def predict(fat: object, acquisition: AcquisitionFacts) -> np.ndarray:
    constants = constants_for_field(acquisition.magnetic_field_strength_t, TABLES)
    assert constants is not None
    return predicted_stir_to_muscle(fat, acquisition=acquisition, constants=constants)


def test_prediction_follows_the_table() -> None:
    # SCIENCE 1.8, two decimals, at the sacroiliac protocol
    np.testing.assert_allclose(predict(FAT[:5], AT_1_5_T), (1.25, 1.24, 1.22, 1.20, 1.18), rtol=0.01)


@pytest.mark.parametrize("field", FIELDS)
def test_prediction_is_the_signal_of_the_species_at_every_field(field: float) -> None:
    of = np.abs(signals(FIELDS[field]))
    muscle = sum(share * of[species] for species, share in LEAN_MUSCLE.items())
    fat = np.array(FAT)
    marrow = 0.83 * (fat * of[Species.MARROW_FAT] + (1 - fat) * of[Species.MARROW_WATER])
    # one T2 stands for lean muscle's mixture
    np.testing.assert_allclose(predict(fat, facts(FIELDS[field])), marrow / muscle, rtol=0.05)


@pytest.mark.parametrize("field", FIELDS)
def test_a_longer_inversion_time_darkens_fat_but_not_red_marrow(field: float) -> None:
    usual = facts(FIELDS[field])
    later = replace(usual, inversion_time_ms=1.2 * float(usual.inversion_time_ms or 0))
    assert float(predict(1.0, later)) < 0.6 * float(predict(1.0, usual))
    assert float(predict(0.0, later)) == pytest.approx(float(predict(0.0, usual)), rel=0.08)


def test_the_echo_train_takes_from_the_time_to_recover() -> None:
    # at short TR what the train takes is felt by what recovers slowly: by muscle and not by fat
    short = facts(STIR_1_5T, repetition_time_ms=1800.0)
    unknown = replace(short, echo_train_length=None)
    assert float(predict(1.0, short)) > 1.01 * float(predict(1.0, unknown))
    # a train of many echoes is twice TE long
    times = {"repetition_time_ms": 1800.0, "echo_time_ms": 60.0, "inversion_time_ms": 150.0}
    c = constants_for_field(1.5, TABLES)
    assert c is not None
    water, muscle = (
        inversion_recovery_signal(Tissue.of(d, a, b), train_length_ms=110.0, **times)
        for d, a, b in (
            (c.marrow_water_proton_density, c.marrow_water_t1, c.marrow_water_t2),
            (c.muscle_proton_density, c.muscle_t1, c.muscle_t2),
        )
    )
    expected = (1 - c.bone_volume_fraction.value) * water / muscle
    assert float(predict(0.0, short)) == pytest.approx(expected, rel=1e-9)


def test_fat_and_water_add_with_sign() -> None:
    # past the null of fat, fat is positive and water negative: they cancel somewhere in between
    past = facts(STIR_1_5T, inversion_time_ms=300.0)
    curve = predict(np.linspace(0, 1, 201), past)
    assert curve.min() < 0.02
    assert curve[0] > 0.3
    assert curve[-1] > 0.3


@given(st.floats(100, 3000), st.floats(20, 300))
def test_signal_is_null_at_t1_ln_2_and_negative_before(t1: float, t2: float) -> None:
    tissue = Tissue(proton_density=1.0, t1_ms=t1, t2_ms=t2)
    times = {"repetition_time_ms": 1e7, "echo_time_ms": 50.0}
    null = t1 * float(np.log(2))
    assert inversion_recovery_signal(tissue, inversion_time_ms=null, **times) == pytest.approx(0.0, abs=1e-6)
    assert inversion_recovery_signal(tissue, inversion_time_ms=0.8 * null, **times) < 0
    assert inversion_recovery_signal(tissue, inversion_time_ms=1.2 * null, **times) > 0


def test_signal_decays_with_t2_and_grows_with_density() -> None:
    def at(te: float, density: float) -> float:
        tissue = Tissue(proton_density=density, t1_ms=900, t2_ms=45)
        return inversion_recovery_signal(tissue, repetition_time_ms=4000, echo_time_ms=te, inversion_time_ms=150)

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
        (0.3, 0.3),
        (0.35, 0.3),
        (0.5, None),
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
