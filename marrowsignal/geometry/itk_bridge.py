"""The one place where volumes become SimpleITK images and come back.

SimpleITK numbers axes (column, row, slice) and stores directions as columns in that order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from marrowsignal.errors import GeometryError
from marrowsignal.geometry.volume import LabelVolume, SignalVolume, VolumeGeometry

__all__ = [
    "ImageHeader",
    "affine_transform",
    "array_to_itk",
    "decode_dicom_frames",
    "geometry_of",
    "nearest_on_grid",
    "read_image",
    "read_image_header",
    "write_nifti",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """What an image file says of itself.

    Attributes
    ----------
    shape : tuple of int
        Length of each axis, the slowest first.
    components : int
        Values a voxel.
    bytes_claimed : int
        Size of its voxels in memory.
    texts : Mapping of str to str
        Every other field of the header.
    """

    shape: tuple[int, ...]
    components: int
    bytes_claimed: int
    texts: Mapping[str, str]


def array_to_itk(array: NDArray[np.generic], geometry: VolumeGeometry) -> sitk.Image:
    """Return a SimpleITK image of `array` (slice, row, column) on `geometry`."""
    image = sitk.GetImageFromArray(np.asarray(array))
    image.SetOrigin(geometry.origin_lps_mm)
    image.SetSpacing(geometry.spacing_mm[::-1])
    # SimpleITK wants orthonormal axes: take the nearest rotation of a header's rounded cosines.
    u, _, vt = np.linalg.svd(geometry.directions_lps[:, ::-1])
    image.SetDirection((u @ vt).ravel().tolist())
    return image


def geometry_of(image: sitk.Image) -> VolumeGeometry:
    """Return the grid of a 3-D SimpleITK image."""
    directions = np.asarray(image.GetDirection()).reshape(3, 3)[:, ::-1]
    columns, rows, slices = image.GetSize()
    return VolumeGeometry.from_axes(
        origin_lps_mm=image.GetOrigin(),
        directions_lps=directions,
        spacing_mm=image.GetSpacing()[::-1],
        shape=(slices, rows, columns),
    )


def affine_transform(matrix_lps: NDArray[np.float64]) -> sitk.AffineTransform:
    """Return the SimpleITK transform of a 4x4 matrix on patient points, LPS mm."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix_lps[:3, :3].ravel().tolist())
    transform.SetTranslation(matrix_lps[:3, 3].tolist())
    return transform


def read_image_header(path: Path) -> ImageHeader:
    """Read what an image file says of itself, without its voxels.

    Raises
    ------
    RuntimeError
        If SimpleITK cannot read it.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = tuple(int(n) for n in reader.GetSize())
    components = int(reader.GetNumberOfComponents())
    pixel = sitk.Image([1] * min(len(size), 3), reader.GetPixelID(), components)
    return ImageHeader(
        shape=size[::-1],
        components=components,
        bytes_claimed=math.prod(size) * components * int(pixel.GetSizeOfPixelComponent()),
        texts=MappingProxyType({key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}),
    )


def read_image(path: Path) -> tuple[NDArray[np.generic], VolumeGeometry]:
    """Read the voxels of an image file and their grid.

    Returns
    -------
    ndarray, shape (slice, row, column) or (slice, row, column, component)
        As stored.
    VolumeGeometry
        The grid.

    Raises
    ------
    RuntimeError
        If SimpleITK cannot read it.
    GeometryError
        If it is no volume.
    """
    image = sitk.ReadImage(str(path))
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() != 3:
        raise GeometryError("the image is no volume", code="not_3d", stage="geometry")
    return sitk.GetArrayFromImage(image), geometry_of(image)


def nearest_on_grid(
    labels: LabelVolume, grid: VolumeGeometry, *, to_labels_lps: NDArray[np.float64] | None = None
) -> NDArray[np.uint16]:
    """Return the label at the centre of each voxel of `grid`, 0 outside.

    Parameters
    ----------
    labels : LabelVolume
        On any grid.
    grid : VolumeGeometry
        Where they are wanted.
    to_labels_lps : ndarray of float64, shape (4, 4), optional
        Takes a patient point of `grid` to one in the labels' space, LPS mm; by default they share one space.
    """
    resampler = sitk.ResampleImageFilter()
    # An image of one voxel carries the grid, not its memory.
    corner = array_to_itk(np.zeros((1, 1, 1), np.uint8), grid)
    resampler.SetReferenceImage(corner)
    resampler.SetSize(grid.shape[::-1])
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    resampler.SetTransform(sitk.Transform() if to_labels_lps is None else affine_transform(to_labels_lps))
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(array_to_itk(labels.array, labels.geometry))))


def write_nifti(path: Path, volume: SignalVolume | LabelVolume) -> None:
    """Write a volume as NIfTI in patient space; the file type follows the suffix."""
    sitk.WriteImage(array_to_itk(volume.array, volume.geometry), str(path), useCompression=True)


def decode_dicom_frames(path: Path) -> NDArray[np.int32]:
    """Decode the frames of a DICOM file without modality rescale by GDCM.

    Returns
    -------
    ndarray of int32, shape (frame, row, column)
        Stored values.

    Raises
    ------
    RuntimeError
        If GDCM cannot decode it.
    """
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path), imageIO="GDCMImageIO"))
    return np.asarray(array.reshape(-1, *array.shape[-2:]), dtype=np.int32)
