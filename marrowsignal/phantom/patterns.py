"""Marrow states: which share of each marrow voxel is fat, red-marrow water, edema water and bone mineral."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.phantom.anatomy import Anatomy, Material
from marrowsignal.phantom.bones import joint_half_width
from marrowsignal.phantom.shapes import Points, SmoothField, ellipsoid, ramp
from marrowsignal.phantom.subject import locate
from marrowsignal.phantom.tissues import Species

__all__ = ["PATTERNS", "TissueMaps", "focal_edema", "normal", "symmetric_reconversion"]

Array = NDArray[np.float64]
LABEL_NAMES = ((1, "sacrum"), (2, "left_ilium"), (3, "right_ilium"))
_MARROW = (Material.SACRUM, Material.ILIUM_LEFT, Material.ILIUM_RIGHT, Material.LUMBAR)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TissueMaps:
    """Truth of a pelvis with a marrow pattern.

    Attributes
    ----------
    species_fractions : ndarray of float32, shape (len(Species), slice, row, column)
        Volume share of everything that gives signal, indexed by `Species`.
    fat_fraction, edema_fraction, bone_fraction : ndarray of float32
        In marrow: fat and edema water as shares of the soft part, and bone mineral's share of the whole;
        0 outside the bones.
    marrow : LabelVolume
        1 sacrum, 2 left ilium, 3 right ilium; at least half the voxel is marrow, cortex excluded.
    other_marrow_mask : ndarray of bool
        Marrow of lumbar vertebrae, in no label of `marrow`.
    lesion : LabelVolume
        1 where edema reaches half its peak inside `marrow`.
    joint_mask : ndarray of bool
        Cartilage of the sacroiliac joints.
    geometry : VolumeGeometry
        The grid.
    pattern : str
        Class name.
    side : str
        ``"left"``, ``"right"``, ``"both"`` or ``"none"``.
    """

    species_fractions: NDArray[np.float32]
    fat_fraction: NDArray[np.float32]
    edema_fraction: NDArray[np.float32]
    bone_fraction: NDArray[np.float32]
    marrow: LabelVolume
    other_marrow_mask: NDArray[np.bool_]
    lesion: LabelVolume
    joint_mask: NDArray[np.bool_]
    geometry: VolumeGeometry
    pattern: str
    side: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _MarrowState:
    fat: Array
    edema: Array
    pattern: str
    side: str


# soft composition of what is not marrow; the rest to 1 is without signal
_SIMPLE: tuple[tuple[Material, tuple[tuple[Species, float], ...]], ...] = (
    (Material.CARTILAGE, ((Species.FIBROUS, 1.0),)),
    (Material.DISC, ((Species.FIBROUS, 0.75), (Species.SOFT_TISSUE, 0.25))),
    (Material.LIGAMENT, ((Species.FIBROUS, 0.8), (Species.FAT, 0.2))),
    (Material.CSF, ((Species.FLUID, 1.0),)),
    (Material.NERVE, ((Species.SOFT_TISSUE, 0.9), (Species.FLUID, 0.1))),
    (Material.FAT, ((Species.FAT, 1.0),)),
    (Material.MUSCLE, ((Species.MUSCLE, 0.97), (Species.FAT, 0.03))),
    (Material.VISCERA, ((Species.SOFT_TISSUE, 1.0),)),
    (Material.URINE, ((Species.FLUID, 1.0),)),
    (Material.STRANDS, ((Species.FIBROUS, 0.6), (Species.FAT, 0.4))),
)


def _centres(anatomy: Anatomy) -> Points:
    x, y, z = (anatomy.geometry.patient_axis(i) - anatomy.centre_lps_mm[i] for i in range(3))
    return locate(anatomy.subject, x, y, z)


def _patches(anatomy: Anatomy, p: Points, *, stream: int, wavelength_mm: tuple[float, float]) -> Array:
    rng = np.random.default_rng([anatomy.subject.seed, stream])
    return SmoothField.draw(rng, wavelength_mm=wavelength_mm, count=12)(p.x, p.y, p.z)


def _background(anatomy: Anatomy, p: Points, *, mean: float, coarse: float, fine: float) -> Array:
    """Patchy fat fraction, the same on both sides but for the details."""
    patches = _patches(anatomy, p, stream=11, wavelength_mm=(18.0, 45.0))
    grain = _patches(anatomy, p, stream=12, wavelength_mm=(5.0, 12.0))
    # marrow next to the joint is fattier in adults (Dawson 1992; SCIENCE 8.2)
    rim = 0.04 * np.exp(-((p.au - joint_half_width(p.v, p.w)) ** 2) / 72.0)
    return np.clip(mean + coarse * patches + fine * grain + rim, 0.02, 0.95)


def normal(anatomy: Anatomy) -> TissueMaps:
    """Adult marrow: fat fraction about 0.55, mildly patchy (SCIENCE 8.2)."""
    p = _centres(anatomy)
    fat = _background(anatomy, p, mean=0.55, coarse=0.025, fine=0.02)
    return _compose(anatomy, p, _MarrowState(fat=fat, edema=np.zeros_like(fat), pattern="NORMAL_FOR_AGE", side="none"))


def symmetric_reconversion(anatomy: Anatomy) -> TissueMaps:
    """Red marrow on both sides: fat fraction about 0.14, the rest haematopoietic water, no edema."""
    p = _centres(anatomy)
    fat = _background(anatomy, p, mean=0.14, coarse=0.018, fine=0.015)
    state = _MarrowState(fat=fat, edema=np.zeros_like(fat), pattern="SYMMETRIC_RECONVERSION_LIKE", side="both")
    return _compose(anatomy, p, state)


def focal_edema(anatomy: Anatomy) -> TissueMaps:
    """Edema on both sides of the left joint only, soft-edged, in normal marrow."""
    p = _centres(anatomy)
    fat = _background(anatomy, p, mean=0.55, coarse=0.025, fine=0.02)
    ragged = 1.8 * _patches(anatomy, p, stream=13, wavelength_mm=(14.0, 30.0))
    surface = float(joint_half_width(np.array(4.0), np.array(-3.0)))
    ala = ellipsoid(p, centre=(surface - 4.0, 4.0, -3.0), radii=(15.0, 19.0, 13.0))
    wing = ellipsoid(p, centre=(surface + 7.0, 0.0, -2.0), radii=(13.0, 17.0, 12.0))
    distance = np.minimum(ala, wing) + ragged
    edema = 0.72 * ramp(-distance, -2.5, 3.5) * (p.u > 0.0)
    side = "right" if anatomy.subject.mirrored else "left"
    return _compose(anatomy, p, _MarrowState(fat=fat, edema=edema, pattern="FOCAL_EDEMA_LIKE", side=side))


PATTERNS: MappingProxyType[str, Callable[[Anatomy], TissueMaps]] = MappingProxyType(
    {
        "focal_edema": focal_edema,
        "normal": normal,
        "symmetric_reconversion": symmetric_reconversion,
    }
)


def _compose(anatomy: Anatomy, p: Points, state: _MarrowState) -> TissueMaps:
    """Turn materials and a marrow state into what gives signal, and into the truth."""
    marrow = np.sum([anatomy.of(m) for m in _MARROW], axis=0, dtype=np.float64)
    bone = np.clip(0.18 + 0.02 * _patches(anatomy, p, stream=14, wavelength_mm=(10.0, 30.0)), 0.08, 0.30)
    edema = state.edema
    # edema water takes the place of fat and of red-marrow water alike
    fat = state.fat * (1.0 - edema)
    soft = marrow * (1.0 - bone)
    species = np.zeros((len(Species), *anatomy.geometry.shape))
    species[Species.MARROW_FAT] = soft * fat
    species[Species.EDEMA_WATER] = soft * edema
    species[Species.MARROW_WATER] = soft * (1.0 - fat - edema)
    for material, parts in _SIMPLE:
        for kind, share in parts:
            species[kind] += share * anatomy.of(material)
    left, right = Material.ILIUM_LEFT, Material.ILIUM_RIGHT
    if anatomy.subject.mirrored:
        left, right = right, left
    labels = np.zeros(anatomy.geometry.shape, np.uint16)
    for value, material in ((1, Material.SACRUM), (2, left), (3, right)):
        labels[anatomy.of(material) >= 0.5] = value
    inside = marrow > 0.0
    lesion = (edema >= 0.36) & (labels > 0)
    return TissueMaps(
        species_fractions=_frozen(species),
        fat_fraction=_frozen(np.where(inside, fat, 0.0)),
        edema_fraction=_frozen(np.where(inside, edema, 0.0)),
        bone_fraction=_frozen(np.where(inside, bone, 0.0)),
        marrow=LabelVolume(array=labels, geometry=anatomy.geometry, names=LABEL_NAMES),
        other_marrow_mask=np.asarray(anatomy.of(Material.LUMBAR) >= 0.5),
        lesion=LabelVolume(array=lesion.astype(np.uint16), geometry=anatomy.geometry, names=((1, "edema"),)),
        joint_mask=np.asarray(anatomy.of(Material.CARTILAGE) >= 0.3),
        geometry=anatomy.geometry,
        pattern=state.pattern,
        side=state.side,
    )


def _frozen(array: Array) -> NDArray[np.float32]:
    out = array.astype(np.float32)
    out.flags.writeable = False
    return out
