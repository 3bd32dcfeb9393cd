"""The pelvic ring of one person: sacrum, hip bones and the joints between them, in painting order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.hip_bone import HipBone, hip_bone
from marrowsignal.phantom.anatomy.sacroiliac_joint import JointSurface, joint_layers, ligament_layers
from marrowsignal.phantom.anatomy.sacrum import Sacrum, sacral_contents, sacrum_bone
from marrowsignal.phantom.anatomy.spinal_column import build_spine
from marrowsignal.phantom.anatomy.vertebra import Vertebra
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Bone, Landmark, Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, ellipsoid, tube
from marrowsignal.phantom.subject import Subject

__all__ = ["pelvis_landmarks", "pelvis_parts"]

Array = NDArray[np.float64]
Vector = tuple[float, float, float]


def _symphysis(hip: HipBone) -> Layer:
    _, y, z = hip.centre_mm

    def shape(p: Points) -> Array:
        # flat discs lean with the pubic bodies
        lean = p.y - y + 46.0 + 0.45 * (p.z - z + 27.0)
        return ellipsoid((p.x, lean, p.z), centre=(0.0, 0.0, z - 27.0), radii=(6.0, 9.5, 18.0))

    return Layer(
        name="symphysis",
        shape=shape,
        fill=COMPOSITIONS["annulus"],
        within=Ball(centre_mm=(0.0, y - 46.0, z - 26.0), radius_mm=30.0),
    )


def _long_ligaments(hip: HipBone, name: str) -> tuple[Layer, ...]:
    """Sacrotuberous and sacrospinous ligament: from the edge of the lower sacrum to the ischium."""
    x, y, z = hip.centre_mm
    sacral = hip.joint.frame.point
    tuberosity = (x - 29.0 + hip.spread_mm, y + 25.0, z - 52.0 * hip.long)
    spine = (x - 30.0, y + 36.0, z - 14.0)
    paths = {
        "sacrotuberous": ((sacral(31.0, 46.0, 12.0), sacral(38.0, 66.0, -2.0), tuberosity), (5.0, 3.6, 4.5)),
        "sacrospinous": ((sacral(17.0, 68.0, 3.0), spine), (5.0, 2.4)),
    }

    def layer(ligament: str, path: tuple[Vector, ...], radii: tuple[float, ...]) -> Layer:
        middle = np.mean(path, axis=0)
        reach = max(float(np.linalg.norm(np.subtract(point, middle))) for point in path) + 6.0
        return Layer(
            name=f"{name}_{ligament}",
            shape=lambda p: tube((hip.side * p.x, p.y, p.z), path=path, radii=radii),
            fill=COMPOSITIONS["ligament"],
            within=Ball(centre_mm=(hip.side * float(middle[0]), float(middle[1]), float(middle[2])), radius_mm=reach),
        )

    return tuple(layer(ligament, *course) for ligament, course in paths.items())


# joint space of the lowest facet joints
_FACET_GAP_MM = 1.5


def _clear_of(l5: Vertebra, sacrum: Bone) -> Bone:
    """Sacrum that leaves room for the arch of L5, as its facets do."""

    def shape(p: Points) -> Array:
        distance = sacrum.shape(p)
        found = p.within(l5.reach)
        if found is not None:
            window, near = found
            distance[window] = np.maximum(distance[window], _FACET_GAP_MM - l5.distance(near))
        return distance

    return replace(sacrum, shape=shape)


def pelvis_parts(subject: Subject) -> tuple[Layer | Bone, ...]:
    """Build the pelvic ring with what lies in the sacrum and in its joints.

    To be painted after the thecal sac and the lowest disc, before the soft parts of the hip joints.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    tuple of Layer or Bone
        Front to back: roots, fat and discs in the sacrum, joint cartilage, bones, ligaments.
    """
    joint = JointSurface.of(subject)
    sacrum = Sacrum.of(subject, joint)
    hips = tuple(HipBone.of(subject, joint, side) for side in (1, -1))
    return (
        *sacral_contents(subject, sacrum),
        *joint_layers(joint),
        _clear_of(build_spine(subject).vertebrae[0], sacrum_bone(subject, sacrum)),
        *(hip_bone(subject, hip) for hip in hips),
        _symphysis(hips[0]),
        *ligament_layers(subject, joint),
        *_long_ligaments(hips[0], "left"),
        *_long_ligaments(hips[1], "right"),
    )


def _vector(v: Array) -> Vector:
    return float(v[0]), float(v[1]), float(v[2])


def _negative(v: Vector) -> Vector:
    return -v[0], -v[1], -v[2]


def _joint_landmarks(joint: JointSurface, side: int, name: str) -> tuple[Landmark, ...]:
    outwards = joint.normal(side, 8.0)
    return (
        Landmark(
            name=f"{name}_sij_sacral",
            bone="sacrum",
            point_mm=joint.point(side, 8.0, -2.0, 0.0),
            axis=_negative(outwards),
            radius_mm=20.0,
        ),
        Landmark(
            name=f"{name}_sij_iliac",
            bone=f"{name}_ilium",
            point_mm=joint.point(side, 8.0, -2.0, joint.gap_mm),
            axis=outwards,
            radius_mm=20.0,
        ),
        Landmark(
            name=f"{name}_ala",
            bone="sacrum",
            point_mm=joint.point(side, -12.0, -3.0, -17.0),
            axis=outwards,
            radius_mm=14.0,
        ),
        Landmark(
            name=f"{name}_ilium_body",
            bone=f"{name}_ilium",
            point_mm=joint.point(side, 5.0, 0.0, joint.gap_mm + 11.0),
            axis=outwards,
            radius_mm=10.0,
        ),
    )


def _hip_landmarks(hip: HipBone, name: str) -> tuple[Landmark, ...]:
    x, y, z = hip.centre_mm

    def spot(place: str, offset: Vector, axis: Vector, radius_mm: float) -> Landmark:
        point = (hip.side * (x + offset[0]), y + offset[1], z + offset[2])
        direction = (hip.side * axis[0], axis[1], axis[2])
        return Landmark(
            name=f"{name}_{place}", bone=f"{name}_ilium", point_mm=point, axis=direction, radius_mm=radius_mm
        )

    crest, below = (np.array(hip.crest(depth)) for depth in (3.0, 15.0))
    inwards = (below - crest) / np.linalg.norm(below - crest)
    return (
        spot("acetabulum", (0.0, 0.0, hip.cup_mm), (0.0, 0.0, 1.0), hip.cup_mm),
        spot("ischium", (-22.0 + hip.spread_mm, 20.0, -48.0), (0.0, 0.0, -1.0), 12.0),
        spot("iliac_crest", _vector(crest), _vector(inwards), 8.0),
    )


def pelvis_landmarks(subject: Subject) -> tuple[Landmark, ...]:
    """Places in the pelvic ring where findings sit.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    tuple of Landmark
        Sacroiliac joint surfaces, alae, acetabula (roof), ilia, crests and ischia of both sides, S1 and S2.
    """
    joint = JointSurface.of(subject)
    frame = joint.frame
    down = frame.axes[1]
    marks = [
        Landmark(name="S1_body", bone="sacrum", point_mm=frame.point(0.0, -21.0, -9.5), axis=down, radius_mm=13.0),
        Landmark(name="S2_body", bone="sacrum", point_mm=frame.point(0.0, 8.0, -4.0), axis=down, radius_mm=10.0),
    ]
    for side, name in ((1, "left"), (-1, "right")):
        marks += _joint_landmarks(joint, side, name)
        marks += _hip_landmarks(HipBone.of(subject, joint, side), name)
    return tuple(marks)
