"""The mean of an atlas' subjects: what a new study is placed against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.marrow.atlas.placing import Region, Tilt, affine_by_correlation, best_shift, moved, place

__all__ = ["Sample", "Template", "build_template"]

_ROUNDS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One subject on the coarse grid.

    Attributes
    ----------
    image : sitk.Image
        Local contrast.
    marrow : sitk.Image
        Share of labelled voxels, float32, on the same grid.
    """

    image: sitk.Image
    marrow: sitk.Image


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """Means over subjects on one coarse grid.

    Attributes
    ----------
    grid : sitk.Image
        Where it lies.
    images, marrows, covers : ndarray of float32, shape (subject, slice, row, column)
        Each subject's local contrast, marrow share and field of view on the grid.
    to_subject : tuple of sitk.AffineTransform
        From points of the template to points of each subject.
    near_mm : float
        How far around marrow the template counts.
    transverse_axis : int
        Axis of the arrays (0 slice, 1 row, 2 column) from one side of the patient to the other.
    """

    grid: sitk.Image
    images: NDArray[np.float32]
    marrows: NDArray[np.float32]
    covers: NDArray[np.float32]
    to_subject: tuple[sitk.AffineTransform, ...]
    near_mm: float
    transverse_axis: int

    def without(self, left_out: int | None = None) -> Region:
        """Mean image and the region where it counts, from all subjects but one."""
        keep = [n for n in range(len(self.images)) if n != left_out]
        count = self.covers[keep].sum(axis=0)
        mean = self.images[keep].sum(axis=0) / np.maximum(count, 1.0)
        near = self._near(self.marrows[keep].mean(axis=0) > 0) & (count >= len(keep) / 2)
        return Region(image=self._itk(mean), mask=self._itk(near.astype(np.uint8)))

    def prior(self, left_out: int | None = None) -> sitk.Image:
        """Share of subjects with marrow, from all subjects but one."""
        keep = [n for n in range(len(self.images)) if n != left_out]
        return self._itk(self.marrows[keep].sum(axis=0) / np.maximum(self.covers[keep].sum(axis=0), 1.0))

    def _near(self, marrow: NDArray[np.bool_]) -> NDArray[np.bool_]:
        spacing = self.grid.GetSpacing()[::-1]
        return np.asarray(ndimage.distance_transform_edt(~marrow, sampling=spacing) <= self.near_mm)

    def _itk(self, array: NDArray[np.generic]) -> sitk.Image:
        image = sitk.GetImageFromArray(array.astype(np.uint8 if array.dtype == np.uint8 else np.float32))
        image.CopyInformation(self.grid)
        return image


def build_template(
    samples: list[Sample], *, reach_mm: tuple[float, float, float], tilt: Tilt, near_mm: float
) -> Template:
    """Bring subjects over each other, guided by their labels, and keep them on one grid.

    Parameters
    ----------
    samples : list of Sample
        At least three.
    reach_mm : tuple of float
        Largest shift between two subjects by slice, row, column.
    tilt : Tilt
        How far the one may be nodded against the other.
    near_mm : float
        How far around marrow images count.
    """
    labels = [Region.whole(sample.marrow) for sample in samples]
    likeness = [sum(best_shift(a, b, reach_mm)[0] for b in labels if b is not a) for a in labels]
    centre = int(np.argmax(likeness))
    grid = _with_margin(samples[centre].image, reach_mm)
    transforms = [place(labels[centre], label, reach_mm=reach_mm, tilt=tilt)[0] for label in labels]
    template = _on_grid(samples, grid, transforms, near_mm, tilt.axis)
    for _ in range(_ROUNDS):
        mean = template.without()
        regions = [Region(image=sample.image, mask=_field(sample.image)) for sample in samples]
        transforms = [
            affine_by_correlation(mean, region, start)
            for region, start in zip(regions, template.to_subject, strict=True)
        ]
        template = _on_grid(samples, grid, transforms, near_mm, tilt.axis)
    return template


def _field(image: sitk.Image) -> sitk.Image:
    return Region.whole(image).mask


def _with_margin(image: sitk.Image, margin_mm: tuple[float, float, float]) -> sitk.Image:
    """Return an empty image that reaches further on all sides."""
    voxels = [round(mm / d) for mm, d in zip(margin_mm[::-1], image.GetSpacing(), strict=True)]
    padded: sitk.Image = sitk.ConstantPad(image * 0.0, voxels, voxels, 0.0)
    return padded


def _on_grid(
    samples: list[Sample],
    grid: sitk.Image,
    transforms: list[sitk.AffineTransform],
    near_mm: float,
    transverse_axis: int,
) -> Template:
    def all_on(images: list[sitk.Image]) -> NDArray[np.float32]:
        moves = zip(images, transforms, strict=True)
        # As they are stored: an atlas read back is the one that was built.
        return (
            np.stack([moved(image, grid, transform) for image, transform in moves])
            .astype(np.float16)
            .astype(np.float32)
        )

    return Template(
        grid=grid,
        images=all_on([sample.image for sample in samples]),
        marrows=all_on([sample.marrow for sample in samples]),
        covers=all_on([sitk.Cast(_field(sample.image), sitk.sitkFloat32) for sample in samples]),
        to_subject=tuple(transforms),
        near_mm=near_mm,
        transverse_axis=transverse_axis,
    )
