"""The trunk of one person, from the lowest ribs to the upper thighs, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.body_surface import BodySurface, body_surface, subcutis
from marrowsignal.phantom.anatomy.bowel import Cavity, bowel_layers
from marrowsignal.phantom.anatomy.femur import femur_landmarks, femur_parts
from marrowsignal.phantom.anatomy.gluteal_muscles import Wing, fit_wing, gluteal_muscles
from marrowsignal.phantom.anatomy.lung import lung_layer
from marrowsignal.phantom.anatomy.muscle import Muscle, View
from marrowsignal.phantom.anatomy.pelvis import pelvis_landmarks, pelvis_parts
from marrowsignal.phantom.anatomy.ribs import lower_ribs
from marrowsignal.phantom.anatomy.soft_tissue import SoftTissue, Tuft
from marrowsignal.phantom.anatomy.spine import spine_landmarks, spine_parts, vertebra_frames
from marrowsignal.phantom.anatomy.texture import septa, threads
from marrowsignal.phantom.anatomy.thigh import thigh_parts
from marrowsignal.phantom.anatomy.torso_muscles import torso_muscles
from marrowsignal.phantom.anatomy.vessels import nerve_layers, vessel_layers
from marrowsignal.phantom.anatomy.viscera import draw_organs, organ_balls, organ_layers
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Anatomy, Bone, Layer
from marrowsignal.phantom.sheet import Ball, Sheet
from marrowsignal.phantom.solids import Frame, Points, ramp
from marrowsignal.phantom.subject import Subject

__all__ = ["build_trunk"]

Array = NDArray[np.float64]
# middle of the vertebral bodies L5 to T10 on average: height, place to the back
_SPINE = (
    (43.0, 81.0, 119.0, 154.0, 188.0, 218.0, 246.0, 272.0),
    (-40.6, -48.0, -48.0, -43.7, -37.2, -30.5, -25.2, -21.3),
)
# walls of the lesser pelvis below this height, iliac wings above; no wing above the crest
_BRIM_MM, _CREST_MM = -52.0, 76.0
_ROW = 128
_RING = ("sacrum", "left_ilium", "right_ilium")


def _rows(points: Array) -> Points:
    """Loose points as a sheet of short rows; the last point fills what is left over."""
    padded = np.concatenate([points, np.repeat(points[-1:], -len(points) % _ROW, axis=0)])
    x, y, z = padded.T.reshape(3, -1, _ROW)
    none = Sheet(
        origin_mm=np.zeros(3),
        row_step_mm=np.array([0.0, 0.0, 1.0]),
        column_step_mm=np.array([1.0, 0.0, 0.0]),
        shape=x.shape,
    )
    return Points(x=x, y=y, z=z, sheet=none)


def _off_bone(bone: Bone, p: Points) -> Array:
    """Distance to a bone; far away from it the distance to its ball is near enough."""
    x, y, z = bone.within.centre_mm
    beyond = np.sqrt((p.x - x) ** 2 + (p.y - y) ** 2 + (p.z - z) ** 2) - bone.within.radius_mm
    near = beyond <= 10.0
    return np.where(near, bone.shape(p), beyond) if near.any() else beyond


def _between_walls(view: View, wing: Wing) -> Array:
    """Distance to what bounds the pelvis on the sides, in front and below where no bone or muscle does."""
    x, y, z = view.x, view.y, view.z
    medial = np.maximum(-wing.outside(view) - 4.0, z - _CREST_MM)
    lesser = np.maximum(48.0 + 0.1 * (z + 90.0) + 0.5 * np.minimum(y + 42.0, 0.0) - x, z - _BRIM_MM)
    groin = np.maximum((z + 84.0 - 1.15 * (x - 8.0)) / 1.52, y + 88.0)
    return np.asarray(np.minimum(np.minimum(medial, lesser), groin))


def _walls(
    surface: BodySurface, muscles: tuple[Muscle, ...], bones: tuple[Layer | Bone, ...], wing: Wing
) -> Callable[[Points, Array], Array]:
    """Distance of points (with their height over the average spine) to the walls of abdomen and pelvis."""
    firm = [muscle.shape for muscle in muscles if muscle.name != "levator_ani"]
    ring = [part for part in bones if isinstance(part, Bone) and part.name in _RING]

    def distance(p: Points, y: Array) -> Array:
        depth = -surface.fascia(p)
        view = View(p=p, x=p.ax, y=y, depth=depth)
        # the wall is thinner in front
        room = np.minimum(depth - 21.0 + 5.0 * ramp(y, -95.0, -125.0), _between_walls(view, wing))
        room = np.minimum(room, np.minimum.reduce([shape(view) for shape in firm]) - 2.5)
        return np.asarray(np.minimum(room, np.minimum.reduce([_off_bone(bone, p) for bone in ring]) - 4.5))

    return distance


def _cavity(walls: Callable[[Points, Array], Array], levels: Mapping[str, Frame]) -> tuple[Cavity, Cavity]:
    """Distance of loose points to the walls: for organs and large bowel, and for small bowel."""
    # the sacral hollow is the back wall below
    knots = sorted((f.origin_mm[2], f.origin_mm[1] - 42.0) for f in levels.values())
    back = np.array([(-100.0, 20.0), (-40.0, -10.0), (0.0, -40.0), *knots]).T
    lean = _lean(levels)

    def room(points: Array) -> Array:
        p = _rows(points)
        return walls(p, p.y - lean(p.z)).reshape(-1)[: len(points)]

    def narrow(points: Array) -> Array:
        x, y, z = points.T
        behind = np.interp(z, *back) + 0.6 * np.maximum(np.abs(x) - 30.0, 0.0) - y
        behind = np.minimum(behind, z + 100.0)
        some = behind > 0.0
        behind[some] = np.minimum(behind[some], room(points[some]))
        return np.asarray(behind)

    return room, narrow


def _lean(levels: Mapping[str, Frame]) -> Callable[[Array], Array]:
    """How far the spine lies behind its average place at a height."""
    knots = sorted(
        (f.origin_mm[2], f.origin_mm[1] - float(np.interp(f.origin_mm[2], *_SPINE))) for f in levels.values()
    )
    heights, shifts = np.array([(0.0, 0.0), *knots]).T
    return lambda z: np.asarray(np.interp(z, heights, shifts))


def _tufts(subject: Subject) -> tuple[Tuft, ...]:
    """Presacral and mesorectal vessels, and those of the mesentery."""
    return (
        Tuft(
            vessels=threads(subject, "presacral vessel", wavelength_mm=(15.0, 40.0), radius_mm=0.95),
            within=Ball(centre_mm=(0.0, -18.0, -28.0), radius_mm=62.0),
            slow=0.26,
        ),
        Tuft(
            vessels=threads(subject, "mesenteric vessel", wavelength_mm=(24.0, 50.0), radius_mm=1.2),
            within=Ball(centre_mm=(0.0, -108.0, 80.0), radius_mm=105.0),
            slow=0.2,
        ),
    )


def _bones(subject: Subject) -> tuple[Layer | Bone, ...]:
    return (*spine_parts(subject), *pelvis_parts(subject), *femur_parts(subject))


def build_trunk(subject: Subject) -> Anatomy:
    """Build the trunk of a person.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    Anatomy
        Parts from front to back: air, bones with their joints, vessels, organs, muscles, fat.
    """
    surface = body_surface(subject)
    bones = _bones(subject)
    levels = vertebra_frames(subject)
    hip = next(part for part in bones if isinstance(part, Bone) and part.name == "left_ilium")
    wing = fit_wing(hip)
    muscles = gluteal_muscles(subject, wing) + torso_muscles(subject)
    room, narrow = _cavity(_walls(surface, muscles, bones, wing), levels)
    organs = draw_organs(subject, room)
    tissue = SoftTissue(
        surface=surface,
        subcutis=subcutis(subject),
        muscles=tuple(side for muscle in muscles for side in muscle.prepared(subject)),
        lean=_lean(levels),
        ribs=lower_ribs(subject, surface),
        uneven=subject.field("muscle surface", wavelength_mm=(20.0, 55.0), count=16),
        planes=subject.field("fat planes", wavelength_mm=(14.0, 60.0), count=16),
        haze=subject.field("deep fat haze", wavelength_mm=(5.0, 22.0), count=28),
        walls=septa(subject, "deep fat", lobule_mm=12.0, half_width_mm=0.2),
        vessels=threads(subject, "deep vessel", wavelength_mm=(22.0, 48.0), radius_mm=0.85),
        tufts=_tufts(subject),
    )
    parts = (
        Layer(name="air", shape=lambda p: -surface.skin(p), fill=COMPOSITIONS["air"]),
        *bones,
        *nerve_layers(subject),
        *vessel_layers(subject, levels),
        *thigh_parts(subject),
        lung_layer(subject, surface),
        *organ_layers(subject, organs, surface),
        *bowel_layers(subject, large=room, small=narrow, keep_clear=organ_balls(organs)),
        Layer(name="soft_tissue", shape=lambda p: np.full_like(p.x, -1e3), fill=tissue),
    )
    marks = (*spine_landmarks(subject), *pelvis_landmarks(subject), *femur_landmarks(subject))
    return Anatomy(body="trunk", subject=subject, parts=parts, landmarks=marks)
