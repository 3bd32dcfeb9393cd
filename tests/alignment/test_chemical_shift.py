"""Chemical-shift images land where T1 shows the same tissue."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from marrowsignal.alignment.chemical_shift import align_chemical_shift
from marrowsignal.alignment.lone_t1 import t1_alone
from marrowsignal.alignment.records import AlignedPair, AlignmentVerdict
from marrowsignal.alignment.rigid import displacements_mm
from marrowsignal.geometry import AcquisitionFacts, SignalVolume
from marrowsignal.phantom import TissueMaps
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.fat_fraction import proton_density_fat_percent
from marrowsignal.phantom.tissues import GRE_IN_PHASE_1_5T, GRE_OPPOSED_PHASE_1_5T, Sequence, signals
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import AlignmentSettings
from tests.alignment.pelvis import GRID, image, maps, moved_maps, rigid

SETTINGS = load_protocol("pelvis_sij").alignment
MOTION = rigid(rotation_deg=(0.0, 2.0, 0.0), shift_mm=(5.0, 1.0, -4.0))
Array = NDArray[np.float64]


def volume(array: Array) -> SignalVolume:
    return SignalVolume(array=array.astype(np.float32), geometry=GRID, acquisition=AcquisitionFacts())


def echo(of: TissueMaps, sequence: Sequence) -> SignalVolume:
    return volume(1000 * voxel_magnitude(of.species_fractions, signals(sequence)))


def fat(of: TissueMaps) -> Array:
    return np.asarray(proton_density_fat_percent(of.species_fractions, magnetic_field_strength_t=1.5), np.float64)


@pytest.fixture(scope="module")
def pair() -> AlignedPair:
    return t1_alone(volume(image(maps(), "t1")))


def test_motion_since_t1_is_found_and_every_image_follows(pair: AlignedPair) -> None:
    moved = moved_maps(MOTION)
    phases = (echo(moved, GRE_IN_PHASE_1_5T), echo(moved, GRE_OPPOSED_PHASE_1_5T))
    found = align_chemical_shift(pair, fat_fraction=volume(fat(moved)), phases=phases, settings=SETTINGS)
    points = GRID.to_patient(np.argwhere(maps().marrow.mask)[::50])
    assert np.median(displacements_mm(found.t1_to_chemical_shift_lps, MOTION, points)) < 0.8
    assert found.verdict is not None and found.verdict is not AlignmentVerdict.FAIL
    assert found.fat_fraction is not None
    inside = maps().marrow.mask & found.covered_mask
    assert np.median(np.abs(found.fat_fraction[inside] - fat(maps())[inside])) < 4
    assert not found.covered_mask.all()


def test_images_that_lie_on_t1_are_not_interpolated(pair: AlignedPair) -> None:
    phases = (echo(maps(), GRE_IN_PHASE_1_5T), echo(maps(), GRE_OPPOSED_PHASE_1_5T))
    found = align_chemical_shift(pair, fat_fraction=None, phases=phases, settings=SETTINGS)
    assert found.verdict is AlignmentVerdict.PASS
    assert np.array_equal(found.t1_to_chemical_shift_lps, np.eye(4))
    assert found.opposed_phase is not None and np.array_equal(found.opposed_phase, phases[1].array)
    assert found.covered_mask.all()


def test_a_map_alone_lies_where_its_header_says_and_that_is_told(pair: AlignedPair) -> None:
    found = align_chemical_shift(pair, fat_fraction=volume(fat(maps())), phases=None, settings=SETTINGS)
    assert found.verdict is None
    assert [finding.code for finding in found.findings] == ["fat_fraction_unregistered"]
    assert found.fat_fraction is not None and np.allclose(found.fat_fraction, fat(maps()), atol=1e-3)


def test_another_body_part_is_no_chemical_shift_of_this_one(pair: AlignedPair) -> None:
    noise = np.random.default_rng(0).uniform(0, 1000, GRID.shape)
    phases = (volume(noise), volume(noise))
    found = align_chemical_shift(pair, fat_fraction=None, phases=phases, settings=replace_cut(0.5))
    assert found.verdict is AlignmentVerdict.FAIL
    assert "chemical_shift_alignment_fail" in [finding.code for finding in found.findings]


def replace_cut(mm: float) -> AlignmentSettings:
    return SETTINGS.model_copy(
        update={"region_only_error": SETTINGS.region_only_error.model_copy(update={"value": mm})}
    )
