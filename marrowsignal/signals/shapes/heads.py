"""Osteonecrosis-like and transient-edema-like signs of every femoral head (SCIENCE D37-D39, D43)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.regions.records import Region, Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.records import BoneSignals, Measurement, MeasurementStatus
from marrowsignal.signals.shapes.necrosis import EnclosedPiece, enclosed_piece, involved_arc
from marrowsignal.signals.shapes.scene import Box, padded
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["fit_head_sphere", "necrosis"]

Mask = NDArray[np.bool_]
_HEAD, _NECK = "femoral_head", "femoral_neck"
_NAMES = (
    ("D37", "necrosis_rim", "fraction"),
    ("D37", "necrosis_double_line", "1"),
    ("D38", "necrotic_volume_share", "percent"),
    ("D39", "combined_necrotic_angle", "deg"),
)
_EDEMA = (("D43", "head_lesion_share", "percent", _HEAD), ("D43", "neck_lesion_share", "percent", _NECK))
_CORONAL, _SAGITTAL = (0, 2), (1, 2)
_MARGIN_MM = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Head:
    """One femoral head in its box: holes filled, and how far each voxel lies toward the neck."""

    box: Box
    mask: Mask
    toward_neck_mm: NDArray[np.float64]


def necrosis(bench: Bench) -> tuple[BoneSignals, ...]:
    """Measure D37-D39 and D43 of every femoral head, and say of the other side when it is not in view.

    Returns
    -------
    tuple of BoneSignals
        Left and right where either is in view; empty where no femoral head is. ``necrosis_rim`` of 0 means that it
        was looked for and not found.
    """
    heads = {part.side: part for part in bench.regions.parts if part.key == _HEAD}
    if not heads:
        return ()
    sides = (Side.LEFT, Side.RIGHT) if Side.NONE not in heads else (Side.NONE,)
    spec = bench.protocol.part(_HEAD)
    word = spec.name if spec else "femoral head"
    return tuple(
        BoneSignals(
            key=_HEAD,
            name=word if side is Side.NONE else f"{word}, {side}",
            side=side,
            measurements=_measurements(bench, heads.get(side)),
        )
        for side in sides
    )


def _measurements(bench: Bench, part: Region | None) -> tuple[Measurement, ...]:
    if part is None or not part.voxels:
        return tuple(
            unmeasured(d, name, "the head is not in the field of view", unit)
            for d, name, unit in (*_NAMES, *(row[:3] for row in _EDEMA))
        )
    edema = tuple(_lesion_share(bench, part, *row) for row in _EDEMA)
    head = _head(bench, part)
    if head is None:
        return (
            *(unmeasured(d, name, "the neck is not in the field of view", unit) for d, name, unit in _NAMES),
            *edema,
        )
    geometry = bench.pair.t1.geometry
    piece = enclosed_piece(
        bench.pair.t1.array[head.box],
        head.mask,
        head.toward_neck_mm,
        spacing_mm=geometry.spacing_mm,
        settings=bench.protocol.shapes,
    )
    if piece is None:
        reason = "no dark rim that cuts off a subchondral piece was found"
        rim = Measurement(id="D37", name="necrosis_rim", value=0.0, unit="fraction", reason=reason)
        return (rim, *(unmeasured(d, name, reason, unit) for d, name, unit in _NAMES[1:]), *edema)
    return (
        Measurement(id="D37", name="necrosis_rim", value=piece.rim_fraction, unit="fraction"),
        _double_line(bench, head, piece),
        _volume_share(piece, part),
        _angle(bench, head, piece),
        *edema,
    )


def _head(bench: Bench, part: Region) -> _Head | None:
    geometry = bench.pair.t1.geometry
    whole = bench.regions.inside(part)
    neck = [
        p
        for p in bench.regions.parts
        if p.key == _NECK and p.side is part.side and p.parent == part.parent and p.voxels
    ]
    if not neck:
        return None
    tight = ndimage.find_objects(whole.view(np.uint8))[0]
    box = padded(tight, _MARGIN_MM, spacing_mm=geometry.spacing_mm, shape=geometry.shape)
    mask = np.stack([ndimage.binary_fill_holes(plane) for plane in whole[box]])
    corner = [s.start for s in box]
    points = geometry.to_patient(np.argwhere(np.ones_like(mask)) + corner)
    center = points[mask.ravel()].mean(axis=0)
    axis = geometry.to_patient(np.argwhere(bench.regions.inside(neck[0]))).mean(axis=0) - center
    along = (points - center) @ (axis / np.linalg.norm(axis))
    return _Head(box=box, mask=mask, toward_neck_mm=along.reshape(mask.shape))


def _double_line(bench: Bench, head: _Head, piece: EnclosedPiece) -> Measurement:
    """STIR of the band just inside the rim over that of the piece's middle."""
    which = ("D37", "necrosis_double_line")
    if bench.pair.stir is None:
        return unmeasured(*which, "no STIR series")
    reach = bench.protocol.shapes.rim_double_line.high
    pixel = bench.pair.t1.geometry.spacing_mm[1:]
    # The border to the joint is no rim: distance is taken from what of the head lies outside the piece.
    rest = head.mask & ~piece.mask
    away = np.stack([ndimage.distance_transform_edt(~plane, sampling=pixel) for plane in rest])
    inside, middle = (piece.mask & choice for choice in (away <= reach, away > reach))
    if not inside.any() or not middle.any():
        return unmeasured(*which, "the piece is too thin for a line and a middle")
    stir = bench.pair.stir.array[head.box]
    level = float(np.median(stir[middle]))
    if level <= 0:
        return unmeasured(*which, "the piece has no STIR signal")
    return Measurement(id=which[0], name=which[1], value=float(np.percentile(stir[inside], 75.0)) / level)


