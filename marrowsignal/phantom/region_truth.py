"""Where the parts of a phantom person's bones truly end: joint surfaces, head, neck axis, endplates, growth plates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.phantom.anatomy.femur import draw_femur
from marrowsignal.phantom.anatomy.knee_bones import femoral_physis_mm, tibial_physis_mm
from marrowsignal.phantom.anatomy.knee_build import KneeBuild
from marrowsignal.phantom.anatomy.sacroiliac_joint import JointSurface
from marrowsignal.phantom.anatomy.spinal_column import build_spine
from marrowsignal.phantom.anatomy.vertebra import Vertebra
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Points, locate
from marrowsignal.phantom.subject import Subject

__all__ = ["BorderShares", "PartTruth", "part_truths"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_SWAPPED = {"left": "right", "right": "left", "": ""}
# middle of the cortex of a femoral head: its marrow's sphere is that much smaller
_HEAD_CORTEX_MM = 0.9
# joint line and width of the marrow of the standard knee: femoral condyles, tibial plateau
_FEMORAL_LINE_MM, _TIBIAL_LINE_MM = 3.8, -4.0
_FEMORAL_WIDTH_MM, _TIBIAL_WIDTH_MM = 76.0, 72.0
_AURICULAR_V = np.arange(-36.0, 50.0, 1.5)
_AURICULAR_W = np.arange(-24.0, 18.0, 1.5)
_LONG_AXIS = (55.5, 12.0)
# half a joint space, a cortex and what partial volume takes
_BONE_TO_JOINT_MM = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderShares:
    """Borders that are conventions, as shares of the bone's own measures (see the protocol's ``divisions``).

    Attributes
    ----------
    ala_begin : float
        Of the way from the midline to the joint.
    quadrant_depth_mm : float
        From the joint surface.
    neck_border, shaft_border : float
        Of the neck's length; head radii below the crossing of the axes.
    endplate_zone : float
        Of the body's height.
    end_segment : float
        Of the width of condyles or plateau.
    """

    ala_begin: float
    quadrant_depth_mm: float
    neck_border: float
    shaft_border: float
    endplate_zone: float
    end_segment: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartTruth:
    """One part of one bone.

    Attributes
    ----------
    bone : str
        Name in the label map of bones.
    key : str
        The part, as protocols call it.
    side : str
        ``"left"``, ``"right"`` or ``""``: the patient's.
    mask : ndarray of bool, shape (slice, row, column)
        Its marrow.
    """

    bone: str
    key: str
    side: str
    mask: Mask


def part_truths(subject: Subject, bones: LabelVolume, shares: BorderShares) -> tuple[PartTruth, ...]:
    """Divide the marrow of a phantom person's bones as the anatomy was drawn.

    Parameters
    ----------
    subject : Subject
        Who, lying still at the scanner's origin.
    bones : LabelVolume
        Marrow of every bone, as in `TissueMaps`.
    shares : BorderShares
        Borders that anatomy does not draw.

    Returns
    -------
    tuple of PartTruth
        Parts that lie in the picture. Femoral heads and condyles end at the growth plate's scar, endplate zones follow
        the dished endplates, quadrants the sampled joint surface.
    """
    points = _standard_points(subject, bones.geometry)
    found = []
    joints = _joints(subject, bones, points)
    for value, name in bones.names:
        mask = bones.array == value
        if not mask.any():
            continue
        at = _within(points, mask)
        for key, side, part in _parts(name, subject, at, shares, joints):
            if part.any():
                whole = np.zeros(mask.shape, bool)
                whole[mask] = part
                told = _SWAPPED[side] if subject.mirrored else side
                found.append(PartTruth(bone=name, key=key, side=told, mask=whole))
    return tuple(found)


def _within(points: tuple[Array, Array, Array], mask: Mask) -> Points:
    return Points(x=points[0][mask], y=points[1][mask], z=points[2][mask], sheet=_NO_SHEET)


_NO_SHEET = Sheet(origin_mm=np.zeros(3), row_step_mm=np.eye(3)[0], column_step_mm=np.eye(3)[1], shape=(1, 1))
Parts = Iterator[tuple[str, str, Mask]]
Joints = dict[str, tuple[Array, Mask]]


def _standard_points(subject: Subject, geometry: VolumeGeometry) -> tuple[Array, Array, Array]:
    """Coordinates of every voxel in the standard body."""
    _, row, column = geometry.affine_lps[:3, :3].T
    out: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for k in range(geometry.shape[0]):
        sheet = Sheet(
            origin_mm=geometry.to_patient([k, 0, 0]),
            row_step_mm=row,
            column_step_mm=column,
            shape=(geometry.shape[1], geometry.shape[2]),
        )
        p = locate(subject, sheet)
        for kept, values in zip(out, (p.x, p.y, p.z), strict=True):
            kept.append(values)
    return np.stack(out[0]), np.stack(out[1]), np.stack(out[2])


def _parts(name: str, subject: Subject, p: Points, shares: BorderShares, joints: Joints) -> Parts:
    side, _, bone = name.rpartition("_")
    if bone == "femur" and side:
        yield from ((key, side, part) for key, part in _femur(subject, side, p, shares))
    elif bone in ("sacrum", "ilium") or name == "sacrum":
        yield from _sacroiliac(subject, bone, side, p, shares, joints)
    elif bone in ("femur", "tibia"):
        yield from _knee(subject, p, shares, femur=bone == "femur")
    else:
        vertebra = next((v for v in build_spine(subject).vertebrae if v.name == name), None)
        if vertebra is not None:
            yield from _vertebra(vertebra, p, shares)


def _femur(subject: Subject, side: str, p: Points, shares: BorderShares) -> Iterator[tuple[str, Mask]]:
    femur = draw_femur(subject, side)
    at = femur.local(p)
    up, back, along = femur.along_neck(at)
    radius = femur.head_mm - _HEAD_CORTEX_MM
    bend = 0.011 * (up * up + back * back)
    head = (along + 2.0 + bend > 0.0) & (np.sqrt(up**2 + back**2 + along**2) < 1.2 * femur.head_mm)
    neck = ~head & (along > -(1.0 - shares.neck_border) * femur.neck_mm)
    shaft = ~head & ~neck & (at[2] < -shares.shaft_border * radius)
    yield from (
        ("femoral_head", head),
        ("femoral_neck", neck),
        ("intertrochanteric", ~head & ~neck & ~shaft),
        ("femoral_shaft", shaft),
    )


def _sacral_points(subject: Subject, p: Points) -> Array:
    """Points in sacral coordinates of the person's own size, mm."""
    return subject.scale * np.stack(JointSurface.of(subject).frame.of(p), axis=-1)


