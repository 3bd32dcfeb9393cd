"""The signal plane of a cohort: every study at its T1 and STIR over muscle, with the protocol's cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.page.page_data import CohortData, RegionValues
from marrowsignal.errors import ProtocolError
from marrowsignal.patterns.records import PatternClass
from marrowsignal.protocol.loader import load_protocol, protocol_sha256
from marrowsignal.protocol.schema import EvidenceCuts
from marrowsignal.report.charts.chart_scale import Scale, Tick
from marrowsignal.report.charts.label_places import Box
from marrowsignal.report.charts.plane_chart import plane_zones
from marrowsignal.report.charts.plane_figure import PlaneText, PlaneZone

__all__ = ["CLASS_SHAPES", "CohortPlane", "PlaneDots", "cohort_plane", "dot_path"]

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 640.0, 520.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 632.0, 10.0, 474.0
_ROOM = 0.04
_SHARE = (0.5, 99.5)  # percent of the values that the frame holds; what lies farther out stands at its edge
# Shape beside color: no reader needs the color. Each is drawn about the point (x, y).
CLASS_SHAPES = {
    PatternClass.NORMAL_FOR_AGE: "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
    PatternClass.SYMMETRIC_RECONVERSION_LIKE: "m-2-2h4v4h-4z",
    PatternClass.FOCAL_EDEMA_LIKE: "m0-3l3 3l-3 3l-3-3z",
    PatternClass.MIXED: "m0-3l3 5h-6z",
    PatternClass.RED_FLAG_INFILTRATION_LIKE: "m0 3l3-5h-6z",
    PatternClass.INDETERMINATE: "m-3-.6h2.4v-2.4h1.2v2.4h2.4v1.2h-2.4v2.4h-1.2v-2.4h-2.4z",
    PatternClass.CANNOT_ASSESS: "m-2.5-1.6l.9-.9l1.6 1.6l1.6-1.6l.9.9l-1.6 1.6l1.6 1.6l-.9.9l-1.6-1.6l-1.6 1.6l-.9-.9"
    "l1.6-1.6z",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneDots:
    """All studies of one class as one path; `kind` is the class in lower case."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPlane:
    """The figure in drawing units, the origin at the top left; the report's pieces draw its axes.

    Attributes
    ----------
    dots : tuple of PlaneDots
        Whole marrow of each study.
    x, y : Scale
        Axes, for the script.
    beyond : int
        Studies that stand at the edge because they lie beyond the frame.
    missing : int
        Analyzed studies without both ratios.
    notes : tuple of str
        What the cuts are, and for how many studies they are not.
    """

    width: float
    height: float
    frame: Box
    x: Scale
    y: Scale
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zones: tuple[PlaneZone, ...]
    texts: tuple[PlaneText, ...]
    dots: tuple[PlaneDots, ...]
    beyond: int
    missing: int
    notes: tuple[str, ...]


def cohort_plane(data: CohortData) -> CohortPlane | None:
    """Make the plane; None where no study has both ratios of its whole marrow.

    Parameters
    ----------
    data : CohortData
        The cohort.
    """
    whole = [region for region in data.regions if region.whole]
    study = np.concatenate([np.zeros(0, np.int64), *(one.study for one in whole)])
    across = np.concatenate([np.zeros(0), *(one.t1_to_muscle for one in whole)])
    upward = np.concatenate([np.zeros(0), *(one.stir_to_muscle for one in whole)])
    both = np.isfinite(across + upward)
    study, across, upward = study[both], across[both], upward[both]
    if study.size == 0:
        return None
    evidence, notes = _cuts(data)
    x, y = _scales(data.regions, evidence)
    zones, texts = plane_zones(evidence, x=x, y=y) if evidence is not None else ((), ())
    outside = (across < x.low) | (across > x.high) | (upward < y.low) | (upward > y.high)
    classes = data.studies.text("pattern_class")
    done = sum(state == "done" for state in data.studies.text("state"))
    return CohortPlane(
        width=WIDTH,
        height=HEIGHT,
        frame=Box(left=LEFT, top=TOP, right=RIGHT, bottom=BOTTOM),
        x=x,
        y=y,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        zones=zones,
        texts=texts,
        dots=_dots([classes[at] for at in study.tolist()], across, upward, x, y),
        beyond=int(outside.sum()),
        missing=done - np.unique(study).size,
        notes=notes,
    )


def dot_path(points: Sequence[tuple[float, float]], shape: str) -> str:
    """SVG path of one shape at many points.

    >>> dot_path([(3.0, 4.0)], "h1")
    'M3 4h1'
    """
    return "".join(f"M{x:g} {y:g}{shape}" for x, y in points)


def _cuts(data: CohortData) -> tuple[EvidenceCuts | None, tuple[str, ...]]:
    """Return the cuts of the protocol that most studies have, and what is to be said of the others."""
    names, hashes = data.studies.text("protocol"), data.studies.text("protocol_sha256")
    used = [(name, sha) for name, sha in zip(names, hashes, strict=True) if name]
    if not used:
        return None, ()
    name, sha = min(set(used), key=lambda one: (-used.count(one), one))
    try:
        protocol = load_protocol(name)
    except ProtocolError:
        return None, (f"The cuts of protocol {name} are not drawn: it is not one of the built-in ones.",)
    if protocol_sha256(protocol) != sha:
        return None, (f"The cuts of protocol {name} are not drawn: the studies used another version of it.",)
    others = sum(one != (name, sha) for one in used)
    told = f"Cuts of protocol {name}."
    if others:
        told += f" {others} of {len(used)} studies used another protocol, whose cuts may lie elsewhere."
    return protocol.evidence, (told,)


def _scales(regions: Sequence[RegionValues], evidence: EvidenceCuts | None) -> tuple[Scale, Scale]:
    cuts: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    if evidence is not None:
        cuts = (
            (evidence.t1_muscle_red_flag.value, evidence.t1_muscle_grey.high),
            (evidence.stir_muscle_red_max.value, evidence.stir_muscle_edema_min.value),
        )
    across = np.concatenate([one.t1_to_muscle for one in regions])
    upward = np.concatenate([one.stir_to_muscle for one in regions])
    ends = ((LEFT, RIGHT), (BOTTOM, TOP))
    x, y = (_scale(values, cut, end) for values, cut, end in zip((across, upward), cuts, ends, strict=True))
    return x, y


def _scale(values: Floats, cuts: tuple[float, ...], ends: tuple[float, float]) -> Scale:
    low, high = (float(one) for one in np.percentile(values[np.isfinite(values)], _SHARE))
    low, high = min([low, *cuts]), max([high, *cuts])
    room = _ROOM * max(high - low, 0.1)
    return Scale(low=max(low - room, 0.0), high=high + room, start=ends[0], end=ends[1])


def _dots(classes: Sequence[str], across: Floats, upward: Floats, x: Scale, y: Scale) -> tuple[PlaneDots, ...]:
    points: dict[str, list[tuple[float, float]]] = {}
    for pattern, t1, stir in zip(classes, across.tolist(), upward.tolist(), strict=True):
        at = (min(max(x(t1), LEFT), RIGHT), min(max(y(stir), TOP), BOTTOM))
        points.setdefault(pattern, []).append(at)
    return tuple(
        PlaneDots(kind=one.value.lower(), path=dot_path(points[one.value], CLASS_SHAPES[one]))
        for one in PatternClass
        if one.value in points
    )
