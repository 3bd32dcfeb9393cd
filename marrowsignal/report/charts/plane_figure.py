"""What the signal plane is drawn from, in drawing units, the origin at the top left."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.report.charts.chart_scale import Tick
from marrowsignal.report.charts.label_places import Box
from marrowsignal.report.charts.plane_marks import PlaneKey

__all__ = ["Arrow", "PlaneChart", "PlaneCurve", "PlaneMark", "PlaneText", "PlaneZone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """Something goes on beyond the frame: at (x, y), `turn` degrees clockwise from upwards."""

    x: float
    y: float
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneZone:
    """An area between cuts: `kind` is ``infiltration``, ``edema``, ``red`` or ``grey``."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneText:
    """A text that belongs to the ground: `upright` runs from bottom to top."""

    x: float
    y: float
    text: str
    upright: bool = False
    anchor: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneCurve:
    """A line of the model, inside the frame, with ticks of what changes along it."""

    kind: str
    path: str
    ticks: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneMark:
    """One measured point with its two intervals.

    Attributes
    ----------
    kind : str
        ``left``, ``right``, ``none``, ``lesion``, ``dark``, ``muscle``, ``fat`` or ``normal``.
    x, y : float
        Where it is drawn; at the edge where it lies beyond.
    left, right, top, bottom : float or None
        Ends of its intervals inside the frame; None without one.
    arrows : tuple of Arrow
        Where the point or an interval goes on beyond the frame.
    label : str
        Beside the mark; empty where no place was free or none is needed.
    lead : tuple of float or None
        Where a line from the mark to its label ends; None where the label is next to it.
    words : str
        Name and numbers.
    jump : str
        Where a click leads; empty for reference tissues.
    small : bool
        A part of a region, drawn smaller.
    """

    kind: str
    x: float
    y: float
    words: str
    left: float | None = None
    right: float | None = None
    top: float | None = None
    bottom: float | None = None
    arrows: tuple[Arrow, ...] = ()
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0
    lead: tuple[float, float] | None = None
    jump: str = ""
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneChart:
    """The whole figure in drawing units, the origin at the top left."""

    width: float
    height: float
    frame: Box
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zones: tuple[PlaneZone, ...]
    texts: tuple[PlaneText, ...]
    curves: tuple[PlaneCurve, ...]
    marks: tuple[PlaneMark, ...]
    keys: tuple[PlaneKey, ...]
    model_reason: str
    conditions: str
    beyond: int
    left_out: int

    def has(self, kind: str) -> bool:
        """Whether a curve or a mark of this kind is drawn."""
        return kind in {*(curve.kind for curve in self.curves), *(mark.kind for mark in self.marks)}