def _joints(subject: Subject, bones: LabelVolume, points: tuple[Array, Array, Array]) -> Joints:
    """Joint surfaces by side, where both bones reach them in the picture."""
    by_name = {name: bones.array == value for value, name in bones.names}
    found: Joints = {}
    for word, sign in (("left", 1.0), ("right", -1.0)):
        pair = [by_name.get("sacrum"), by_name.get(f"{word}_ilium")]
        marrow = [_sacral_points(subject, _within(points, mask)) for mask in pair if mask is not None and mask.any()]
        if len(marrow) < len(pair):
            continue
        surface = _joint_surface(JointSurface.of(subject), sign, subject.scale)
        near = np.all([cKDTree(bone).query(surface)[0] <= _BONE_TO_JOINT_MM for bone in marrow], axis=0)
        along = surface[near][:, 1:] @ np.asarray(_LONG_AXIS)
        if near.any():
            found[word] = (surface[near], along > 0.5 * (along.min() + along.max()))
    return found


def _sacroiliac(subject: Subject, bone: str, side: str, p: Points, shares: BorderShares, joints: Joints) -> Parts:
    points = _sacral_points(subject, p)
    u = points[:, 0]
    for word, sign in (("left", 1.0), ("right", -1.0)):
        if (side and side != word) or word not in joints:
            continue
        surface, lower = joints[word]
        distance, nearest = cKDTree(surface).query(points)
        near = distance <= shares.quadrant_depth_mm
        if bone == "ilium":
            yield "iliac_quadrant_upper", word, near & ~lower[nearest]
            yield "iliac_quadrant_lower", word, near & lower[nearest]
            yield "iliac_remainder", word, ~near
            continue
        ala = (sign * u > 0) & (np.abs(u) > shares.ala_begin * np.abs(surface[nearest, 0]))
        yield "sacral_ala", word, ala
        yield "sacral_quadrant_upper", word, ala & near & ~lower[nearest]
        yield "sacral_quadrant_lower", word, ala & near & lower[nearest]


