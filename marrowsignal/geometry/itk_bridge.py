"""The one place where volumes become SimpleITK images and come back.

SimpleITK numbers axes (column, row, slice) and stores directions as columns in that order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from marrowsignal.errors import MaskError
from marrowsignal.geometry.volume import LabelVolume, SignalVolume, VolumeGeometry

__all__ = [
    "affine_transform",
    "array_to_itk",
    "decode_dicom_frames",
    "geometry_of",
    "read_label_volume",
    "write_nifti",
]


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


def read_label_volume(path: Path, grid: VolumeGeometry) -> LabelVolume:
    """Read a label map in patient space, on any grid and slice order, onto `grid`.

    Parameters
    ----------
    path : Path
        NIfTI, NRRD, MHA or any image SimpleITK reads.
    grid : VolumeGeometry
        Where the labels are wanted; nearest neighbour, nothing is interpolated.

    Returns
    -------
    LabelVolume
        Labels on `grid`.

    Raises
    ------
    MaskError
        If the file cannot be read, is not a 3-D label map, or nothing of it lies inside `grid`.
    """
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise MaskError(
            "the marrow map cannot be read as a label map",
            code="mask_unreadable",
            stage="segment_marrow",
            hint="give a NIfTI label map in patient space (.nii or .nii.gz)",
        ) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise MaskError("the marrow map is not a 3-D label map", code="mask_not_3d", stage="segment_marrow")
    raw = sitk.GetArrayViewFromImage(image)
    if raw.min() < 0 or raw.max() > np.iinfo(np.uint16).max or np.any(raw != np.round(raw)):
        raise MaskError(
            "the marrow map holds values that are no labels (whole numbers from 0 to 65535)",
            code="mask_not_labels",
            stage="segment_marrow",
            hint="threshold a probability map before you give it",
        )
    image = sitk.Cast(image, sitk.sitkUInt16)
    target = array_to_itk(np.zeros(grid.shape, np.uint8), grid)
    moved = sitk.Resample(image, target, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    labels = sitk.GetArrayFromImage(moved)
    if not labels.any():
        raise MaskError(
            "no voxel of the marrow map lies inside the T1 series",
            code="mask_outside",
            stage="segment_marrow",
            hint="check that the mask belongs to this study and is in patient space",
        )
    return LabelVolume(array=labels, geometry=grid)


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
