"""From a study to one atlas subject: affine start, then symmetric-forces demons from coarse to fine."""

from __future__ import annotations

import SimpleITK as sitk

__all__ = ["deform"]

# In-plane factors below the working grid, iterations of each.
_LEVELS = ((4, 80), (2, 60), (1, 30))
_FIELD_SIGMA_VOXELS = 1.0


def deform(fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform) -> sitk.Transform:
    """Find the transform from points of `fixed` to points of `moving`.

    Symmetric-forces demons (Vercauteren, NeuroImage 2009) on local contrast, one thread: the same bits on every run.

    Parameters
    ----------
    fixed, moving : sitk.Image
        Local contrast on the working grid.
    start : sitk.Transform
        From points of `fixed` to points of `moving`.

    Returns
    -------
    sitk.Transform
        `start` after a displacement field on the grid of `fixed`.
    """
    near = sitk.Resample(moving, fixed, start, sitk.sitkLinear, 0.0)
    field: sitk.Image | None = None
    for factor, iterations in _LEVELS:
        still = sitk.BinShrink(fixed, [factor, factor, 1]) if factor > 1 else fixed
        moved = sitk.BinShrink(near, [factor, factor, 1]) if factor > 1 else near
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfThreads(1)
        demons.SetNumberOfIterations(iterations)
        demons.SetStandardDeviations(_FIELD_SIGMA_VOXELS)
        if field is None:
            field = demons.Execute(still, moved)
        else:
            edge = sitk.Resample(field, still, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorFloat64)
            field = demons.Execute(still, moved, edge)
    whole = sitk.CompositeTransform(3)
    whole.AddTransform(start)
    whole.AddTransform(sitk.DisplacementFieldTransform(sitk.Image(field)))
    return whole