def _joint_surface(joint: JointSurface, sign: float, scale: float) -> Array:
    """Middle of the cartilaginous joint as points of the scaled body."""
    v, w = (g.ravel() for g in np.meshgrid(_AURICULAR_V, _AURICULAR_W, indexing="ij"))
    u = np.full(v.shape, sign * 60.0)
    inside = joint.auricular((u, v, w)) < 0.0
    u, v, w = u[inside], v[inside], w[inside]
    for _ in range(3):
        u = u + sign * (0.5 * joint.gap_mm - joint.lateral((u, v, w))) * np.sqrt(1.13 + (0.27 + 0.0044 * v) ** 2)
    return scale * np.stack([u, v, w], axis=-1)


def _vertebra(vertebra: Vertebra, p: Points, shares: BorderShares) -> Parts:
    at = vertebra.frame.of(p)
    lean = float(np.tan(np.deg2rad(0.5 * vertebra.wedge_deg)))
    out = (at[0] / vertebra.half_width_mm) ** 2
    half = 0.5 * vertebra.height_mm - lean * at[1]
    hollow = [np.maximum(1.0 - 1.3 * (out + ((at[1] - c) / vertebra.half_depth_mm) ** 2), 0.0) for c in (2.0, 3.0)]
    low, top = vertebra.dish_mm[0] * hollow[0] - half, half - vertebra.dish_mm[1] * hollow[1]
    height = (at[2] - low) / (top - low)
    body = at[1] <= vertebra.half_depth_mm
    yield "inferior_endplate_zone", "", body & (height < shares.endplate_zone)
    yield "superior_endplate_zone", "", body & (height > 1.0 - shares.endplate_zone)
    yield "body_middle", "", body & (np.abs(height - 0.5) <= 0.5 - shares.endplate_zone)
    yield "posterior_elements", "", ~body
    yield "vertebral_bodies", "left", body & (at[0] > 0.0)
    yield "vertebral_bodies", "right", body & (at[0] <= 0.0)


def _knee(subject: Subject, p: Points, shares: BorderShares, *, femur: bool) -> Parts:
    build = KneeBuild.of(subject)
    at = build.at(p)
    word, sign = ("femoral", 1.0) if femur else ("tibial", -1.0)
    physis = femoral_physis_mm(at) if femur else tibial_physis_mm(at)
    line, width = (_FEMORAL_LINE_MM, _FEMORAL_WIDTH_MM) if femur else (_TIBIAL_LINE_MM, _TIBIAL_WIDTH_MM)
    epiphysis = sign * (p.z - physis) < 0.0
    diaphysis = sign * (p.z - line) > shares.end_segment * width * build.wide
    medial = at[0] < 0.0
    yield f"{word}_condyle_medial", "", epiphysis & medial
    yield f"{word}_condyle_lateral", "", epiphysis & ~medial
    yield f"{word}_metaphysis", "", ~epiphysis & ~diaphysis
    yield f"{word}_diaphysis", "", diaphysis
