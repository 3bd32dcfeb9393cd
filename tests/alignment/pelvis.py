"""A small phantom pelvis as images: the same person on any grid, moved by any rigid motion."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from marrowsignal.alignment import AlignedPair, AlignmentQuality, AlignmentVerdict
from marrowsignal.alignment.body import body_mask
from marrowsignal.geometry import AcquisitionFacts, SignalVolume, VolumeGeometry
from marrowsignal.phantom import TissueMaps, coronal_oblique_grid, draw_subject, tissue_maps
from marrowsignal.phantom.artifacts import add_rician_noise
from marrowsignal.phantom.equations import voxel_magnitude
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T, Species, signals

GRID = coronal_oblique_grid(shape=(12, 112, 116), spacing_mm=(4.0, 2.1, 2.1))
FINE = coronal_oblique_grid(shape=(7, 240, 240), spacing_mm=(11.0, 1.05, 1.05))
GAIN = {"t1": 1900.0, "stir": 3000.0}
_SEQUENCE = {"t1": T1_TSE_1_5T, "stir": STIR_1_5T}
_SNR = {"t1": 20.0, "stir": 16.0}


def rigid(*, rotation_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rotation about the patient's x, y and z through the origin, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", rotation_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


@cache
def maps(
    name: str = "normal",
    grid: VolumeGeometry = GRID,
    *,
    mirrored: bool = False,
    centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> TissueMaps:
    """Truth of one person, one sample a slice."""
    subject = draw_subject(12, mirrored=mirrored)
    return tissue_maps(name, grid, subject=subject, centre_lps_mm=centre_lps_mm, sub_slices=1)


def moved_maps(motion_lps: NDArray[np.float64], grid: VolumeGeometry = GRID) -> TissueMaps:
    """The person after `motion_lps` as `grid` sees him: what is now at q was at inverse(motion) q."""
    return maps(grid=VolumeGeometry(affine_lps=np.linalg.inv(motion_lps) @ grid.affine_lps, shape=grid.shape))


def image(of: TissueMaps, series: str, *, noise_seed: int | None = 0) -> NDArray[np.float64]:
    """T1 ("t1") or STIR ("stir") in display units with Rician noise; without noise for seed None."""
    per_species = signals(_SEQUENCE[series])
    clean = voxel_magnitude(of.species_fractions, per_species)
    if noise_seed is not None:
        rng = np.random.default_rng([noise_seed, len(series)])
        clean = add_rician_noise(clean, sigma=abs(float(per_species[Species.MUSCLE])) / _SNR[series], rng=rng)
    return clean * GAIN[series]


def volume(array: NDArray[np.floating], geometry: VolumeGeometry = GRID) -> SignalVolume:
    """Signal on a grid, without any header."""
    return SignalVolume(array=np.asarray(array, np.float32), geometry=geometry, acquisition=AcquisitionFacts())


def aligned(
    t1: NDArray[np.floating],
    stir: NDArray[np.floating],
    geometry: VolumeGeometry = GRID,
    *,
    covered: NDArray[np.bool_] | None = None,
) -> AlignedPair:
    """A pair that is aligned by construction."""
    quality = AlignmentQuality(
        grid_difference=geometry.difference(geometry),
        same_frame_of_reference=True,
        mutual_information_before=1.0,
        mutual_information_after=1.0,
        displacement_mm=0.0,
        rotation_deg=0.0,
        estimated_error_mm=0.0,
        verdict=AlignmentVerdict.PASS,
        reason="aligned by construction",
    )
    fixed = volume(t1, geometry)
    return AlignedPair(
        t1=fixed,
        stir=volume(stir, geometry),
        covered_mask=np.ones(geometry.shape, bool) if covered is None else covered,
        body_mask=body_mask(fixed.array, spacing_mm=geometry.spacing_mm),
        t1_to_stir_lps=np.eye(4),
        quality=quality,
    )


def lean_muscle(of: TissueMaps) -> NDArray[np.bool_]:
    """Muscle between its streaks of fat and away from its edges: what is not muscle there is grain of a few percent."""
    return np.asarray(of.species_fractions[Species.MUSCLE] >= 0.7)


def plain_fat(of: TissueMaps) -> NDArray[np.bool_]:
    """Fat between its septa."""
    return np.asarray(of.species_fractions[Species.FAT] >= 0.9)


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Overlap of two masks, 0 to 1."""
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))
