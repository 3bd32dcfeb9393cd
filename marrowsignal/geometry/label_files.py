"""Label maps from files, checked before they are trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import GeometryError, MaskError
from marrowsignal.geometry.itk_bridge import ImageHeader, read_image, read_image_header
from marrowsignal.geometry.label_grid import labels_on_grid
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry

__all__ = ["read_label_header", "read_label_layers", "read_label_volume", "read_labels", "whole_labels"]

_STAGE = "segment_marrow"
_MOST_BYTES = 1 << 30  # of a label map in memory; a whole body at 1 mm takes half of it


def read_labels(path: Path) -> LabelVolume:
    """Read a label map on its own grid.

    Parameters
    ----------
    path : Path
        NIfTI, NRRD, MHA or any image SimpleITK reads.

    Returns
    -------
    LabelVolume
        Whole numbers as stored, of whatever type.

    Raises
    ------
    MaskError
        If the file cannot be read, claims more than a GiB, is not a 3-D label map, or holds no label.
    """
    header = read_label_header(path)
    if header.components != 1:
        colours = "colours" if header.components in (3, 4) else f"{header.components} values a voxel"
        raise MaskError(
            f"the marrow map holds {colours}, no labels",
            code="mask_not_3d",
            stage=_STAGE,
            hint="save it as a label map: one whole number a voxel",
        )
    array, geometry = _voxels(path)
    return LabelVolume(array=whole_labels(array), geometry=geometry)


def read_label_layers(path: Path) -> tuple[NDArray[np.uint16], VolumeGeometry]:
    """Read a file that may hold several label maps, one a component, as those of 3D Slicer do.

    Returns
    -------
    ndarray of uint16, shape (layer, slice, row, column)
        Whole numbers as stored.
    VolumeGeometry
        The grid all of them share.

    Raises
    ------
    MaskError
        As `read_labels`.
    """
    read_label_header(path)
    array, geometry = _voxels(path)
    layers = array[..., None] if array.ndim == 3 else array
    return whole_labels(np.moveaxis(layers, -1, 0)), geometry


def read_label_volume(path: Path, grid: VolumeGeometry) -> LabelVolume:
    """Read a label map in patient space, on any grid and slice order, onto `grid`.

    Parameters
    ----------
    path : Path
        As for `read_labels`.
    grid : VolumeGeometry
        Where the labels are wanted; see `labels_on_grid`.

    Returns
    -------
    LabelVolume
        Labels on `grid`.

    Raises
    ------
    MaskError
        As `read_labels`, and if nothing of it lies inside `grid`.
    """
    moved = labels_on_grid(read_labels(path), grid)
    if not moved.array.any():
        raise MaskError(
            "no voxel of the marrow map lies inside the T1 series",
            code="mask_outside",
            stage=_STAGE,
            hint="check that the mask belongs to this study and is in patient space",
        )
    return moved


def whole_labels(array: NDArray[np.generic]) -> NDArray[np.uint16]:
    """Return `array` as uint16.

    Raises
    ------
    MaskError
        If it holds anything but whole numbers from 0 to 65535, or nothing but 0.
    """
    low, high = array.min(), array.max()
    top = np.iinfo(np.uint16).max
    whole = array.dtype.kind in "bui" or all(np.array_equal(part, np.round(part)) for part in array)
    if not (low >= 0 and high <= top and whole):
        share = array.dtype.kind == "f" and low >= 0 and high <= 1
        raise MaskError(
            "the marrow map holds values that are no labels (whole numbers from 0 to 65535)",
            code="mask_not_labels",
            stage=_STAGE,
            hint="it looks like a probability map: threshold it before you give it"
            if share
            else "save it as a label map",
        )
    if high == 0:
        raise MaskError(
            "the marrow map is empty: every voxel is 0",
            code="mask_empty",
            stage=_STAGE,
            hint="check that the label map was saved, not the image",
        )
    return array.astype(np.uint16)


def read_label_header(path: Path) -> ImageHeader:
    """Read the header of a label map, and refuse it when it claims too much.

    Raises
    ------
    MaskError
        If it cannot be read or claims more than a GiB of voxels.
    """
    try:
        header = read_image_header(path)
    except RuntimeError as error:
        raise _unreadable(error) from error
    if header.bytes_claimed > _MOST_BYTES:
        claimed = "x".join(str(n) for n in header.shape[::-1])
        raise MaskError(
            f"the marrow map claims {claimed} voxels, {header.bytes_claimed / 2**30:.1f} GiB",
            code="mask_too_large",
            stage=_STAGE,
            hint="give it on the T1 series' grid, or cut to the study's field of view",
        )
    return header


def _voxels(path: Path) -> tuple[NDArray[np.generic], VolumeGeometry]:
    try:
        return read_image(path)
    except RuntimeError as error:
        raise _unreadable(error) from error
    except GeometryError as error:
        raise MaskError(
            "the marrow map is not a 3-D label map",
            code="mask_not_3d",
            stage=_STAGE,
            hint="save one label map of one volume",
        ) from error


def _unreadable(error: RuntimeError) -> MaskError:
    sheared = "orthonormal" in str(error)
    return MaskError(
        "the marrow map's axes are not square to each other"
        if sheared
        else "the marrow map cannot be read as a label map",
        code="mask_unreadable",
        stage=_STAGE,
        hint="resample it to the T1 series" if sheared else "give NIfTI, NRRD, MHA or DICOM SEG in patient space",
    )
