"""A study as registration, votes and trees see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from marrowsignal.geometry.volume import VolumeGeometry
from marrowsignal.marrow.atlas.bone_shares import bone_shares
from marrowsignal.marrow.atlas.contrast import local_contrast
from marrowsignal.marrow.atlas.frame import centred_image, shrunk
from marrowsignal.marrow.atlas.template import Sample
from marrowsignal.protocol.schema import AtlasSettings

__all__ = ["Study", "StudyView", "labelled_sample", "open_study", "view_study"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyView:
    """Local contrast of a T1 on the atlas' axes: what registration sees.

    Attributes
    ----------
    full, working, coarse : sitk.Image
        On the study's own grid and two reduced ones.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    """

    full: sitk.Image
    working: sitk.Image
    coarse: sitk.Image
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """A study that is voted on, with what the trees see beyond the votes.

    Attributes
    ----------
    view : StudyView
        What registration sees.
    contrasts : tuple of ndarray of float32, shape (slice, row, column)
        Local contrast of T1, and of STIR when there is one.
    wide : ndarray of float32, same shape
        T1 against a wide neighbourhood.
    bones : tuple of ndarray of float16, same shape
        What a network that has seen phantoms only takes each voxel for, by T1 alone.
    """

    view: StudyView
    contrasts: tuple[NDArray[np.float32], ...]
    wide: NDArray[np.float32]
    bones: tuple[NDArray[np.float16], ...]


def view_study(
    t1: NDArray[np.generic], *, spacing_mm: tuple[float, float, float], settings: AtlasSettings
) -> StudyView:
    """Prepare a T1 on the atlas' axes for registration.

    Parameters
    ----------
    t1 : ndarray, shape (slice, row, column)
        Any unit.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : AtlasSettings
        Of the atlas.
    """
    near = local_contrast(t1, spacing_mm=spacing_mm, reach_mm=settings.contrast_reach.value)
    full = centred_image(near, spacing_mm)
    return StudyView(
        full=full,
        working=shrunk(full, settings.working_pixel.value),
        coarse=shrunk(full, settings.coarse_pixel.value),
        spacing_mm=spacing_mm,
    )


def open_study(
    t1: NDArray[np.generic],
    stir: NDArray[np.generic] | None,
    *,
    spacing_mm: tuple[float, float, float],
    directions_lps: NDArray[np.float64],
    settings: AtlasSettings,
) -> Study:
    """Prepare a study on the atlas' axes to be voted on.

    Parameters
    ----------
    t1 : ndarray, shape (slice, row, column)
        Any unit.
    stir : ndarray, same shape, or None
        STIR over T1.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    directions_lps : ndarray of float64, shape (3, 3)
        Unit vectors of the slice, row and column axes as columns.
    settings : AtlasSettings
        Of the atlas.
    """
    view = view_study(t1, spacing_mm=spacing_mm, settings=settings)
    contrasts: tuple[NDArray[np.float32], ...] = (sitk.GetArrayFromImage(view.full),)
    if stir is not None:
        contrasts += (local_contrast(stir, spacing_mm=spacing_mm, reach_mm=settings.contrast_reach.value),)
    wide = local_contrast(t1, spacing_mm=spacing_mm, reach_mm=settings.wide_reach.value)
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=(0.0, 0.0, 0.0),
        directions_lps=directions_lps,
        spacing_mm=spacing_mm,
        shape=(t1.shape[0], t1.shape[1], t1.shape[2]),
    )
    return Study(view=view, contrasts=contrasts, wide=wide, bones=bone_shares(t1, grid))


def labelled_sample(view: StudyView, labels: NDArray[np.uint16], settings: AtlasSettings) -> Sample:
    """Return a labelled study on the coarse grid."""
    inside = centred_image((labels > 0).astype(np.float32), view.spacing_mm)
    return Sample(image=view.coarse, marrow=shrunk(inside, settings.coarse_pixel.value))
