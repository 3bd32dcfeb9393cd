"""What fills every voxel: materials painted from front to back on sub-slices and averaged to the voxel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.bones import build_bones
from marrowsignal.phantom.shapes import coverage
from marrowsignal.phantom.soft_tissue import build_soft_tissue
from marrowsignal.phantom.subject import Subject, locate

__all__ = ["Anatomy", "Material", "build_anatomy"]

Array = NDArray[np.float64]


class Material(IntEnum):
    """What a point is made of; what is missing to 1 is air, gas or flowing blood."""

    SACRUM = 0
    ILIUM_LEFT = 1
    ILIUM_RIGHT = 2
    LUMBAR = 3
    CORTEX = 4
    CARTILAGE = 5
    DISC = 6
    LIGAMENT = 7
    CSF = 8
    NERVE = 9
    FAT = 10
    MUSCLE = 11
    VISCERA = 12
    URINE = 13
    STRANDS = 14


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anatomy:
    """Volume share of each material in each voxel.

    Attributes
    ----------
    fractions : ndarray of float32, shape (len(Material), slice, row, column)
        Indexed by `Material`; sums to at most 1.
    geometry : VolumeGeometry
        The grid, LPS mm with the middle of S2 at `centre_lps_mm`.
    subject : Subject
        Whose anatomy.
    centre_lps_mm : tuple of float
        Patient point of the middle of S2.
    """

    fractions: NDArray[np.float32]
    geometry: VolumeGeometry
    subject: Subject
    centre_lps_mm: tuple[float, float, float]

    def of(self, material: Material) -> NDArray[np.float32]:
        """Volume share of one material."""
        share: NDArray[np.float32] = self.fractions[int(material)]
        return share


class _Canvas:
    """Paints from front to back: what is painted first hides what comes later."""

    def __init__(self, shape: tuple[int, ...], *, width_mm: float) -> None:
        self.fractions = np.zeros((len(Material), *shape))
        self.clear = np.ones(shape)
        self.width_mm = width_mm

    def paint(self, distance_mm: Array, material: Material | None) -> None:
        """Fill the inside of a shape; None leaves it without signal."""
        share = coverage(distance_mm, width_mm=self.width_mm)
        self.blend(share, material)

    def blend(self, share: Array, material: Material | None) -> None:
        """Take `share` of what is still clear."""
        if material is not None:
            self.fractions[int(material)] += self.clear * share
        self.clear *= 1.0 - share


def _paint_bones(canvas: _Canvas, subject: Subject, x: Array, y: Array, z: Array) -> None:
    p = locate(subject, x, y, z)
    bones = build_bones(p, roughness_mm=0.45 * subject.fine_wobble(p.x, p.y, p.z))
    soft = build_soft_tissue(p, subject, bones)
    cortex = subject.cortex_mm
    canvas.blend(1.0 - coverage(soft.body, width_mm=canvas.width_mm), None)
    canvas.paint(bones.thecal_sac, Material.CSF)
    canvas.paint(np.maximum(bones.nerves, bones.foramina), Material.NERVE)
    canvas.paint(np.maximum(bones.foramina, -bones.sacrum - 50.0), Material.FAT)
    canvas.paint(np.maximum(bones.discs, bones.discs - 1.0), Material.DISC)
    inside = coverage(bones.ilium + cortex, width_mm=canvas.width_mm)
    canvas.blend(inside * (p.u > 0.0), Material.ILIUM_LEFT)
    canvas.blend(inside * (p.u <= 0.0), Material.ILIUM_RIGHT)
    canvas.paint(bones.ilium, Material.CORTEX)
    canvas.paint(bones.sacrum + cortex, Material.SACRUM)
    canvas.paint(bones.sacrum, Material.CORTEX)
    canvas.paint(bones.lumbar + 0.8 * cortex, Material.LUMBAR)
    canvas.paint(bones.lumbar, Material.CORTEX)
    canvas.paint(bones.canal, Material.FAT)
    canvas.paint(bones.joint, Material.CARTILAGE)
    canvas.blend(0.6 * coverage(bones.ligament_gap, width_mm=canvas.width_mm), Material.LIGAMENT)
    canvas.paint(soft.gas, None)
    canvas.paint(soft.vessels, None)
    for distance, fat_share in soft.muscles:
        share = coverage(distance, width_mm=canvas.width_mm)
        canvas.blend(share * fat_share, Material.FAT)
        canvas.blend(share * (1.0 - fat_share) / np.maximum(1.0 - share * fat_share, 1e-9), Material.MUSCLE)
    canvas.paint(soft.fluid, Material.URINE)
    canvas.paint(soft.viscera, Material.VISCERA)
    canvas.blend(soft.strands_fraction, Material.STRANDS)
    canvas.blend(np.ones_like(x), Material.FAT)


def build_anatomy(
    geometry: VolumeGeometry,
    *,
    subject: Subject,
    centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sub_slices: int = 4,
) -> Anatomy:
    """Fill a voxel grid with a person's pelvis.

    Parameters
    ----------
    geometry : VolumeGeometry
        Any grid in patient space; the anatomy exists without it.
    subject : Subject
        The person.
    centre_lps_mm : tuple of float
        Patient point where the middle of S2 lies.
    sub_slices : int
        Samples through the thickness of a slice.

    Returns
    -------
    Anatomy
        Volume shares of every material.
    """
    _, rows, columns = geometry.shape
    fractions = np.zeros((len(Material), *geometry.shape), dtype=np.float32)
    row, column = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    grid = np.stack([np.zeros_like(row), row, column], axis=-1).astype(np.float64)
    # in plane the signed distance gives the covered share of a pixel; only the thick axis needs samples,
    # and they lie evenly, so that a mirrored or re-sliced grid sees the very same tissue
    width_mm = float(np.mean(geometry.spacing_mm[1:]))
    through = (np.arange(sub_slices) + 0.5) / sub_slices - 0.5
    for index in range(geometry.shape[0]):
        total = np.zeros((len(Material), rows, columns))
        for offset in through:
            xyz = geometry.to_patient(grid + np.array([index + offset, 0.0, 0.0])) - np.asarray(centre_lps_mm)
            canvas = _Canvas((rows, columns), width_mm=width_mm)
            _paint_bones(canvas, subject, xyz[..., 0], xyz[..., 1], xyz[..., 2])
            total += canvas.fractions
        fractions[:, index] = total / sub_slices
    fractions.flags.writeable = False
    return Anatomy(fractions=fractions, geometry=geometry, subject=subject, centre_lps_mm=centre_lps_mm)
