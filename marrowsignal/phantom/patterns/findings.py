"""Focal findings in marrow, each at a landmark of the anatomy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, PositiveFloat
from pydantic.dataclasses import dataclass as validated

from marrowsignal.phantom.scene import Bone, Landmark, Marrow, Place
from marrowsignal.phantom.solids import Frame, Points, ellipsoid, ramp
from marrowsignal.phantom.subject import Subject

__all__ = ["FINDING_KINDS", "Finding", "FindingKind", "add_finding"]

Array = NDArray[np.float64]
FindingKind = Literal["edema", "fracture", "osteonecrosis", "metastasis", "sclerosis"]


@validated(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Finding:
    """A focal finding.

    Attributes
    ----------
    kind : str
        ``edema``; ``fracture`` (a dark line in edema); ``osteonecrosis`` (dark rim, bright inner line, fatty
        core); ``metastasis`` (tumor water, sharp, thin halo); ``sclerosis`` (mineral, dark on both images).
    landmark : str
        Where.
    size_mm : tuple of float
        Half axes: across, across, along the landmark's axis.
    depth_mm : float
        How far the middle lies from the landmark along its axis.
    line_across : str or None
        Landmark whose axis a fracture line crosses, for example that of the neck; None for the finding's own.
    peak : float
        Largest share of edema or tumor water, or of mineral.
    margin_mm : float
        Over how much the margin fades.
    """

    kind: FindingKind
    landmark: str
    size_mm: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    depth_mm: float = 0.0
    peak: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7
    margin_mm: Annotated[float, Field(gt=0.0)] = 6.0
    line_across: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Site:
    """Points seen from a finding: distance to its outline, to the plane of its line, and from the line's middle."""

    finding: Finding
    outline: Array
    plane_mm: Array
    reach: Array
    subject: Subject
    points: Points
    place: Place


# edema displaces red-marrow water before fat: reader-marked lesions keep a T1 of about 1.3 x muscle
# (1.08 to 1.47 on five real studies), which no edema that takes fat by its share reaches
_FAT_GIVES = 0.5


def _soaked(marrow: Marrow, share: Array) -> Marrow:
    """Edema water in place of red-marrow water, and of half as much of the fat."""
    rest = 1.0 - share
    edema = marrow.edema + (1.0 - marrow.edema) * share
    fat = marrow.fat * (1.0 - _FAT_GIVES * share)
    tumor, fibrous = marrow.tumor * rest, marrow.fibrous * rest
    room = 1.0 - edema - tumor - fibrous - marrow.fluid
    return replace(marrow, fat=np.clip(fat, 0.0, np.maximum(room, 0.0)), tumor=tumor, fibrous=fibrous, edema=edema)


def _edema_share(site: _Site) -> Array:
    f = site.finding
    cloud = 1.0 + 0.12 * site.subject.field("edema cloud", wavelength_mm=(5.0, 16.0), count=20).on(site.points.sheet)
    return np.clip(f.peak * ramp(-site.outline, -0.5 * f.margin_mm, 0.5 * f.margin_mm) * cloud, 0.0, 0.95)


def _edema(marrow: Marrow, site: _Site) -> Marrow:
    share = _edema_share(site)
    marrow = _soaked(marrow, share)
    return replace(marrow, lesion=np.maximum(marrow.lesion, np.clip(share / site.finding.peak, 0.0, 1.0)))


def _fracture(marrow: Marrow, site: _Site) -> Marrow:
    """Edema around a thin, slightly bent line of compacted trabeculae, about 1.5 mm thick, across the axis."""
    marrow = _edema(marrow, site)
    wave = 1.2 * site.subject.field("fracture line", wavelength_mm=(12.0, 30.0), count=12).on(site.points.sheet)
    line = ramp(0.75 - np.abs(site.plane_mm - wave), -0.5, 0.5) * ramp(0.8 - site.reach, -0.1, 0.1)
    keep = 1.0 - line
    return replace(
        marrow,
        fat=marrow.fat * keep,
        edema=marrow.edema * keep,
        fibrous=marrow.fibrous * keep + 0.8 * line,
        mineral=marrow.mineral * keep + 0.6 * line,
    )


