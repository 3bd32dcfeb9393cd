"""One muscle of the trunk and how muscles share the space under the deep fascia."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.texture import Fascicles, fascicles, sheet_share
from marrowsignal.phantom.sheet import Ball, Window, extent, nested
from marrowsignal.phantom.solids import Points, Vector, coverage
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["Grain", "Muscle", "View", "column", "muscle_shares"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """Points as one side of the body sees them.

    Attributes
    ----------
    p : Points
        The points.
    x : ndarray of float64
        To the outside of this side, mm.
    y : ndarray of float64
        To the back, mm, as if the spine were curved as it is on average.
    depth : ndarray of float64
        Below the deep fascia, mm.
    """

    p: Points
    x: Array
    y: Array
    depth: Array

    @property
    def z(self) -> Array:
        """Up."""
        return self.p.z


@dataclass(frozen=True, slots=True, kw_only=True)
class Grain:
    """How the fibres of a muscle look.

    Attributes
    ----------
    along : tuple of float
        Fibre direction on the left side.
    sheets : tuple of float or None
        Direction in which fat sheets are wide on the left side.
    spacing_mm, amount, half_width_mm : float
        Fat streaks, see `fascicles`.
    """

    along: Vector
    sheets: Vector | None = None
    spacing_mm: float = 8.0
    amount: float = 0.6
    half_width_mm: float = 0.4

    def on(self, sign: float) -> Vector | tuple[Vector, Vector]:
        """Directions of fibres and sheets on the left side (1) or the right (-1)."""
        x, y, z = self.along
        if self.sheets is None:
            return sign * x, y, z
        return (sign * x, y, z), (sign * self.sheets[0], self.sheets[1], self.sheets[2])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Muscle:
    """A paired muscle, described for the left side.

    Attributes
    ----------
    name : str
        Anatomical name.
    shape : callable
        Signed distance in the view of a side, mm.
    within : Ball
        Where the left one can lie.
    grain : Grain
        Its fat streaks.
    gap_mm : float
        Fat between it and what comes later.
    gain : callable or None
        How much fattier it is from place to place; None for evenly.
    split : callable or None
        Signed distance to fat sheets in it, mm; None for none.
    """

    name: str
    shape: Callable[[View], Array]
    within: Ball
    grain: Grain
    gap_mm: float = 2.0
    gain: Callable[[View], Array] | None = None
    split: Callable[[View], Array] | None = None

    def prepared(self, subject: Subject) -> tuple[Side, Side]:
        """Both sides of this muscle in a person."""
        sides = []
        for sign, side in ((1.0, "left"), (-1.0, "right")):
            texture = fascicles(
                subject,
                f"{side} {self.name}",
                along=self.grain.on(sign),
                spacing_mm=self.grain.spacing_mm,
                amount=self.grain.amount,
                half_width_mm=self.grain.half_width_mm,
            )
            bulk = subject.normal(f"{side} {self.name} bulk_mm", 0.0, 0.7)
            sides.append(Side(muscle=self, sign=sign, texture=texture, bulk_mm=bulk))
        return sides[0], sides[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Space:
    """What muscles share while they are painted: place, unevenness, space that is left, species so far."""

    y: Array
    depth: Array
    uneven: Array
    planes: Array
    clear: Array
    shares: dict[Species, Array]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """A muscle of one side with its texture.

    Attributes
    ----------
    muscle : Muscle
        Which.
    sign : float
        1 for the left, -1 for the right.
    texture : Fascicles
        Fat share at points.
    bulk_mm : float
        How much thicker this side is.
    within : Ball
        Where it can lie.
    """

    muscle: Muscle
    sign: float
    texture: Fascicles
    bulk_mm: float
    within: Ball = field(init=False)

    def __post_init__(self) -> None:
        x, y, z = self.muscle.within.centre_mm
        ball = Ball(centre_mm=(self.sign * x, y, z), radius_mm=self.muscle.within.radius_mm)
        object.__setattr__(self, "within", ball)

    def paint(self, p: Points, canvas: _Space) -> None:
        """Add this muscle where space is clear, and take the space and its fat plane."""
        found = p.within(self.within)
        if found is None:
            return
        window, cut = found
        view = View(p=cut, x=self.sign * cut.x, y=canvas.y[window], depth=canvas.depth[window])
        distance = self.muscle.shape(view) - self.bulk_mm + canvas.uneven[window]
        free = canvas.clear[window]
        gap = self.muscle.gap_mm * np.clip(0.5 + 0.5 * canvas.planes[window], 0.1, 1.7)
        near = coverage(distance - gap, width_mm=cut.sheet.width_mm) * free
        block = extent(near)
        if block is None:
            return
        self._fill(cut.crop(block), canvas, nested(window, block), (distance[block], near[block]))

    def _fill(self, cut: Points, canvas: _Space, window: Window, outline: tuple[Array, Array]) -> None:
        """Fascicles, fascia and the fat plane around, in the block that holds them."""
        distance, near = outline
        view = View(p=cut, x=self.sign * cut.x, y=canvas.y[window], depth=canvas.depth[window])
        width, shares, free = cut.sheet.width_mm, canvas.shares, canvas.clear[window]
        body = coverage(distance, width_mm=width) * free
        grain = self.texture.fine.on(cut.sheet)
        fat = self.texture.fat(cut, grain)
        if self.muscle.gain is not None:
            fat = fat * self.muscle.gain(view)
        if self.muscle.split is not None:
            half = np.clip(0.65 + 0.45 * canvas.uneven[window], 0.1, 1.3)
            fat = fat + 0.85 * sheet_share(self.muscle.split(view), half_width_mm=half, width_mm=width)
        fat = np.minimum(fat, 0.95)
        firm = np.clip(0.25 + 0.25 * canvas.planes[window], 0.05, 0.6)
        rim = sheet_share(distance + 0.2, half_width_mm=firm, width_mm=width)
        around = np.maximum(near - body, 0.0)
        fibres = body * (1.0 - rim)
        lean = fibres * (1.0 - fat)
        # endomysium, and capillaries out of step with the fat
        wet, dry = np.clip(0.016 - 0.034 * grain, 0.0, 0.11) * lean, np.clip(0.045 - 0.03 * grain, 0.0, 0.12) * lean
        shares[Species.MUSCLE][window] += lean - wet - dry
        shares[Species.FLUID][window] += wet
        shares[Species.FAT][window] += fibres * fat + around
        shares[Species.FIBROUS][window] += body * rim + dry
        canvas.clear[window] = free - body - around


def muscle_shares(
    sides: tuple[Side, ...], view: View, *, clear: Array, uneven: Array, planes: Array
) -> tuple[dict[Species, Array], Array]:
    """Paint muscles in their order.

    Parameters
    ----------
    sides : tuple of Side
        What comes first takes the space of what comes later.
    view : View
        Where; as the left side sees it.
    clear : ndarray of float64
        Share of space that muscles may take.
    uneven : ndarray of float64
        Displacement of the muscle surfaces, mm.
    planes : ndarray of float64
        How wide fat planes and how thick fasciae are, mean 0 and standard deviation 1.

    Returns
    -------
    dict of Species to ndarray, and ndarray
        Shares, and the share of space that no muscle took.
    """
    kinds = (Species.MUSCLE, Species.FAT, Species.FIBROUS, Species.FLUID)
    space = _Space(
        depth=view.depth,
        y=view.y,
        uneven=uneven,
        planes=planes,
        clear=clear.copy(),
        shares={kind: np.zeros(clear.shape) for kind in kinds},
    )
    for side in sides:
        side.paint(view.p, space)
    return space.shares, space.clear


def column(
    view: View, *, heights: tuple[float, ...], x: tuple[float, ...], y: tuple[float, ...], radii: tuple[float, ...]
) -> Array:
    """Signed distance to an upright round muscle whose centre and radius change with height.

    A radius below 0 at the last heights closes it.
    """
    dx = view.x - np.interp(view.z, heights, x)
    dy = view.y - np.interp(view.z, heights, y)
    return np.asarray(0.93 * (np.sqrt(dx * dx + dy * dy) - np.interp(view.z, heights, radii)))
