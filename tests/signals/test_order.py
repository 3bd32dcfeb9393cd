"""Percentiles, spread and shares of a region: by hand, and nothing where something is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from marrowsignal.protocol import load_protocol
from marrowsignal.signals.records import Measurement, MeasurementStatus
from marrowsignal.signals.statistics.descriptors import NO_MUSCLE, NO_VOXELS, ReferenceLevels
from marrowsignal.signals.statistics.levels import Levels
from marrowsignal.signals.statistics.order import order_measurements, percentiles, robust_spread

PROTOCOL = load_protocol("pelvis_sij")
NOTHING = ReferenceLevels(muscle=None, fat=None, normal=None)


def levels(t1: np.ndarray, stir: np.ndarray | None, *, volume_ml: float = 5.0) -> Levels:
    ordered = [None if values is None else np.sort(values).astype(np.float32) for values in (t1, stir)]
    medians = [None if values is None else float(np.median(values)) for values in ordered]
    return Levels(
        t1=medians[0],
        stir=medians[1],
        t1_draws=np.full(3, medians[0]),
        stir_draws=None if stir is None else np.full(3, medians[1]),
        voxels=len(t1),
        slices=5,
        volume_ml=volume_ml,
        t1_ordered=ordered[0],
        stir_ordered=ordered[1],
    )


MUSCLE = ReferenceLevels(muscle=levels(np.full(5, 100.0), np.full(5, 50.0)), fat=None, normal=None)
# 0 to 400 % of muscle in steps of 1 %
RAMP = levels(np.linspace(0, 400, 401), np.linspace(0, 200, 401))


def measure(region: Levels | None, references: ReferenceLevels = MUSCLE) -> dict[str, Measurement]:
    return {m.name: m for m in order_measurements(region, references, protocol=PROTOCOL)}


def test_every_value_by_hand() -> None:
    grey, high = PROTOCOL.evidence.t1_muscle_grey.high, PROTOCOL.evidence.stir_muscle_edema_min.value
    expected = {
        "t1_p10_to_muscle": 0.4,
        "t1_p90_to_muscle": 3.6,
        "t1_spread": 1.4826 * 100 / 200,
        "t1_low_share": 100 * (round(100 * grey) + 1) / 401,
        "stir_p90_to_muscle": 3.6,
        "stir_p95_to_muscle": 3.8,
        "stir_spread": 1.4826 * 0.5,
        "stir_high_share": 100 * (401 - round(100 * high)) / 401,
    }
    assert {name: m.value for name, m in measure(RAMP).items()} == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("region", "references", "missing", "reason"),
    [
        (None, MUSCLE, "", NO_VOXELS),
        (replace(RAMP, volume_ml=0.1), MUSCLE, "", "too small"),
        (replace(RAMP, stir=None, stir_draws=None, stir_ordered=None, no_stir="gone"), MUSCLE, "stir", "gone"),
        (RAMP, NOTHING, "muscle", NO_MUSCLE),
        (RAMP, NOTHING, "share", NO_MUSCLE),
    ],
)
def test_what_cannot_be_measured_says_why(
    region: Levels | None, references: ReferenceLevels, missing: str, reason: str
) -> None:
    made = measure(region, references)
    assert list(made) == list(measure(RAMP))
    for m in (m for name, m in made.items() if missing in name):
        assert (m.value, m.status) == (None, MeasurementStatus.NOT_EVALUABLE)
        assert reason in m.reason


def test_dark_stir_is_no_division_by_nothing() -> None:
    made = measure(levels(np.linspace(0, 400, 401), np.zeros(401)))
    assert made["stir_spread"].value is None
    assert made["stir_spread"].reason


@given(st.floats(1e-2, 1e2), st.floats(1e-2, 1e2), st.integers(0, 99))
def test_gain_of_either_series_is_nothing(g: float, h: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    t1, stir = rng.uniform(50, 400, 200), rng.uniform(20, 200, 200)
    gained = replace(MUSCLE, muscle=levels(np.full(5, g * 100.0), np.full(5, h * 50.0)))
    one, two = measure(levels(t1, stir)), measure(levels(g * t1, h * stir), gained)
    for name, m in one.items():
        # a voxel on the cut to seven digits is half a percent of these
        assert two[name].value == pytest.approx(m.value, rel=1e-4, abs=0.51 if m.unit == "percent" else 0)


@given(hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(1, 100, width=32)))
def test_percentiles_and_spread_are_those_of_numpy(values: np.ndarray) -> None:
    ordered = np.sort(values)
    percents = (0.0, 10.0, 50.0, 95.0, 100.0)
    np.testing.assert_allclose(percentiles(ordered, percents), np.percentile(values.astype(float), percents), rtol=1e-6)
    middle = float(np.median(values))
    expected = 1.4826 * np.median(np.abs(values - np.float32(middle))) / middle
    assert robust_spread(ordered, middle) == pytest.approx(expected, rel=1e-5)
