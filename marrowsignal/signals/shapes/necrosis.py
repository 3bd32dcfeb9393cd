"""Dark rim that cuts a piece off the articular surface of a femoral head (SCIENCE D37-D39)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.protocol.schema import ShapeSettings

__all__ = ["EnclosedPiece", "enclosed_piece", "involved_arc"]

Mask = NDArray[np.bool_]
_FULL = np.ones((3, 3, 3), bool)
_PLANE = np.ones((3, 3), bool)
# The part of a head's section that lies nearest to the neck is taken for connected with it.
_NECKWARD = 0.08
_ARC_STEP_DEG = 2.0
# Radii, in head radii, along which a direction is looked at for necrosis.
_RADII = np.linspace(0.7, 0.95, 6)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EnclosedPiece:
    """What a dark band cuts off.

    Attributes
    ----------
    mask : ndarray of bool, shape (slice, row, column)
        The piece, the inner half of its band, and what is dark between it and the joint.
    core : ndarray of bool, same shape
        The piece without band.
    rim_fraction : float
        Share of its border inside the head that is dark band.
    volume_fraction : float
        Of the head.
    low_fraction, high_fraction : float
        The same with the piece one voxel smaller and larger within slices.
    """

    mask: Mask
    core: Mask
    rim_fraction: float
    volume_fraction: float
    low_fraction: float
    high_fraction: float


def enclosed_piece(
    t1: NDArray[np.float32],
    head: Mask,
    toward_neck: NDArray[np.float64],
    *,
    spacing_mm: tuple[float, float, float],
    settings: ShapeSettings,
) -> EnclosedPiece | None:
    """Find the largest subchondral piece of a femoral head behind a dark band (D37, D38).

    Parameters
    ----------
    t1 : ndarray of float32, shape (slice, row, column)
        Bias-corrected.
    head : ndarray of bool, same shape
        Marrow of the head, holes filled.
    toward_neck : ndarray of float64, same shape
        Distance along the neck's axis, growing away from the head.
    spacing_mm : tuple of float
        Between slices, rows, columns.
    settings : ShapeSettings
        How dark, how large a gap, how much rim.

    Returns
    -------
    EnclosedPiece or None
        Within each slice marrow is followed from the neck, through no gap narrower than `rim_gap`; what is not
        reached, is no band itself and lies at the articular surface is cut off. None where nothing is, or where less
        than `rim_min_share` of its border is dark.
    """
    pixel = spacing_mm[1:]
    band = _band(t1, head, settings)
    reached = np.stack(
        [
            _reached(*planes, pixel_mm=pixel, gap_mm=settings.rim_gap.value)
            for planes in zip(head, band, toward_neck, strict=True)
        ]
    )
    cut_off = head & ~band & ~reached
    labels, count = ndimage.label(cut_off, _FULL)
    if not count:
        return None
    piece = labels == int(np.bincount(labels.ravel())[1:].argmax()) + 1
    grown = _to_middle_of_band(piece, band, reached, pixel)
    border = _grown(grown, head) & ~grown & _deep(head, settings.rim_to_surface.value / 2, pixel)
    rim = float((border & _grown(band, head)).sum() / border.sum()) if border.any() else 0.0
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    at_surface = piece & ~_deep(head, settings.rim_to_surface.value, pixel)
    large = piece.sum() * voxel_ml >= settings.rim_min_volume.value
    if rim < settings.rim_min_share.value or not large or not at_surface.any():
        return None
    total = float(head.sum())
    return EnclosedPiece(
        mask=grown,
        core=piece,
        rim_fraction=rim,
        volume_fraction=float(grown.sum()) / total,
        low_fraction=float(ndimage.binary_erosion(grown, np.ones((1, 3, 3))).sum()) / total,
        high_fraction=float(_grown(grown, head).sum()) / total,
    )


def _band(t1: NDArray[np.float32], head: Mask, settings: ShapeSettings) -> Mask:
    """Dark voxels, and less dark ones that hang together with them within a slice."""
    level = float(np.median(t1[head]))
    faint = head & (t1 <= settings.rim_t1_to_local.high * level)
    dark = faint & (t1 <= settings.rim_t1_to_local.low * level)
    return np.asarray(ndimage.binary_propagation(dark, np.ones((1, 3, 3), bool), mask=faint))


def _reached(
    head: Mask, band: Mask, toward_neck: NDArray[np.float64], *, pixel_mm: tuple[float, float], gap_mm: float
) -> Mask:
    """Marrow of one slice that hangs together with the neck's side, grown back to the band."""
    if not head.any():
        return head
    open_ = head & ~band
    clear = open_ & (ndimage.distance_transform_edt(~band, sampling=pixel_mm) > gap_mm / 2)
    along = toward_neck[head]
    source = clear & (toward_neck >= along.max() - _NECKWARD * np.ptp(along))
    flooded = ndimage.binary_propagation(source, _PLANE, mask=clear)
    back = ndimage.distance_transform_edt(~flooded, sampling=pixel_mm) <= gap_mm / 2 + max(pixel_mm)
    return np.asarray(open_ & back)


def _to_middle_of_band(piece: Mask, band: Mask, reached: Mask, pixel_mm: tuple[float, float]) -> Mask:
    """Add what of the band lies nearer to the piece than to the marrow on its other side."""
    grown = piece.copy()
    for k in np.flatnonzero(piece.any(axis=(1, 2))):
        inside, outside = (ndimage.distance_transform_edt(~m[k], sampling=pixel_mm) for m in (piece, reached))
        grown[k] |= band[k] & (inside < outside)
    return grown


def _grown(mask: Mask, inside: Mask) -> Mask:
    return np.asarray(ndimage.binary_dilation(mask, np.ones((1, 3, 3))) & inside)


def _deep(head: Mask, depth_mm: float, pixel_mm: tuple[float, float]) -> Mask:
    return np.stack([ndimage.distance_transform_edt(plane, sampling=pixel_mm) > depth_mm for plane in head])


def involved_arc(
    piece: Mask,
    affine_lps: NDArray[np.float64],
    center_mm: NDArray[np.float64],
    radius_mm: float,
    *,
    axes: tuple[int, int],
) -> float:
    """Angle of the articular surface over a necrotic piece in one plane through the head's center (D39).

    Parameters
    ----------
    piece : ndarray of bool, shape (slice, row, column)
        Necrosis.
    affine_lps : ndarray of float64, shape (4, 4)
        From voxel index to patient mm.
    center_mm, radius_mm
        Of the head's sphere.
    axes : tuple of int
        The plane's two patient axes: (0, 2) coronal, (1, 2) sagittal.

    Returns
    -------
    float
        Degrees of all directions from the center that meet the piece in the outer part of the head (Kerboul, J Bone
        Joint Surg Br 1974; on MRI Ha, J Bone Joint Surg Am 2006).
    """
    angles = np.deg2rad(np.arange(0.0, 360.0, _ARC_STEP_DEG))
    points = np.repeat(center_mm[None, :], angles.size * _RADII.size, axis=0)
    reach = radius_mm * _RADII
    points[:, axes[0]] += np.outer(np.cos(angles), reach).ravel()
    points[:, axes[1]] += np.outer(np.sin(angles), reach).ravel()
    index = np.rint((points - affine_lps[:3, 3]) @ np.linalg.inv(affine_lps[:3, :3]).T).astype(int)
    inside = np.all((index >= 0) & (index < piece.shape), axis=1)
    hit = np.zeros(len(points), bool)
    hit[inside] = piece[tuple(index[inside].T)]
    return float(hit.reshape(angles.size, -1).any(axis=1).sum() * _ARC_STEP_DEG)
