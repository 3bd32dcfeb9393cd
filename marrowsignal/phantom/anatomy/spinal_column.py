"""Where the vertebrae of one person stand: endplates chained upwards from the sacrum, with their measures, in mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.disc import Disc
from marrowsignal.phantom.anatomy.skeleton import sacral_frame, sacral_tilt_deg
from marrowsignal.phantom.anatomy.spinal_canal import CanalHeights, Sac, build_sac
from marrowsignal.phantom.anatomy.spinal_levels import LEVELS, Level
from marrowsignal.phantom.anatomy.vertebra import Arch, Vertebra
from marrowsignal.phantom.solids import Frame
from marrowsignal.phantom.subject import Subject

__all__ = ["Spine", "build_spine"]

Array = NDArray[np.float64]
# sacral coordinates (u, v, w) of the S1 endplate's centre, and how much less than the sacrum it leans
_S1_ENDPLATE = (0.0, -36.9, -9.5)
_S1_LEAN_DEG = 5.5
# midline of the sac in the sacral canal (v, w) with half width and half depth, from below
_SACRAL_SAC = (
    (22.0, 10.5, 3.8, 2.6),
    (6.0, 10.7, 6.0, 3.7),
    (-12.0, 11.6, 8.4, 4.9),
    (-28.0, 12.6, 10.0, 6.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spine:
    """Vertebrae and discs in their places.

    Attributes
    ----------
    vertebrae : tuple of Vertebra
        L5 upwards to T10.
    discs : tuple of Disc
        L5/S1 upwards to T9/10; one more than vertebrae.
    sac : Sac
        The thecal sac.
    """

    vertebrae: tuple[Vertebra, ...]
    discs: tuple[Disc, ...]
    sac: Sac


class _Chain:
    """Walks up the spine: where it is, and how it leans to the front, to the left and turns."""

    def __init__(self, subject: Subject) -> None:
        self.at = np.asarray(sacral_frame(subject).point(*_S1_ENDPLATE))
        self.forward_deg = sacral_tilt_deg(subject) - _S1_LEAN_DEG
        self.level = 0.0
        self._sway = subject.normal("scoliosis_deg", 0.0, 1.2), subject.uniform("scoliosis_phase", 0.0, 6.28)
        self._turn = subject.normal("vertebral_rotation_deg", 0.0, 1.2)

    def step(self, height_mm: float, wedge_deg: float) -> Frame:
        """Frame in the middle of the next body or disc; the walk goes on at its upper face."""
        forward = np.deg2rad(self.forward_deg - 0.5 * wedge_deg)
        swing = np.sin(0.75 * self.level + self._sway[1]) * min(self.level / 1.5, 1.0)
        left, turn = np.deg2rad(self._sway[0] * swing), np.deg2rad(self._turn * swing)
        up = np.array(
            [np.sin(left), -np.sin(forward) * np.cos(left), np.cos(forward) * np.cos(left)],
        )
        middle = self.at + 0.5 * height_mm * up
        self.at = self.at + height_mm * up
        self.forward_deg -= wedge_deg
        self.level += 0.5
        return Frame.along(
            (float(middle[0]), float(middle[1]), float(middle[2])),
            main=(float(up[0]), float(up[1]), float(up[2])),
            hint=(float(np.cos(turn)), float(np.sin(turn)), 0.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    """Factors of one person."""

    lordosis: float
    wide: float
    tall: float
    deep: float
    disc: float

    @classmethod
    def of(cls, subject: Subject) -> _Build:
        # the steeper the sacrum, the deeper the lordosis: the trunk stays upright
        slope = sacral_tilt_deg(subject) - _S1_LEAN_DEG
        lumbar = sum(level.wedge + level.disc[1] for level in LEVELS[:5])
        slim = 0.985 if subject.sex == "F" else 1.03
        return cls(
            lordosis=subject.normal("lordosis_deg", 49.5 + 1.5 * (slope - 36.5), 1.8) / lumbar,
            wide=subject.normal("vertebral_width", slim, 0.025),
            deep=subject.normal("vertebral_depth", slim, 0.025),
            tall=subject.normal("vertebral_height", 1.0, 0.02),
            disc=subject.normal("disc_height", 1.0, 0.06),
        )


def _hydration(subject: Subject, name: str, index: int) -> float:
    """How wet a nucleus is: less with age, least in the two lowest discs."""
    wear = 0.011 * max(subject.age_years - 18.0, 0.0) * (1.3, 1.15, 0.9, 0.75, 0.7)[min(index, 4)]
    return float(np.clip(subject.normal(f"{name} hydration", 1.05 - wear, 0.18), 0.12, 1.0))


def _disc(subject: Subject, chain: _Chain, build: _Build, index: int) -> Disc:
    level, below = LEVELS[min(index, len(LEVELS) - 1)], LEVELS[max(index - 1, 0)]
    upper = level.name if index < len(LEVELS) else "T9"
    name = f"{upper}_{below.name if index else 'S1'}"
    wet = _hydration(subject, name, index)
    wedge = level.disc[1] * build.lordosis
    height = level.disc[0] * build.disc * (0.8 + 0.22 * wet)
    return Disc(
        name=name,
        frame=chain.step(height, wedge),
        half_width_mm=level.half_width * build.wide,
        half_depth_mm=level.half_depth * build.deep,
        height_mm=height,
        wedge_deg=wedge,
        # the sacrum's plate is no hollow but a dome
        dish_mm=(2.6 if index else 0.1, 3.0),
        fall_mm=0.0 if index else 2.4,
        bulge_mm=0.8 + 1.4 * (1.0 - wet),
        hydration=wet,
        facet_mm=level.facet[0] * build.wide,
        facet_deg=level.facet[1] + subject.normal(f"{name} facet_deg", 0.0, 3.0),
        roof_mm=level.roof + subject.normal("canal_depth_mm", 0.0, 0.6),
        pedicle_mm=(below.pedicle[0] * build.wide, level.pedicle[0] * build.wide),
    )


def _vertebra(subject: Subject, frame: Frame, level: Level, build: _Build, discs: tuple[Disc, Disc]) -> Vertebra:
    low, high = (
        subject.normal(f"{level.name} dish_mm", 2.3, 0.35),
        subject.normal(f"{level.name} dish_top_mm", 1.8, 0.35),
    )
    wear = max(subject.age_years - 40.0, 0.0) / 30.0
    lip = wear * subject.uniform(f"{level.name} lip_mm", 0.0, 2.4 if level.name[0] == "L" else 1.6)
    reach, back, rise = level.transverse
    length, half, angle = level.spinous
    return Vertebra(
        name=level.name,
        label=level.label,
        frame=frame,
        half_width_mm=level.half_width * build.wide,
        half_depth_mm=level.half_depth * build.deep,
        height_mm=level.height * build.tall,
        wedge_deg=level.wedge * build.lordosis,
        dish_mm=(low, high),
        lip_mm=lip,
        arch=Arch(
            pedicle_mm=level.pedicle[0] * build.wide,
            pedicle_half_mm=level.pedicle[1] * build.wide,
            reach_mm=reach * build.wide + subject.normal(f"{level.name} transverse_mm", 0.0, 2.0),
            back_mm=back,
            rise_mm=rise,
            spine_length_mm=length + subject.normal(f"{level.name} spinous_mm", 0.0, 1.5),
            spine_half_mm=half,
            spine_angle_deg=angle + subject.normal(f"{level.name} spinous_deg", 0.0, 2.0),
            bend_deg=subject.normal(f"{level.name} bend_deg", 0.0, 2.5),
        ),
        below=discs[0],
        above=discs[1],
        grain=subject.field("vertebral_surface", wavelength_mm=(8.0, 24.0), count=14),
    )


def _sac(subject: Subject, vertebrae: tuple[Vertebra, ...]) -> Sac:
    sacrum = sacral_frame(subject)
    path = [sacrum.point(0.0, v, w) for v, w, _, _ in _SACRAL_SAC]
    sizes = [(wide, deep) for _, _, wide, deep in _SACRAL_SAC]
    for index, v in enumerate(vertebrae):
        # the roof is 1.2 mm lower in the midline; epidural fat takes 1.5 mm in front and a little behind
        wide, deep = 9.6 - 0.12 * index, 0.5 * (v.canal_mm - 3.6)
        for face in (-0.1, 0.45) if index == 0 else (-0.45, 0.45):
            path.append(v.frame.point(0.0, v.half_depth_mm + 1.5 + deep, face * v.height_mm))
            sizes.append((wide, deep))
    conus = vertebrae[4].frame.origin_mm[2] + subject.normal("conus_mm", -6.0, 9.0)
    end = sacrum.point(0.0, subject.normal("sac_end_mm", 6.0, 6.0), 10.7)[2]
    return build_sac(
        subject,
        path=tuple(path),
        half_sizes=tuple(sizes),
        heights=CanalHeights(sac_end_mm=end, fat_end_mm=path[len(_SACRAL_SAC) - 1][2], conus_mm=conus),
    )


def build_spine(subject: Subject) -> Spine:
    """Put a person's vertebrae on the sacrum.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    Spine
        Vertebrae and discs.
    """
    build, chain = _Build.of(subject), _Chain(subject)
    discs, frames = [_disc(subject, chain, build, 0)], []
    for index, level in enumerate(LEVELS):
        frames.append(chain.step(level.height * build.tall, level.wedge * build.lordosis))
        discs.append(_disc(subject, chain, build, index + 1))
    vertebrae = tuple(
        _vertebra(subject, frame, level, build, (discs[i], discs[i + 1]))
        for i, (frame, level) in enumerate(zip(frames, LEVELS, strict=True))
    )
    return Spine(vertebrae=vertebrae, discs=tuple(discs), sac=_sac(subject, vertebrae))