def _volume_share(piece: EnclosedPiece, part: Region) -> Measurement:
    cut = "the head is cut by the field of view" if part.cut_by_field_of_view else ""
    return Measurement(
        id="D38",
        name="necrotic_volume_share",
        value=100 * piece.volume_fraction,
        ci_low=100 * piece.low_fraction,
        ci_high=100 * piece.high_fraction,
        unit="percent",
        status=MeasurementStatus.EXPLORATORY if cut else MeasurementStatus.MEASURED,
        reason=cut,
    )


def _angle(bench: Bench, head: _Head, piece: EnclosedPiece) -> Measurement:
    geometry = bench.pair.t1.geometry
    affine = geometry.affine_lps.copy()
    affine[:3, 3] = geometry.to_patient([s.start for s in head.box])
    center, radius = fit_head_sphere(head.mask, affine)
    arcs = [involved_arc(piece.core, affine, center, radius, axes=plane) for plane in (_CORONAL, _SAGITTAL)]
    error = bench.protocol.shapes.arc_error.value
    value = sum(arcs)
    return Measurement(
        id="D39",
        name="combined_necrotic_angle",
        value=value,
        ci_low=max(0.0, value - error),
        ci_high=value + error,
        unit="deg",
        reason=f"{arcs[0]:.0f} deg mid-coronal, {arcs[1]:.0f} deg mid-sagittal",
    )


def fit_head_sphere(head: Mask, affine_lps: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Sphere through the outline of a head within its slices, by linear least squares.

    Parameters
    ----------
    head : ndarray of bool, shape (slice, row, column)
        The head, with a background margin.
    affine_lps : ndarray of float64, shape (4, 4)
        From voxel index to patient mm.

    Returns
    -------
    tuple
        Center, shape (3,), and radius, mm: ``|p|^2 = 2 c p + (r^2 - |c|^2)``.
    """
    rim = head & ~ndimage.binary_erosion(head, np.ones((1, 3, 3)))
    points = np.argwhere(rim) @ affine_lps[:3, :3].T + affine_lps[:3, 3]
    middle = points.mean(axis=0)
    offset = points - middle
    system = np.column_stack([2 * offset, np.ones(len(offset))])
    found, *_ = np.linalg.lstsq(system, (offset**2).sum(axis=1), rcond=None)
    return middle + found[:3], float(np.sqrt(max(found[3] + found[:3] @ found[:3], 0.0)))


def _lesion_share(bench: Bench, head: Region, descriptor: str, name: str, unit: str, key: str) -> Measurement:
    part = next(
        (p for p in bench.regions.parts if p.key == key and p.side is head.side and p.parent == head.parent), None
    )
    inside = None if part is None else bench.regions.inside(part)
    if inside is None or not inside.any():
        return unmeasured(descriptor, name, "the part is not in the field of view", unit)
    missing = bench.not_looked_at(inside)
    if missing:
        return unmeasured(descriptor, name, missing, unit)
    return Measurement(id=descriptor, name=name, value=100 * float((bench.lesions[inside] > 0).mean()), unit=unit)
