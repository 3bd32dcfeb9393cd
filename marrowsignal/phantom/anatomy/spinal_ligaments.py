"""What clothes a vertebra: longitudinal and spinous ligaments, basivertebral veins; distances in mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.disc import kidney
from marrowsignal.phantom.anatomy.vertebra import Vertebra
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Layer
from marrowsignal.phantom.sheet import Ball
from marrowsignal.phantom.solids import Points, box, ramp, rod, smooth_min
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["basivertebral_vein", "flank_layers", "longitudinal_ligaments", "spinous_ligaments"]

Array = NDArray[np.float64]


def basivertebral_vein(subject: Subject, vertebra: Vertebra) -> Layer:
    """Vein that enters the middle of the back wall and forks; paint before the bone.

    Parameters
    ----------
    subject : Subject
        Whose.
    vertebra : Vertebra
        Where.

    Returns
    -------
    Layer
        The vein.
    """
    back = vertebra.half_depth_mm
    depth = subject.uniform(f"{vertebra.name} basivertebral_mm", 0.45, 0.95) * back
    mouth = subject.uniform(f"{vertebra.name} basivertebral_mouth_mm", 2.0, 3.0)

    def shape(p: Points) -> Array:
        at = vertebra.frame.of(p)
        fork = (0.0, back - 0.55 * depth, -0.4)
        stem = rod(at, start=(0.0, back - 0.5, -0.5), end=fork, radii=(mouth, 1.2))
        for side in (-1.0, 1.0):
            branch = rod(at, start=fork, end=(6.5 * side, back - 1.3 * depth, 0.2), radii=(1.1, 0.6))
            stem = smooth_min(stem, branch, radius_mm=1.0)
        return stem

    centre = vertebra.frame.point(0.0, back - 0.6 * depth, 0.0)
    return Layer(
        name=f"{vertebra.name}_basivertebral_vein",
        shape=shape,
        fill={Species.FLUID: 0.3, Species.SOFT_TISSUE: 0.45, Species.FAT: 0.25},
        within=Ball(centre_mm=centre, radius_mm=0.7 * depth + 6.0),
    )


def longitudinal_ligaments(vertebra: Vertebra) -> tuple[Layer, Layer]:
    """Dark bands in front of the body and on its back wall; paint after bones and discs.

    Parameters
    ----------
    vertebra : Vertebra
        Whose piece of the ligaments.

    Returns
    -------
    tuple of Layer
        Anterior, posterior.
    """
    half, depth = 0.5 * vertebra.height_mm + 0.7 * vertebra.above.height_mm, vertebra.half_depth_mm

    def front(p: Points) -> Array:
        a, b, c = vertebra.frame.of(p)
        hollow = 1.5 * np.maximum(1.0 - (2.0 * c / vertebra.height_mm) ** 2, -0.5)
        out = kidney(a, b, half_width_mm=vertebra.half_width_mm, half_depth_mm=vertebra.half_depth_mm) + hollow
        return np.maximum(np.maximum(out - 1.3 * ramp(-b, 0.1 * depth, 0.8 * depth), b + 0.1 * depth), np.abs(c) - half)

    def back(p: Points) -> Array:
        a, b, c = vertebra.frame.of(p)
        behind = b - vertebra.half_depth_mm
        # narrow behind the body, wide over the discs
        wide = 3.5 + 5.0 * ramp(np.abs(c), 0.3 * vertebra.height_mm, 0.55 * vertebra.height_mm)
        return np.maximum(np.maximum(np.abs(behind + 1.2) - 1.9, np.abs(a) - wide), np.abs(c) - half)

    reach = float(np.hypot(half, vertebra.half_width_mm)) + 3.0
    at_back = vertebra.frame.point(0.0, vertebra.half_depth_mm, 0.0)
    return (
        Layer(
            name=f"{vertebra.name}_anterior_ligament",
            shape=front,
            fill=COMPOSITIONS["ligament"],
            within=Ball(centre_mm=vertebra.frame.origin_mm, radius_mm=reach),
        ),
        Layer(
            name=f"{vertebra.name}_posterior_ligament",
            shape=back,
            fill=COMPOSITIONS["ligament"],
            within=Ball(centre_mm=at_back, radius_mm=half + 6.0),
        ),
    )


def flank_layers(vertebra: Vertebra) -> tuple[Layer, Layer]:
    """Segmental vessels around the waist of a body, and the fat they lie in; paint after the bone.

    Parameters
    ----------
    vertebra : Vertebra
        Whose waist.

    Returns
    -------
    tuple of Layer
        Vessels, fat.
    """
    wide, depth, height = vertebra.half_width_mm, vertebra.half_depth_mm, vertebra.height_mm

    def outline(p: Points) -> tuple[Array, Array, Array, Array]:
        a, b, c = vertebra.frame.of(p)
        return kidney(a, b, half_width_mm=wide, half_depth_mm=depth), np.abs(a), b, c

    def vessels(p: Points) -> Array:
        out, a, b, c = outline(p)
        ring = np.hypot(out + 0.4, c + 1.0 + 0.12 * b) - 1.25
        return np.maximum(np.maximum(ring, 6.0 - a), b - depth)

    def fat(p: Points) -> Array:
        out, _, b, c = outline(p)
        return np.maximum(np.maximum(out - 1.0, np.abs(c) - 0.42 * height), b - depth)

    within = Ball(centre_mm=vertebra.frame.origin_mm, radius_mm=wide + 4.0)
    return (
        Layer(
            name=f"{vertebra.name}_segmental_vessels",
            shape=vessels,
            fill=COMPOSITIONS["slow_blood"],
            within=Ball(centre_mm=vertebra.frame.origin_mm, radius_mm=wide + 2.0),
        ),
        Layer(name=f"{vertebra.name}_waist_fat", shape=fat, fill=COMPOSITIONS["fat"], within=within),
    )


def spinous_ligaments(
    subject: Subject, vertebra: Vertebra, *, tip_above: tuple[float, float, float]
) -> tuple[Layer, Layer]:
    """Streaky interspinous and dark supraspinous ligament above a vertebra; paint after the bones.

    Parameters
    ----------
    subject : Subject
        Whose.
    vertebra : Vertebra
        The lower neighbour.
    tip_above : tuple of float
        Tip of the upper neighbour's spinous process.

    Returns
    -------
    tuple of Layer
        Supraspinous, interspinous.
    """
    tip = vertebra.spinous_tip()
    grain = subject.field("interspinous", wavelength_mm=(3.0, 9.0), count=14, stretch=(2.0, 2.0, 1.0))
    middle = 0.5 * (np.asarray(tip) + np.asarray(tip_above))
    length = float(np.linalg.norm(np.subtract(tip_above, tip)))

    def over(p: Points) -> Array:
        return rod((p.x, p.y, p.z), start=tip, end=tip_above, radii=(1.5, 1.5))

    front = vertebra.above.frame.point(0.0, vertebra.above.half_depth_mm + vertebra.above.roof_mm, 0.0)
    between = 0.5 * (middle + np.asarray(front))
    half = 0.5 * float(np.linalg.norm(middle - np.asarray(front))) - 2.5

    def inter(p: Points) -> Array:
        a, b, c = vertebra.above.side(p, 1.0)
        at = (a, b - vertebra.above.roof_mm - half - 1.0, c + 8.0)
        return box(at, centre=(0.0, 0.0, 0.0), half=(2.6, half + 2.0, 16.0), rounding_mm=2.5)

    def streaks(p: Points) -> dict[Species, Array]:
        fibre = ramp(grain.on(p.sheet), -0.4, 1.2)
        return {
            Species.FAT: 0.6 - 0.4 * fibre,
            Species.FIBROUS: 0.1 + 0.4 * fibre,
            Species.MUSCLE: np.full_like(fibre, 0.3),
        }

    return (
        Layer(
            name=f"{vertebra.name}_supraspinous_ligament",
            shape=over,
            fill=COMPOSITIONS["ligament"],
            within=Ball(centre_mm=(float(middle[0]), float(middle[1]), float(middle[2])), radius_mm=0.5 * length + 2.5),
        ),
        Layer(
            name=f"{vertebra.name}_interspinous_ligament",
            shape=inter,
            fill=streaks,
            within=Ball(
                centre_mm=(float(between[0]), float(between[1]), float(between[2]) - 6.0), radius_mm=half + 14.0
            ),
        ),
    )
