"""OP/IP and PDFF against the phantom's protons, and the gates before them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignmentVerdict, ChemicalShift
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.fat_fraction import proton_density_fat_percent
from marrowsignal.phantom.tissues import GRE_IN_PHASE_1_5T, GRE_OPPOSED_PHASE_1_5T, Sequence, signals
from marrowsignal.protocol.schema import Range
from marrowsignal.signals import Signals, measure_signals
from marrowsignal.signals.chemical_shift import disler_ratio
from marrowsignal.signals.chemical_shift_gates import percent_units
from marrowsignal.signals.records import MeasurementStatus
from tests.signals.scene import Scene, build_scene

NAMES = ("sir_raw", "sir_to_control", "pdff")


@cache
def shift_of(scene: Scene) -> ChemicalShift:
    """Chemical-shift images of a scene without noise."""
    species = scene.maps.species_fractions

    def image(sequence: Sequence) -> NDArray[np.float32]:
        return (1000 * voxel_magnitude(species, signals(sequence))).astype(np.float32)

    return ChemicalShift(
        fat_fraction=proton_density_fat_percent(species, magnetic_field_strength_t=1.5),
        in_phase=image(GRE_IN_PHASE_1_5T),
        opposed_phase=image(GRE_OPPOSED_PHASE_1_5T),
        covered_mask=np.ones(species.shape[1:], bool),
        t1_to_chemical_shift_lps=np.eye(4),
        verdict=AlignmentVerdict.PASS,
    )


def measured(scene: Scene, shift: ChemicalShift | None) -> Signals:
    return measure_signals(
        scene.pair, scene.marrow, scene.regions, scene.references, protocol=scene.protocol, chemical_shift=shift
    )


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene("focal_edema")


@pytest.fixture(scope="module")
def found(scene: Scene) -> Signals:
    return measured(scene, shift_of(scene))


def test_fat_fraction_is_that_of_the_protons(scene: Scene, found: Signals) -> None:
    truth = shift_of(scene).fat_fraction
    assert truth is not None
    for region in found.regions:
        core = scene.marrow.core_mask & (scene.regions.labels.array == region.region_label)
        if found.lesion_labels is not None:
            core &= ~found.lesion_labels.mask
        made = region.measurement("pdff")
        assert made.value == pytest.approx(float(np.median(truth[core])), abs=0.2)
        assert made.ci_low is not None and made.ci_high is not None and made.value is not None
        assert made.ci_low <= made.value <= made.ci_high
        assert made.ci_high - made.ci_low < 10


def test_edema_lowers_fat_fraction_and_brings_opposed_phase_to_in_phase(found: Signals) -> None:
    assert found.lesions
    lesion, whole = found.lesions[0], found.whole
    values = {name: (lesion.measurement(name).value, whole.measurement(name).value) for name in NAMES}
    assert values["pdff"][0] is not None and values["pdff"][1] is not None
    assert values["pdff"][0] < values["pdff"][1] - 5


def test_normal_marrow_against_itself_is_one(found: Signals) -> None:
    double = found.whole.measurement("sir_to_control")
    assert double.value == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("unit", [0.01, 1.0, 10.0])
def test_units_of_the_map_do_not_matter(scene: Scene, found: Signals, unit: float) -> None:
    shift = shift_of(scene)
    assert shift.fat_fraction is not None
    other = measured(scene, replace(shift, fat_fraction=shift.fat_fraction * np.float32(unit)))
    assert other.whole.measurement("pdff").value == pytest.approx(found.whole.measurement("pdff").value, rel=1e-4)


def test_gain_of_both_echoes_cancels(scene: Scene, found: Signals) -> None:
    shift = shift_of(scene)
    assert shift.in_phase is not None and shift.opposed_phase is not None
    brighter = replace(shift, in_phase=3 * shift.in_phase, opposed_phase=3 * shift.opposed_phase)
    other = measured(scene, brighter)
    for name in NAMES[:2]:
        assert other.whole.measurement(name).value == pytest.approx(found.whole.measurement(name).value, rel=1e-5)


def test_without_such_series_every_place_says_so(scene: Scene) -> None:
    plain = measured(scene, None)
    for place in (plain.whole, *plain.regions, *plain.parts, *(plain.lesions or ())):
        for name in NAMES:
            made = place.measurement(name)
            assert made.value is None and made.status is MeasurementStatus.NOT_EVALUABLE
            assert made.reason == "no in- and opposed-phase or fat-fraction series"


def test_swapped_fat_and_water_are_not_measured(scene: Scene) -> None:
    shift = shift_of(scene)
    assert shift.fat_fraction is not None
    everywhere = measured(scene, replace(shift, fat_fraction=100 - shift.fat_fraction))
    assert everywhere.whole.measurement("pdff").value is None
    left = np.where(np.arange(shift.fat_fraction.shape[2]) > 40, 100 - shift.fat_fraction, shift.fat_fraction)
    half = measured(scene, replace(shift, fat_fraction=left.astype(np.float32)))
    assert half.whole.measurement("pdff").value is None
    assert "swapped" in half.whole.measurement("pdff").reason
    assert half.whole.measurement("sir_raw").value is not None


def test_echoes_of_other_scales_are_not_divided(scene: Scene) -> None:
    shift = shift_of(scene)
    assert shift.opposed_phase is not None
    made = measured(scene, replace(shift, opposed_phase=1.6 * shift.opposed_phase)).whole.measurement("sir_raw")
    assert made.value is None and "scale" in made.reason


def test_a_failed_registration_measures_nothing(scene: Scene) -> None:
    lost = measured(scene, replace(shift_of(scene), verdict=AlignmentVerdict.FAIL))
    assert all(lost.whole.measurement(name).value is None for name in NAMES)


def test_what_the_series_cover_in_part_is_not_measured(scene: Scene) -> None:
    covered = np.zeros(scene.marrow.core_mask.shape, bool)
    covered[:, :, :52] = True
    part = measured(scene, replace(shift_of(scene), covered_mask=covered))
    values = [region.measurement("sir_raw").value for region in part.regions]
    assert any(value is None for value in values) and any(value is not None for value in values)


def test_fatty_marrow_is_doubted_for_its_ratio_rises_again() -> None:
    scene = build_scene("depleted_marrow")
    made = measured(scene, shift_of(scene)).whole.measurement("sir_raw")
    assert made.value is not None and made.value > 0.5
    assert made.status is MeasurementStatus.EXPLORATORY and "fat outweighs water" in made.reason


@given(level=st.floats(76.0, 104.0), unit=st.sampled_from([1.0, 100.0, 0.1]))
@settings(max_examples=30)
def test_subcutaneous_fat_tells_the_unit(level: float, unit: float) -> None:
    expected = Range(low=75, high=105, unit="percent", source="test")
    assert percent_units(level / unit, expected=expected) == unit


def test_the_double_ratio_forgets_the_control_and_the_gain() -> None:
    raw = 0.8 / 1.0
    assert float(disler_ratio(0.8, 1.0, control_opposed=0.5, control_in_phase=1.0)) == pytest.approx(raw / 0.5)
