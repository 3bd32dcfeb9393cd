"""Protocol drift: what differs is told, what breaks comparability closes what depends on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.comparison.contrast import contrast_drift, predicted_t1_to_muscle
from marrowsignal.comparison.drift import closed_by, drift_findings, protocol_drift
from marrowsignal.comparison.records import DriftItem, DriftState, Scope
from marrowsignal.comparison.repeatability import ratio_coefficient
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.findings import Severity
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema.quantities import Quantity
from marrowsignal.signals.statistics.excess_water import constants_for_field
from tests.report.study_builder import build_result, coronal_geometry

PROTOCOL = load_protocol("pelvis_sij")
T1 = AcquisitionFacts(
    modality="MR", repetition_time_ms=550.0, echo_time_ms=10.0, magnetic_field_strength_t=1.5, manufacturer="Siemens",
    image_type=("ORIGINAL", "PRIMARY", "M", "NORM"),
)  # fmt: skip
# SCIENCE 1.2 at 1.5 T.
SIMULATED = {
    key: Quantity(value=value, unit=unit, source="SCIENCE 1.2")
    for key, value, unit in (
        ("fat_t1", 288.0, "ms"), ("fat_t2", 165.0, "ms"), ("fat_proton_density", 0.95, "1"),
        ("muscle_t1", 1130.0, "ms"), ("muscle_t2", 35.0, "ms"), ("muscle_proton_density", 0.8, "1"),
        ("marrow_water_t1", 900.0, "ms"), ("marrow_water_t2", 45.0, "ms"), ("marrow_water_proton_density", 1.0, "1"),
        ("bone_volume_fraction", 0.12, "fraction"),
    )
}  # fmt: skip
STIR = replace(T1, repetition_time_ms=4000.0, echo_time_ms=50.0, inversion_time_ms=150.0)


def _pair(t1: AcquisitionFacts = T1, stir: AcquisitionFacts = STIR, grid: VolumeGeometry | None = None) -> SeriesPair:
    pair = build_result().series
    grid = grid or coronal_geometry()
    made = [
        replace(one, acquisition=facts, geometry=grid, spacing_mm=grid.spacing_mm, orientation="coronal")
        for one, facts in ((pair.t1, t1), (pair.stir, stir))
    ]
    return replace(pair, t1=made[0], stir=made[1])


def _item(drift: tuple[DriftItem, ...], key: str, series: str = "") -> DriftItem:
    return next(item for item in drift if (item.key, item.series) == (key, series))


def _drift(**changes: Any) -> tuple[DriftItem, ...]:
    return protocol_drift(_pair(), _pair(**changes), protocol=PROTOCOL)


def test_the_same_acquisition_is_no_drift() -> None:
    drift = _drift()
    assert {item.state for item in drift} == {DriftState.SAME}
    assert not drift_findings(drift)
    assert not any(closed_by(drift, scope) for scope in Scope)


def test_another_field_strength_closes_everything() -> None:
    at_3t = {"magnetic_field_strength_t": 3.0}
    drift = _drift(t1=replace(T1, **at_3t), stir=replace(STIR, **at_3t))
    assert all(closed_by(drift, scope) for scope in (Scope.T1, Scope.STIR, Scope.LESIONS, Scope.ALL))
    assert "1.5 T" in closed_by(drift, Scope.ALL)


def test_a_nominal_field_that_is_rounded_is_the_same() -> None:
    drift = _drift(t1=replace(T1, magnetic_field_strength_t=1.494))
    assert _item(drift, "field_strength").state is DriftState.SAME


def test_contrast_medium_on_one_date_closes_everything() -> None:
    assert closed_by(_drift(t1=replace(T1, post_contrast=True)), Scope.ALL)


def test_another_inversion_time_closes_stir_and_lesions_but_not_t1() -> None:
    drift = _drift(stir=replace(STIR, inversion_time_ms=215.0, echo_time_ms=15.0))
    assert closed_by(drift, Scope.STIR)
    assert closed_by(drift, Scope.LESIONS)
    assert not closed_by(drift, Scope.T1)
    assert not closed_by(drift, Scope.ALL)


def test_small_differences_are_told_and_close_nothing() -> None:
    drift = _drift(t1=replace(T1, repetition_time_ms=600.0, manufacturer="GE", image_type=("ORIGINAL",)))
    assert not any(closed_by(drift, scope) for scope in Scope)
    told = {finding.code for finding in drift_findings(drift)}
    assert {"drift_repetition_time", "drift_maker", "drift_normalization"} <= told
    assert {finding.severity for finding in drift_findings(drift)} == {Severity.WARN}


def test_thick_slices_at_one_date_close_lesions_alone() -> None:
    thick = VolumeGeometry(affine_lps=coronal_geometry().affine_lps @ np.diag([2.0, 1, 1, 1]), shape=(6, 96, 80))
    drift = _drift(grid=thick)
    assert closed_by(drift, Scope.LESIONS)
    assert not closed_by(drift, Scope.STIR)


@pytest.mark.parametrize(("angle", "state"), [(2.0, "same"), (12.0, "differs"), (45.0, "closes")])
def test_another_plane(angle: float, state: str) -> None:
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1.0]])
    grid = coronal_geometry()
    drift = _drift(grid=VolumeGeometry(affine_lps=turn @ grid.affine_lps, shape=grid.shape))
    item = _item(drift, "plane", "T1")
    assert item.state == state
    assert item.difference == pytest.approx(angle, abs=1e-6)


def test_what_a_header_does_not_say_is_not_known_and_closes_nothing() -> None:
    drift = _drift(t1=replace(T1, echo_time_ms=None, magnetic_field_strength_t=None, manufacturer=None))
    for key, series in (("echo_time", "T1"), ("field_strength", ""), ("maker", ""), ("contrast_model", "T1")):
        assert _item(drift, key, series).state is DriftState.NOT_KNOWN
        assert _item(drift, key, series).difference is None
    assert not any(closed_by(drift, scope) for scope in Scope)


def test_where_the_model_cannot_predict_the_times_themselves_decide() -> None:
    unknown = {"magnetic_field_strength_t": 7.0}
    first = _pair(t1=replace(T1, **unknown), stir=replace(STIR, **unknown))
    second = _pair(t1=replace(T1, **unknown, repetition_time_ms=800.0), stir=replace(STIR, **unknown))
    drift = protocol_drift(first, second, protocol=PROTOCOL)
    assert closed_by(drift, Scope.T1)
    assert not closed_by(drift, Scope.STIR)


def test_without_stir_on_one_date_stir_is_not_asked() -> None:
    drift = protocol_drift(_pair(), replace(_pair(), stir=None), protocol=PROTOCOL)
    assert {item.series for item in drift} == {"", "T1"}


@pytest.mark.parametrize(
    ("fat", "told"), [(0.0, 1.40), (0.2, 1.73), (0.4, 2.06), (0.6, 2.38), (0.8, 2.71), (1.0, 3.04)]
)
def test_predicted_t1_contrast_is_that_of_the_simulation(fat: float, told: float) -> None:
    # The protocol's constants are others since; SCIENCE 1.4 simulates the echo train too, which is left out here.
    constants = constants_for_field(1.5, PROTOCOL.signals.tissue_constants).model_copy(update=SIMULATED)
    assert predicted_t1_to_muscle(fat, acquisition=T1, constants=constants) == pytest.approx(told, rel=0.06)


@given(st.floats(400.0, 900.0), st.floats(5.0, 30.0))
def test_longer_tr_and_te_move_the_contrast_apart(tr: float, te: float) -> None:
    tables = PROTOCOL.signals.tissue_constants
    other = replace(T1, repetition_time_ms=tr, echo_time_ms=te)
    longer = replace(other, repetition_time_ms=1.2 * tr)
    later = replace(other, echo_time_ms=1.2 * te)
    # Muscle's T1 is the longest and its T2 the shortest.
    assert contrast_drift(other, longer, series="T1", fat_fraction=0.4, tables=tables) < 0
    assert contrast_drift(other, later, series="T1", fat_fraction=0.4, tables=tables) > 0


def test_a_drift_there_and_back_is_none() -> None:
    tables = PROTOCOL.signals.tissue_constants
    other = replace(STIR, echo_time_ms=70.0, inversion_time_ms=170.0)
    forth = contrast_drift(STIR, other, series="STIR", fat_fraction=0.4, tables=tables)
    back = contrast_drift(other, STIR, series="STIR", fat_fraction=0.4, tables=tables)
    assert (1 + forth) * (1 + back) == pytest.approx(1.0)


def test_what_closes_is_one_repeatability_coefficient() -> None:
    item = _item(_drift(), "contrast_model", "T1")
    rise = ratio_coefficient(PROTOCOL.change.ratio_variation.value)[1]
    assert f"closes above {rise:.0%}" in item.limit
