"""People to learn from: phantoms of random shape, pose and marrow on coarse stacks, with every bone outlined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.phantom import draw_subject, tissue_maps
from marrowsignal.phantom.anatomy import build_anatomy
from marrowsignal.phantom.anatomy.skeleton import sacral_frame
from marrowsignal.phantom.anatomy.spinal_column import build_spine
from marrowsignal.phantom.scene import Bone, SliceProfile
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.solids import Points, locate
from marrowsignal.phantom.subject import Subject

__all__ = ["CANVAS_PX", "PIXEL_MM", "Stack", "render_person", "stored"]

Array = NDArray[np.float64]
# finer than the network's grid loses nothing to the first random turn
PIXEL_MM = 1.5
_SLICES = 12
CANVAS_PX, _KNEE_PX = 184, 128
_SHARE_STEPS = 255.0
# the surface of a bone is this uneven
_BODY_MARGIN_MM = 0.6
# S1 in sacral coordinates: end of its body in front of the disc S1/2 and its lean, half width, back wall
_S1_END_MM, _S1_LEAN, _S1_HALF_WIDTH_MM, _S1_BACK_MM, _S1_MIDDLE_MM = -6.0, 0.16, 25.0, 9.0, -5.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """One kind of stack: how often, what body, which plane, how tilted, where its centre may lie (LPS mm)."""

    weight: float
    body: str
    plane: str
    tilt_deg: tuple[float, float]
    centre_mm: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


_PLANS = (
    # sacroiliac joints
    _Planned(
        weight=0.30,
        body="trunk",
        plane="coronal",
        tilt_deg=(22.0, 62.0),
        centre_mm=((-35.0, 35.0), (-22.0, 26.0), (-25.0, 40.0)),
    ),
    # hips and whole pelvis
    _Planned(
        weight=0.22,
        body="trunk",
        plane="coronal",
        tilt_deg=(-12.0, 18.0),
        centre_mm=((-70.0, 70.0), (-75.0, 20.0), (-125.0, 60.0)),
    ),
    # lumbar spine
    _Planned(
        weight=0.22,
        body="trunk",
        plane="sagittal",
        tilt_deg=(-10.0, 10.0),
        centre_mm=((-26.0, 26.0), (-55.0, 20.0), (0.0, 170.0)),
    ),
    _Planned(
        weight=0.08,
        body="trunk",
        plane="axial",
        tilt_deg=(-25.0, 25.0),
        centre_mm=((-40.0, 40.0), (-60.0, 10.0), (-130.0, 90.0)),
    ),
    _Planned(
        weight=0.09,
        body="knee",
        plane="coronal",
        tilt_deg=(-12.0, 12.0),
        centre_mm=((-15.0, 15.0), (-25.0, 25.0), (-30.0, 30.0)),
    ),
    _Planned(
        weight=0.09,
        body="knee",
        plane="sagittal",
        tilt_deg=(-12.0, 12.0),
        centre_mm=((-25.0, 25.0), (-15.0, 15.0), (-30.0, 30.0)),
    ),
)
# slice normal (to the back, to the left, upwards), row step (down, down, to the back), column step (to the patient's
# left, to the back, to the left): how the network sees each plane
_AXES = {
    "coronal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
    "sagittal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
    "axial": ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
}
_TRUNK_MARROW = (
    *("normal", "normal", "symmetric_reconversion", "partial_reconversion", "patchy_red_marrow", "focal_edema"),
    *("bilateral_edema", "edema_on_reconversion", "sacroiliac_sclerosis", "iliac_metastasis", "diffuse_infiltration"),
    *("depleted_marrow", "hip_osteonecrosis", "hip_transient_edema", "femoral_neck_fracture", "hips_reconversion"),
    *("lumbar_endplate_edema", "lumbar_metastases", "lumbar_infiltration", "sacral_stress_fracture"),
)
_KNEE_MARROW = ("knee_normal", "knee_reconversion", "knee_subchondral_edema", "tibial_stress_fracture")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack:
    """A person on a coarse stack of slices.

    Attributes
    ----------
    species : ndarray of uint8, shape (len(Species), slice, row, column)
        Volume shares times 255.
    classes : ndarray of uint8, shape (slice, row, column)
        `BoneClass` of the whole bone, cortex included.
    marrow_mask : ndarray of bool, shape (slice, row, column)
        Inside of any bone's cortex.
    normal_lps : ndarray of float64, shape (3,)
        Direction from slice to slice.
    slice_distance_mm : float
        From slice to slice.
    """

    species: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    marrow_mask: NDArray[np.bool_]
    normal_lps: Array
    slice_distance_mm: float


def render_person(number: int) -> Stack:
    """Draw and render the person of a number.

    Parameters
    ----------
    number : int
        Everything random follows from it.

    Returns
    -------
    Stack
        The person on one stack.
    """
    rng = np.random.default_rng([77, number])
    plan = _PLANS[int(rng.choice(len(_PLANS), p=[p.weight for p in _PLANS]))]
    subject = draw_subject(
        100_000 + number,
        sex="F" if rng.random() < 0.5 else "M",
        age_years=float(rng.uniform(17.0, 80.0)),
        mirrored=bool(rng.random() < 0.5),
    )
    geometry = _geometry(plan, rng)
    name = str(rng.choice(_TRUNK_MARROW if plan.body == "trunk" else _KNEE_MARROW))
    thickness = geometry.spacing_mm[0] * rng.uniform(0.8, 1.0)
    maps = tissue_maps(
        name, geometry, subject=subject, profile=SliceProfile(thickness_mm=float(thickness), samples=2, smooth=False)
    )
    return Stack(
        species=np.asarray(np.rint(np.clip(maps.species_fractions, 0.0, 1.0) * _SHARE_STEPS), np.uint8),
        classes=_classes(plan.body, subject, geometry),
        marrow_mask=maps.bones.array > 0,
        normal_lps=geometry.directions_lps[:, 0],
        slice_distance_mm=geometry.spacing_mm[0],
    )


def stored(number: int, folder: Path) -> Stack:
    """Read the person of a number from `folder`, rendered first when missing."""
    path = folder / f"person{number:05d}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        stack = render_person(number)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(
            part,
            species=stack.species,
            classes=stack.classes,
            marrow_mask=stack.marrow_mask,
            normal_lps=stack.normal_lps,
            slice_distance_mm=stack.slice_distance_mm,
        )
        part.rename(path)
    with np.load(path) as kept:
        return Stack(
            species=kept["species"],
            classes=kept["classes"],
            marrow_mask=kept["marrow_mask"],
            normal_lps=kept["normal_lps"],
            slice_distance_mm=float(kept["slice_distance_mm"]),
        )


def _geometry(plan: _Planned, rng: np.random.Generator) -> VolumeGeometry:
    tilt = Rotation.from_euler("x" if plan.plane != "sagittal" else "z", rng.uniform(*plan.tilt_deg), degrees=True)
    wobble = Rotation.from_rotvec(np.deg2rad(rng.normal(0.0, 4.0, 3)))
    axes = wobble.as_matrix() @ tilt.as_matrix() @ np.array(_AXES[plan.plane]).T
    rows = CANVAS_PX if plan.body == "trunk" else _KNEE_PX
    spacing = (float(rng.uniform(3.2, 5.5)), PIXEL_MM, PIXEL_MM)
    shape = (_SLICES, rows, rows)
    centre = np.array([rng.uniform(*bounds) for bounds in plan.centre_mm])
    return VolumeGeometry.from_axes(
        origin_lps_mm=centre - axes @ (np.asarray(spacing) * (np.asarray(shape) - 1) / 2.0),
        directions_lps=axes,
        spacing_mm=spacing,
        shape=shape,
    )


def _classes(body: str, subject: Subject, geometry: VolumeGeometry) -> NDArray[np.uint8]:
    bones = build_anatomy(body, subject).bones
    return np.stack([_slice_classes(bones, subject, _sheet(geometry, i)) for i in range(geometry.shape[0])])


def _sheet(geometry: VolumeGeometry, index: int) -> Sheet:
    axes, (_, row_mm, column_mm) = geometry.directions_lps, geometry.spacing_mm
    return Sheet(
        origin_mm=geometry.to_patient([index, 0, 0]),
        row_step_mm=row_mm * axes[:, 1],
        column_step_mm=column_mm * axes[:, 2],
        shape=(geometry.shape[1], geometry.shape[2]),
    )


def _slice_classes(bones: tuple[Bone, ...], subject: Subject, sheet: Sheet) -> NDArray[np.uint8]:
    everywhere = locate(subject, sheet)
    classes = np.zeros(sheet.shape, np.uint8)
    nearest = np.zeros(sheet.shape)
    for bone in bones:
        found = everywhere.within(bone.within)
        if found is None:
            continue
        window, points = found
        distance = bone.shape(points)
        own = distance < nearest[window]
        nearest[window] = np.where(own, distance, nearest[window])
        classes[window] = np.where(own, _class_of(bone, subject, points), classes[window])
    return classes


def _class_of(bone: Bone, subject: Subject, p: Points) -> NDArray[np.uint8]:
    if bone.kind == "vertebra":
        return _of_vertebra(bone, subject, p)
    if bone.name == "sacrum":
        return _of_sacrum(subject, p)
    word = bone.name.removeprefix("left_").removeprefix("right_")
    return np.full(p.x.shape, BoneClass["HIP_BONE" if word == "ilium" else word.upper()], np.uint8)


def _of_vertebra(bone: Bone, subject: Subject, p: Points) -> NDArray[np.uint8]:
    vertebra = next(v for v in build_spine(subject).vertebrae if v.name == bone.name)
    in_body = vertebra.body(vertebra.frame.of(p)) <= _BODY_MARGIN_MM
    return np.where(in_body, BoneClass.VERTEBRAL_BODY, BoneClass.VERTEBRAL_ARCH).astype(np.uint8)


def _of_sacrum(subject: Subject, p: Points) -> NDArray[np.uint8]:
    u, v, w = sacral_frame(subject).of(p)
    first = (v - _S1_END_MM - _S1_LEAN * (w - _S1_MIDDLE_MM) < 0.006 * u * u) & (np.abs(u) < _S1_HALF_WIDTH_MM)
    return np.where(first & (w < _S1_BACK_MM), BoneClass.S1_BODY, BoneClass.SACRUM).astype(np.uint8)
