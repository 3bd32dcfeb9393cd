"""In and opposed phase and fat-fraction maps are found as five makers write them, and nothing else for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.dicom import SeriesPair, find_series, read_volume, select_pair
from marrowsignal.dicom.chemical_shift import ChemicalShiftSeries, find_chemical_shift, half_turns
from marrowsignal.phantom.dicom_files import SeriesHeader, SeriesKind, VendorName, write_series
from tests.phantom.dicom_kinds import GRE, MAKERS, OPPOSED, STIR, T1, header_of, oblique_grid

GRID = oblique_grid((9, 16, 12))
K = SeriesKind
Written = tuple[SeriesKind, SeriesHeader]


def written(maker: VendorName, folder: Path, *beside: SeriesHeader) -> SeriesPair:
    """A T1, a STIR and more, found and paired."""
    pair = (header_of(maker, kind=K.T1, sequence=T1), header_of(maker, kind=K.STIR, sequence=STIR))
    for number, header in enumerate((*pair, *beside), start=1):
        signal = np.full(GRID.shape, 10.0 * number)
        write_series(signal, GRID, header=replace(header, series_number=number), folder=folder / str(number))
    return select_pair(find_series(folder))


def phases(maker: VendorName) -> tuple[SeriesHeader, SeriesHeader]:
    return header_of(maker, kind=K.IN_PHASE, sequence=GRE), header_of(maker, kind=K.OPPOSED_PHASE, sequence=OPPOSED)


def numbers(found: ChemicalShiftSeries | None) -> tuple[int | None, ...]:
    assert found is not None
    return tuple(
        None if s is None else s.series_number for s in (found.fat_fraction, found.in_phase, found.opposed_phase)
    )


@pytest.mark.parametrize("maker", MAKERS)
def test_every_makers_series_are_told_apart(maker: VendorName, tmp_path: Path) -> None:
    fraction = header_of(maker, kind=K.FAT_FRACTION, sequence=GRE)
    pair = written(maker, tmp_path, *phases(maker), fraction)
    found = find_chemical_shift(pair)
    assert numbers(found) == (5, 3, 4)
    assert found is not None and found.opposed_phase is not None
    assert np.all(read_volume(found.opposed_phase).array == pytest.approx(40.0, abs=0.5))


def test_a_study_without_such_series_has_none(tmp_path: Path) -> None:
    assert find_chemical_shift(written("siemens", tmp_path)) is None


def test_one_phase_alone_is_not_enough(tmp_path: Path) -> None:
    assert find_chemical_shift(written("siemens", tmp_path, phases("siemens")[1])) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda header: replace(header, contrast_agent="Gadobutrol"),
        lambda header: replace(header, sequence=replace(OPPOSED, repetition_time_ms=300.0)),
        lambda header: replace(header, sequence=replace(OPPOSED, magnetic_field_strength_t=3.0)),
        # Named opposed, but in phase at 1.5 T.
        lambda header: replace(header, sequence=replace(OPPOSED, echo_time_ms=9.2)),
    ],
    ids=["after contrast", "other TR", "other field", "echo time against the name"],
)
def test_phases_that_do_not_belong_together_are_no_pair(
    change: Callable[[SeriesHeader], SeriesHeader], tmp_path: Path
) -> None:
    inside, opposed = phases("siemens")
    assert find_chemical_shift(written("siemens", tmp_path, inside, change(opposed))) is None


def test_the_earliest_echoes_are_taken_and_a_late_opposed_phase_is_told(tmp_path: Path) -> None:
    inside, opposed = phases("hitachi")
    late = replace(opposed, sequence=replace(OPPOSED, echo_time_ms=6.9))
    first = find_chemical_shift(written("hitachi", tmp_path / "a", inside, late, opposed))
    assert numbers(first) == (None, 3, 5)
    only_late = find_chemical_shift(written("hitachi", tmp_path / "b", inside, late))
    assert numbers(only_late) == (None, 3, 4)
    assert only_late is not None and "opposed_phase_later" in [f.code for f in only_late.findings]


def test_of_many_echoes_those_nearest_to_their_phase_are_taken(tmp_path: Path) -> None:
    inside, _ = phases("hitachi")
    echoes = (1.773, 2.545, 4.089, 4.861, 12.0)
    many = [replace(inside, sequence=replace(GRE, echo_time_ms=echo), description="GRE echoes") for echo in echoes]
    assert numbers(find_chemical_shift(written("hitachi", tmp_path, *many))) == (None, 6, 4)


def test_names_between_two_phases_are_believed_with_a_warning(tmp_path: Path) -> None:
    inside, opposed = phases("siemens")
    odd = replace(opposed, sequence=replace(OPPOSED, echo_time_ms=3.4))
    found = find_chemical_shift(written("siemens", tmp_path, inside, odd))
    assert numbers(found) == (None, 3, 4)
    assert found is not None and "chemical_shift_echo_time" in [f.code for f in found.findings]


@pytest.mark.parametrize(
    ("field", "opposed", "inside"), [(1.5, 2.3, 4.6), (3.0, 1.15, 2.3), (1.5, 2.38, 4.76), (3.0, 1.23, 2.46)]
)
def test_usual_echo_times_are_near_whole_half_turns(field: float, opposed: float, inside: float) -> None:
    for echo, turns in ((opposed, 1), (inside, 2)):
        assert half_turns(echo, magnetic_field_strength_t=field, fat_shift_ppm=3.4) == pytest.approx(turns, abs=0.15)
