"""What a simulated study is made of, voxel by voxel: the truth that every stage is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.phantom.catalogue import PhantomSpec
from marrowsignal.phantom.scene import Anatomy, Rendering
from marrowsignal.phantom.tissues import Species

__all__ = ["TissueMaps", "build_maps"]

TISSUE_NAMES = tuple((int(kind) + 1, kind.name.lower()) for kind in Species)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TissueMaps:
    """Truth of a body with a marrow pattern on one grid.

    Attributes
    ----------
    species_fractions : ndarray of float32, shape (len(Species), slice, row, column)
        Volume share of each species, indexed by `Species`; what is missing to 1 is air.
    fat_fraction, edema_fraction, bone_fraction : ndarray of float32
        In marrow: fat and edema water as shares of the soft part, and mineral's share of the whole;
        0 outside the bones.
    marrow : LabelVolume
        Marrow of the study's regions, cortex excluded, where it takes half of the voxel or more.
    bones : LabelVolume
        The same for every bone in the field of view.
    lesion : LabelVolume
        1 where a finding reaches half its peak, inside the marrow of any bone.
    tissue : LabelVolume
        Species that takes most of the voxel, 0 for air.
    joint_mask : ndarray of bool
        Cartilage of joints.
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
    bones: LabelVolume
    lesion: LabelVolume
    tissue: LabelVolume
    joint_mask: NDArray[np.bool_]
    geometry: VolumeGeometry
    pattern: str
    side: str

    @property
    def other_marrow_mask(self) -> NDArray[np.bool_]:
        """Marrow of bones that are no region of the study."""
        return np.asarray(self.bones.mask & ~self.marrow.mask)


def _other_side(name: str) -> str:
    for a, b in (("left", "right"), ("right", "left")):
        if name.startswith(a):
            return b + name[len(a) :]
    return name


def _bone_labels(rendering: Rendering, anatomy: Anatomy) -> tuple[NDArray[np.uint16], dict[str, int]]:
    """Label map in which a mirrored person's left is the image's left, and the labels by name."""
    by_name = {bone.name: bone.label for bone in anatomy.bones}
    table = np.arange(256, dtype=np.uint16)
    if anatomy.subject.mirrored:
        for name, label in by_name.items():
            table[label] = by_name.get(_other_side(name), label)
    return table[rendering.bone_labels], by_name


def _share(part: NDArray[np.float32], whole: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 1e-6)


def build_maps(rendering: Rendering, geometry: VolumeGeometry, *, anatomy: Anatomy, spec: PhantomSpec) -> TissueMaps:
    """Turn a rendered body into the truth of a study.

    Parameters
    ----------
    rendering : Rendering
        The body on the grid.
    geometry : VolumeGeometry
        The grid.
    anatomy : Anatomy
        Whose bones they are.
    spec : PhantomSpec
        Regions, class and side.

    Returns
    -------
    TissueMaps
        Read-only arrays.
    """
    species = rendering.species
    labels, by_name = _bone_labels(rendering, anatomy)
    table = np.zeros(256, np.uint16)
    for value, name in enumerate(spec.regions, start=1):
        table[by_name[name]] = value
    inside, mineral = rendering.marrow_share, rendering.mineral_share
    soft = inside - mineral
    air = species.sum(axis=0) < 0.5
    tissue = np.where(air, 0, species.argmax(axis=0) + 1).astype(np.uint16)
    found = (rendering.lesion_share >= 0.5 * inside) & (labels > 0)
    maps = TissueMaps(
        species_fractions=species,
        fat_fraction=_share(species[Species.MARROW_FAT], soft),
        edema_fraction=_share(species[Species.EDEMA_WATER], soft),
        bone_fraction=_share(mineral, inside),
        marrow=LabelVolume(array=table[labels], geometry=geometry, names=tuple(enumerate(spec.regions, start=1))),
        bones=LabelVolume(array=labels, geometry=geometry, names=tuple(sorted((v, k) for k, v in by_name.items()))),
        lesion=LabelVolume(array=found.astype(np.uint16), geometry=geometry, names=((1, "lesion"),)),
        tissue=LabelVolume(array=tissue, geometry=geometry, names=TISSUE_NAMES),
        joint_mask=np.asarray(species[Species.CARTILAGE] >= 0.3),
        geometry=geometry,
        pattern=spec.pattern_class,
        side=_other_side(spec.side) if anatomy.subject.mirrored else spec.side,
    )
    for array in (maps.species_fractions, maps.fat_fraction, maps.edema_fraction, maps.bone_fraction, maps.joint_mask):
        array.flags.writeable = False
    return maps
