"""A body as an ordered list of parts, painted from front to back on every sample and averaged to the voxel."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import VolumeGeometry
from marrowsignal.phantom.composition import Composition, mix
from marrowsignal.phantom.sheet import Ball, Sheet, Window, extent, nested
from marrowsignal.phantom.solids import Points, coverage, locate
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = [
    "Anatomy",
    "Bone",
    "Landmark",
    "Layer",
    "Marrow",
    "MarrowState",
    "Place",
    "Rendering",
    "SliceProfile",
    "render",
]

Array = NDArray[np.float64]
Shape = Callable[[Points], Array]
Fill = Composition | Callable[[Points], dict[Species, Array]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """Where in its bone a marrow point lies; what conversion, sparing and lesions depend on.

    Attributes
    ----------
    epiphysis : ndarray of float64
        1 in epiphyses, apophyses and sesamoids, 0 elsewhere, smooth across the physis.
    joint_mm : ndarray of float64
        Distance to the bone's nearest articular surface or endplate; large where there is none.
    shaft_mm : ndarray of float64
        Distance from the physis along the shaft; 0 for bones without one.
    axis_mm : ndarray of float64
        Distance from the long axis of the shaft or the middle of the bone; 0 where it has no meaning.
    """

    epiphysis: Array
    joint_mm: Array
    shaft_mm: Array
    axis_mm: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """Something that is no bone with marrow.

    Attributes
    ----------
    name : str
        Anatomical name.
    shape : callable
        Signed distance at points, mm.
    fill : Composition or callable
        What it is made of: fixed shares of species, or shares that vary from point to point.
    within : Ball or None
        Where it can lie; None for everywhere.
    opacity : float
        Share of the voxel it takes where it is; below 1 for tissues that interleave.
    """

    name: str
    shape: Shape
    fill: Fill
    within: Ball | None = None
    opacity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bone:
    """A bone with marrow.

    Attributes
    ----------
    name : str
        ``sacrum``, ``left_femur``, ``L5``, ... as the person has them (before mirroring).
    label : int
        Value in label maps; of the same bone of the other side, see `opposite`.
    shape : callable
        Signed distance to the outer surface, cortex included, mm.
    cortex : callable
        Thickness of the cortex at points, mm.
    place : callable
        Where in the bone points lie.
    within : Ball
        Where it can lie.
    kind : str
        ``vertebra``, ``sacrum``, ``flat``, ``long`` or ``sesamoid``: what marrow to expect.
    """

    name: str
    label: int
    shape: Shape
    cortex: Callable[[Points], Array]
    place: Callable[[Points], Place]
    within: Ball
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landmark:
    """A named spot where findings sit.

    Attributes
    ----------
    name : str
        For example ``left_sij_sacral``, ``left_femoral_head``, ``L3_superior_endplate``.
    bone : str
        Bone it belongs to.
    point_mm : tuple of float
        Standard body point.
    axis : tuple of float
        Unit vector from the joint surface into the bone, or along the neck or shaft.
    radius_mm : float
        Size of the place: of a femoral head, of a condyle, of an articular surface.
    """

    name: str
    bone: str
    point_mm: tuple[float, float, float]
    axis: tuple[float, float, float]
    radius_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anatomy:
    """Everything a person has in one part of the body.

    Attributes
    ----------
    body : str
        ``trunk`` or ``knee``.
    subject : Subject
        Whose.
    parts : tuple
        Layers and bones from front to back: what comes first hides what comes later.
    landmarks : tuple of Landmark
        Where findings sit.
    """

    body: str
    subject: Subject
    parts: tuple[Layer | Bone, ...]
    landmarks: tuple[Landmark, ...]

    @property
    def bones(self) -> tuple[Bone, ...]:
        """All bones with marrow."""
        return tuple(part for part in self.parts if isinstance(part, Bone))

    def landmark(self, name: str) -> Landmark:
        """Landmark of this name; KeyError when there is none."""
        return {mark.name: mark for mark in self.landmarks}[name]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marrow:
    """State of marrow at points; shares of the soft part, what is missing to 1 is red-marrow water.

    Attributes
    ----------
    fat, edema, tumor, fluid, fibrous : ndarray of float64
        Shares of the soft part.
    mineral : ndarray of float64
        Bone's share of the whole.
    lesion : ndarray of float64
        1 in the lesion, 0 outside, smooth across its margin.
    """

    fat: Array
    edema: Array
    tumor: Array
    fluid: Array
    fibrous: Array
    mineral: Array
    lesion: Array


MarrowState = Callable[[Bone, Points, Place, Array], Marrow]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceProfile:
    """How a slice sees what lies along its normal.

    Attributes
    ----------
    thickness_mm : float
        Full width at half maximum.
    samples : int
        Sub-slices.
    smooth : bool
        Gaussian instead of rectangular.
    """

    thickness_mm: float
    samples: int = 4
    smooth: bool = False

    def weights(self) -> tuple[Array, Array]:
        """Offsets along the normal in mm, evenly spread, and weights that sum to 1."""
        reach = 1.6 if self.smooth else 1.0
        offsets = ((np.arange(self.samples) + 0.5) / self.samples - 0.5) * reach * self.thickness_mm
        weights = np.ones(self.samples)
        if self.smooth:
            weights = np.exp(-4.0 * np.log(2.0) * (offsets / self.thickness_mm) ** 2)
        return offsets, weights / weights.sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendering:
    """A body on a voxel grid.

    Attributes
    ----------
    species : ndarray of float32, shape (len(Species), slice, row, column)
        Volume share of each species, bone mineral included; what is missing to 1 is air.
    marrow_share : ndarray of float32, shape (slice, row, column)
        Share of the voxel inside the cortex of any bone.
    bone_labels : ndarray of uint8, shape (slice, row, column)
        Bone whose marrow takes at least half of the voxel, 0 for none.
    mineral_share : ndarray of float32, shape (slice, row, column)
        Share of the voxel that is trabecular bone, inside the cortex.
    lesion_share : ndarray of float32, shape (slice, row, column)
        Share of the voxel that is lesion.
    """

    species: NDArray[np.float32]
    marrow_share: NDArray[np.float32]
    bone_labels: NDArray[np.uint8]
    mineral_share: NDArray[np.float32]
    lesion_share: NDArray[np.float32]


class _Canvas:
    """Paints one sheet from front to back: what is painted first hides what comes later."""

    def __init__(self, points: Points) -> None:
        self.points = points
        shape = points.sheet.shape
        self.species = np.zeros((len(Species), *shape))
        self.clear = np.ones(shape)
        self.lesion, self.mineral = np.zeros(shape), np.zeros(shape)
        self.marrow: dict[int, Array] = {}

    def paint(self, part: Layer | Bone, state: MarrowState) -> None:
        """Paint one part where it lies and nothing has been painted yet."""
        window: Window = (slice(0, self.clear.shape[0]), slice(0, self.clear.shape[1]))
        points = self.points
        if part.within is not None:
            found = points.within(part.within)
            if found is None:
                return
            window, points = found
        if not self.clear[window].any():
            return
        distance = part.shape(points)
        share = coverage(distance, width_mm=points.sheet.width_mm) * self.clear[window]
        block = extent(share)
        if block is None:
            return
        # what fills a part costs more than its outline: only where the part is
        points, share, distance = points.crop(block), share[block], distance[block]
        window = nested(window, block)
        if isinstance(part, Bone):
            self._bone(part, points, (distance, share), window, state)
            return
        share = share * part.opacity
        fill = part.fill(points) if callable(part.fill) else part.fill
        for kind, amount in fill.items():
            self.species[(kind, *window)] += share * amount
        self.clear[window] -= share

    def _bone(self, bone: Bone, p: Points, outline: tuple[Array, Array], window: Window, state: MarrowState) -> None:
        distance, whole = outline
        depth = -distance - bone.cortex(p)
        inside = np.minimum(coverage(-depth, width_mm=p.sheet.width_mm) * self.clear[window], whole)
        marrow = state(bone, p, bone.place(p), depth)
        for kind, amount in mix(marrow.fat, marrow.edema, marrow.tumor, marrow.fluid, marrow.fibrous, marrow.mineral):
            self.species[(kind, *window)] += inside * amount
        self.species[(Species.MINERAL, *window)] += whole - inside
        self.lesion[window] += inside * marrow.lesion
        self.mineral[window] += inside * marrow.mineral
        self.marrow.setdefault(bone.label, np.zeros(self.clear.shape))[window] += inside
        self.clear[window] -= whole


def _slice(anatomy: Anatomy, state: MarrowState, sheets: tuple[Sheet, ...], weights: Array) -> Rendering:
    shape = sheets[0].shape
    species, lesion, mineral = np.zeros((len(Species), *shape)), np.zeros(shape), np.zeros(shape)
    marrow: dict[int, Array] = {}
    for sheet, weight in zip(sheets, weights, strict=True):
        canvas = _Canvas(locate(anatomy.subject, sheet))
        for part in anatomy.parts:
            canvas.paint(part, state)
        species += weight * canvas.species
        lesion += weight * canvas.lesion
        mineral += weight * canvas.mineral
        for label, share in canvas.marrow.items():
            marrow[label] = marrow.get(label, 0.0) + weight * share
    labels = np.zeros(shape, np.uint8)
    for label, share in marrow.items():
        labels[share >= 0.5] = label
    total = np.sum(list(marrow.values()), axis=0) if marrow else np.zeros(shape)
    return Rendering(
        species=species.astype(np.float32),
        marrow_share=total.astype(np.float32),
        bone_labels=labels,
        mineral_share=mineral.astype(np.float32),
        lesion_share=lesion.astype(np.float32),
    )


def render(
    anatomy: Anatomy,
    geometry: VolumeGeometry,
    *,
    state: MarrowState,
    profile: SliceProfile,
    body_to_patient: Array | None = None,
    workers: int = 2,
) -> Rendering:
    """Integrate a body over the voxels of a grid.

    In plane, the signed distance gives the covered share of a pixel; along the normal, sub-slices are
    weighted by the slice profile.

    Parameters
    ----------
    anatomy : Anatomy
        The body.
    geometry : VolumeGeometry
        Any grid in patient space; gaps are the difference of slice distance and thickness.
    state : callable
        Marrow at points of a bone.
    profile : SliceProfile
        How thick a slice is.
    body_to_patient : ndarray of float64, shape (4, 4), or None
        Rigid pose of the body in the scanner, LPS mm; None when the body's origin is the patient origin.
    workers : int
        Threads; slices are independent, so the result does not depend on it.

    Returns
    -------
    Rendering
        Shares and labels in every voxel.
    """
    to_body = np.eye(4) if body_to_patient is None else np.asarray(np.linalg.inv(body_to_patient), np.float64)
    axes, (_, row_mm, column_mm) = geometry.directions_lps, geometry.spacing_mm
    offsets, weights = profile.weights()

    def one(index: int) -> Rendering:
        sheets = tuple(
            Sheet(
                origin_mm=geometry.to_patient([index, 0, 0]) + offset * axes[:, 0],
                row_step_mm=row_mm * axes[:, 1],
                column_step_mm=column_mm * axes[:, 2],
                shape=(geometry.shape[1], geometry.shape[2]),
            ).transformed(to_body)
            for offset in offsets
        )
        return _slice(anatomy, state, sheets, weights)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        slices = list(pool.map(one, range(geometry.shape[0])))
    return Rendering(
        species=np.stack([s.species for s in slices], axis=1),
        marrow_share=np.stack([s.marrow_share for s in slices]),
        bone_labels=np.stack([s.bone_labels for s in slices]),
        mineral_share=np.stack([s.mineral_share for s in slices]),
        lesion_share=np.stack([s.lesion_share for s in slices]),
    )