def _osteonecrosis(marrow: Marrow, site: _Site) -> Marrow:
    """Necrotic volume that keeps its fat, inside a serpiginous dark rim with a bright inner line.

    The double line: reactive bone outside, granulation tissue inside (Mitchell, Radiology 1987).
    """
    wave = 1.3 * site.subject.field("necrosis rim", wavelength_mm=(7.0, 18.0), count=16).on(site.points.sheet)
    outline = site.outline + wave
    rim = ramp(1.1 - np.abs(outline - 0.9), -0.5, 0.5)
    granulation = ramp(0.8 - np.abs(outline + 1.1), -0.5, 0.5) * (1.0 - rim)
    zone = ramp(12.0 - outline, 0.0, 10.0) * (outline > 0.0)
    marrow = _soaked(marrow, 0.45 * site.finding.peak * zone * (1.0 - rim))
    keep = 1.0 - np.clip(rim + granulation, 0.0, 1.0)
    return replace(
        marrow,
        fat=marrow.fat * keep,
        edema=marrow.edema * keep + 0.85 * granulation,
        fibrous=marrow.fibrous * keep + 0.85 * rim,
        mineral=marrow.mineral * (1.0 - rim) + 0.55 * rim,
        # half of the reactive edema's peak is where the finding ends, as for every edema
        lesion=np.maximum(marrow.lesion, np.maximum(ramp(1.5 - outline, -0.5, 0.5), zone)),
    )


def _metastasis(marrow: Marrow, site: _Site) -> Marrow:
    share = site.finding.peak * ramp(-site.outline, -0.5 * site.finding.margin_mm, 0.5 * site.finding.margin_mm)
    halo = 0.3 * ramp(4.0 - site.outline, 0.0, 4.0) * (site.outline > 0.0)
    marrow = _soaked(marrow, halo)
    rest = 1.0 - share
    return replace(
        marrow,
        fat=marrow.fat * rest,
        edema=marrow.edema * rest,
        tumor=marrow.tumor * rest + share,
        mineral=marrow.mineral * (1.0 - 0.7 * share),
        lesion=np.maximum(marrow.lesion, share / site.finding.peak),
    )


def _sclerosis(marrow: Marrow, site: _Site) -> Marrow:
    share = ramp(-site.outline, -0.5 * site.finding.margin_mm, 0.5 * site.finding.margin_mm)
    return replace(
        marrow,
        fat=marrow.fat * (1.0 - 0.6 * share),
        fibrous=marrow.fibrous + 0.5 * share * (1.0 - marrow.fat - marrow.edema - marrow.tumor),
        mineral=marrow.mineral + (site.finding.peak - marrow.mineral) * share,
        lesion=np.maximum(marrow.lesion, share),
    )


FINDING_KINDS: Mapping[str, Callable[[Marrow, _Site], Marrow]] = MappingProxyType(
    {
        "edema": _edema,
        "fracture": _fracture,
        "metastasis": _metastasis,
        "osteonecrosis": _osteonecrosis,
        "sclerosis": _sclerosis,
    }
)


def _hint(axis: tuple[float, float, float]) -> tuple[float, float, float]:
    return (0.0, 0.0, 1.0) if abs(axis[2]) < 0.8 else (0.0, 1.0, 0.0)


def add_finding(
    marrow: Marrow,
    finding: Finding,
    *,
    marks: Mapping[str, Landmark],
    subject: Subject,
    bone: Bone,
    at: tuple[Points, Place],
) -> Marrow:
    """Put a finding into the marrow of its bone.

    Parameters
    ----------
    marrow : Marrow
        Before.
    finding : Finding
        What and how large.
    marks : mapping of str to Landmark
        Landmarks of the body.
    subject : Subject
        The person: the raggedness of the outline.
    bone : Bone
        The bone that is looked at; other bones than the landmark's are left as they are.
    at : tuple of Points and Place
        Where.

    Returns
    -------
    Marrow
        After.
    """
    mark = marks[finding.landmark]
    if bone.name != mark.bone:
        return marrow
    points, place = at
    middle = np.asarray(mark.point_mm) + finding.depth_mm * np.asarray(mark.axis)
    origin = (float(middle[0]), float(middle[1]), float(middle[2]))
    local = Frame.along(origin, main=mark.axis, hint=_hint(mark.axis)).of(points)
    outline = ellipsoid(local, centre=(0.0, 0.0, 0.0), radii=finding.size_mm)
    small = min(finding.size_mm)
    ragged = subject.field("finding outline", wavelength_mm=(9.0, 26.0), count=18).on(points.sheet)
    normal = marks[finding.line_across or finding.landmark].axis
    plane = Frame.along(origin, main=normal, hint=_hint(normal)).of(points)
    site = _Site(
        finding=finding,
        outline=outline + 0.12 * small * ragged,
        plane_mm=plane[2],
        reach=np.hypot(plane[0], plane[1]) / small,
        subject=subject,
        points=points,
        place=place,
    )
    return FINDING_KINDS[finding.kind](marrow, site)
