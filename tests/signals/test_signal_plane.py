"""Lines of the signal plane against closed forms, the phantom's species and D07 itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.phantom.tissues import STIR_1_5T, STIR_3T, T1_SE_1_5T, T1_TSE_3T, Sequence, Species, signals
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.added_water import added_water_tables
from marrowsignal.protocol.schema import AddedWater
from marrowsignal.signals.statistics.excess_water import constants_for_field, predicted_stir_to_muscle
from marrowsignal.signals.statistics.signal_plane import (
    MarrowModel,
    PlanePoint,
    mixing_line,
    replaced_ratio,
    water_line,
)

TABLES = load_protocol("generic").signals.tissue_constants
FAT = PlanePoint(t1_to_muscle=2.5, stir_to_muscle=1.5)
NORMAL = PlanePoint(t1_to_muscle=1.6, stir_to_muscle=1.1)  # fat-signal index 0.4
OF_FAT = 0.4


def facts(sequence: Sequence) -> AcquisitionFacts:
    return AcquisitionFacts(
        repetition_time_ms=sequence.repetition_time_ms,
        echo_time_ms=sequence.echo_time_ms,
        inversion_time_ms=sequence.inversion_time_ms,
        echo_train_length=sequence.echo_train_length,
        magnetic_field_strength_t=sequence.magnetic_field_strength_t,
    )


def model(t1: Sequence = T1_SE_1_5T, stir: Sequence = STIR_1_5T) -> tuple[MarrowModel, AddedWater]:
    constants = constants_for_field(stir.magnetic_field_strength_t, TABLES)
    water = constants_for_field(stir.magnetic_field_strength_t, added_water_tables())
    assert constants is not None and water is not None
    return MarrowModel(t1=facts(t1), stir=facts(stir), constants=constants), water


def test_the_mixing_line_goes_from_muscle_to_fat_on_t1_and_through_own_normal_marrow() -> None:
    line = mixing_line(model()[0], fat=FAT, normal=NORMAL)
    assert (line.t1_to_muscle[0], line.t1_to_muscle[-1]) == (1.0, FAT.t1_to_muscle)
    assert np.interp(OF_FAT, line.shares, line.t1_to_muscle) == pytest.approx(NORMAL.t1_to_muscle)
    assert np.interp(OF_FAT, line.shares, line.stir_to_muscle) == pytest.approx(NORMAL.stir_to_muscle)


@given(st.floats(0.5, 3.0))
def test_excess_water_along_a_line_is_what_it_was_drawn_for(times: float) -> None:
    asked, _ = model()
    line = mixing_line(asked, fat=FAT, times=times)
    index = (line.t1_to_muscle - 1) / (FAT.t1_to_muscle - 1)
    expected = predicted_stir_to_muscle(np.clip(index, 0, 1), acquisition=asked.stir, constants=asked.constants)
    np.testing.assert_allclose(line.stir_to_muscle / expected, times, rtol=1e-12)


@pytest.mark.parametrize("of_tumor", [False, True])
@pytest.mark.parametrize("sequences", [(T1_SE_1_5T, STIR_1_5T), (T1_TSE_3T, STIR_3T)], ids=["1.5 T", "3 T"])
def test_added_water_moves_marrow_as_it_moves_the_species_of_the_phantom(
    sequences: tuple[Sequence, Sequence], *, of_tumor: bool
) -> None:
    asked, water = model(*sequences)
    line = water_line(asked, fat=FAT, normal=NORMAL, water=water, of_tumor=of_tumor)
    assert (line.t1_to_muscle[0], line.stir_to_muscle[0]) == (NORMAL.t1_to_muscle, NORMAL.stir_to_muscle)
    new = Species.TUMOR_WATER if of_tumor else Species.EDEMA_WATER
    share = line.shares
    for sequence, start, moved in (
        (sequences[0], NORMAL.t1_to_muscle, line.t1_to_muscle),
        (sequences[1], NORMAL.stir_to_muscle, line.stir_to_muscle),
    ):
        of = signals(sequence)
        before = OF_FAT * of[Species.MARROW_FAT] + (1 - OF_FAT) * of[Species.MARROW_WATER]
        if of_tumor:
            after = before + share * (of[new] - of[Species.MARROW_FAT])
        else:
            after = (1 - share) * before + share * of[new]
        np.testing.assert_allclose(moved / start, np.abs(after / before), rtol=0.06)


def test_tumor_like_tissue_replaces_no_more_fat_than_there_is() -> None:
    asked, water = model()
    line = water_line(asked, fat=FAT, normal=NORMAL, water=water, of_tumor=True)
    assert line.shares[-1] == pytest.approx(OF_FAT)
    edema = water_line(asked, fat=FAT, normal=NORMAL, water=water, of_tumor=False)
    # T1 falls and STIR rises on both ways, STIR faster by edema (SCIENCE 1.4)
    assert np.all(np.diff(line.t1_to_muscle) < 0) and np.all(np.diff(edema.t1_to_muscle) < 0)
    assert np.interp(OF_FAT, edema.shares, edema.stir_to_muscle) > line.stir_to_muscle[-1] > NORMAL.stir_to_muscle


@settings(max_examples=50)
@given(st.floats(0.01, 10), st.floats(-10, 10), st.floats(-10, 10), st.floats(1e-3, 1e3))
def test_replacing_is_free_of_units_and_begins_at_one(start: float, lost: float, gained: float, gain: float) -> None:
    share = np.linspace(0, 1, 5)
    one = replaced_ratio(share, start=start, lost=lost, gained=gained)
    assert one[0] == pytest.approx(1.0)
    again = replaced_ratio(share, start=-gain * start, lost=-gain * lost, gained=-gain * gained)
    np.testing.assert_allclose(again, one, rtol=1e-9, atol=1e-9)


def test_there_is_other_water_at_every_field_that_has_tissue_constants() -> None:
    fields = [table.magnetic_field_strength.value for table in added_water_tables()]
    assert fields == [table.magnetic_field_strength.value for table in TABLES]
