"""One person of the phantom: size, tilt and the random wobble of every outline, all from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.shapes import Points, SmoothField

__all__ = ["Subject", "draw_subject", "locate"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """A person.

    Attributes
    ----------
    seed : int
        Where everything random comes from.
    scale : float
        Size relative to the standard pelvis.
    sacral_tilt_deg : float
        Angle of the sacrum's long axis to the body axis.
    fat_layer_mm : float
        Subcutaneous fat over the back.
    cortex_mm : float
        Thickness of cortical bone.
    mirrored : bool
        Whether left and right are swapped: the same anatomy seen in a mirror.
    wobble : tuple of SmoothField
        Coarse displacement along x, y, z.
    fine_wobble, septa, texture, strands : SmoothField
        Fine roughness of bone surfaces; muscle fascicles; patches of soft tissue; strands in fat.
    """

    seed: int
    scale: float
    sacral_tilt_deg: float
    fat_layer_mm: float
    cortex_mm: float
    mirrored: bool
    wobble: tuple[SmoothField, SmoothField, SmoothField]
    fine_wobble: SmoothField
    septa: SmoothField
    texture: SmoothField
    strands: SmoothField


def draw_subject(seed: int, *, mirrored: bool = False) -> Subject:
    """Draw a person; the same seed gives the same person.

    Parameters
    ----------
    seed : int
        Seed of the anatomy.
    mirrored : bool
        Swap left and right of everything.

    Returns
    -------
    Subject
        The person.

    Examples
    --------
    >>> draw_subject(3).scale == draw_subject(3).scale
    True
    """
    rng = np.random.default_rng([seed, 1])
    scale, tilt, fat, cortex = rng.uniform([0.96, 33.0, 13.0, 1.1], [1.04, 38.0, 21.0, 1.4])
    coarse = [SmoothField.draw(rng, wavelength_mm=(70.0, 160.0), count=8) for _ in range(3)]
    return Subject(
        seed=seed,
        scale=float(scale),
        sacral_tilt_deg=float(tilt),
        fat_layer_mm=float(fat),
        cortex_mm=float(cortex),
        mirrored=mirrored,
        wobble=(coarse[0], coarse[1], coarse[2]),
        fine_wobble=SmoothField.draw(rng, wavelength_mm=(11.0, 26.0), count=10),
        septa=SmoothField.draw(rng, wavelength_mm=(28.0, 60.0), count=6),
        texture=SmoothField.draw(rng, wavelength_mm=(10.0, 40.0), count=10),
        strands=SmoothField.draw(rng, wavelength_mm=(14.0, 40.0), count=8),
    )


def locate(subject: Subject, x_mm: Array, y_mm: Array, z_mm: Array) -> Points:
    """Bring patient points into the subject's standard frame.

    Parameters
    ----------
    subject : Subject
        The person.
    x_mm, y_mm, z_mm : ndarray of float64
        LPS, mm; the origin is the middle of S2.

    Returns
    -------
    Points
        Standard points, in which all shapes are written.
    """
    x = -x_mm if subject.mirrored else x_mm
    xyz = [c / subject.scale for c in (x, y_mm, z_mm)]
    # 1.5 mm keeps left and right alike but never equal
    moved = [c + 1.5 * field(*xyz) for c, field in zip(xyz, subject.wobble, strict=True)]
    sine, cosine = np.sin(np.deg2rad(subject.sacral_tilt_deg)), np.cos(np.deg2rad(subject.sacral_tilt_deg))
    return Points(
        u=moved[0],
        v=moved[1] * sine - moved[2] * cosine,
        w=moved[1] * cosine + moved[2] * sine,
        x=moved[0],
        y=moved[1],
        z=moved[2],
    )
