"""What makes tissue look like tissue: fat between fascicles, septa and small vessels in fat, grain.

All textures are thin sheets or threads at the zeros of random fields: the zeros of a field that is long along the
fibres are streaks along the muscle and a net of cells across it, as the perimysium is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.sheet import SmoothField
from marrowsignal.phantom.solids import Points, Vector, coverage, ramp
from marrowsignal.phantom.subject import Subject

__all__ = [
    "Fascicles",
    "Septa",
    "Threads",
    "fascicles",
    "fibre_field",
    "level_share",
    "muscle_fat",
    "septa",
    "sheet_share",
    "threads",
]

Array = NDArray[np.float64]
# how far a sample reaches through the slice
_DEPTH_MM = 1.0


def sheet_share(distance_mm: Array, *, half_width_mm: float | Array, width_mm: float | Array) -> Array:
    """Share of a sample taken by a thin sheet that lies where the distance is 0."""
    inner = np.clip(0.5 - (distance_mm - half_width_mm) / width_mm, 0.0, 1.0)
    return np.asarray(inner - np.clip(0.5 - (distance_mm + half_width_mm) / width_mm, 0.0, 1.0))


def level_share(value: Array, *, slope_per_mm: float, half_width_mm: float | Array, width_mm: float) -> Array:
    """Share of a sample taken by a thin sheet that lies where a field is 0.

    The steepness of the field in the plane is measured, so that lines are as thin as the sheet; what is missing
    to the typical steepness runs through the plane, where a sample reaches a millimetre deep: a sheet that is
    cut at a flat angle is broad and faint.
    """
    typical = slope_per_mm * slope_per_mm
    flat = np.zeros_like(value)
    if min(value.shape) > 1:
        down, across = np.gradient(value, width_mm)
        flat = np.asarray(down * down + across * across)
    through = np.maximum(typical - flat, 0.0)
    steep = np.sqrt(flat + through)
    extent = (width_mm * np.sqrt(flat) + _DEPTH_MM * np.sqrt(through)) / steep
    return sheet_share(value / steep, half_width_mm=half_width_mm, width_mm=extent)


def muscle_fat(subject: Subject) -> float:
    """How fatty the person's muscles are: 1 at 35 years on average, a tenth more for every further ten years."""
    return subject.uniform("muscle_fat", 0.5, 1.5) * (0.65 + 0.01 * subject.age_years)


def _directions(along: Vector | tuple[Vector, Vector]) -> tuple[Vector, Vector | None]:
    first, second = along[0], along[1]
    if isinstance(first, tuple) and isinstance(second, tuple):
        return first, second
    return cast("Vector", along), None


def fibre_field(
    subject: Subject,
    name: str,
    *,
    along: Vector | tuple[Vector, Vector],
    wavelength_mm: tuple[float, float],
    elongation: float = 20.0,
    count: int = 20,
) -> SmoothField:
    """Random field that is long along a fibre direction.

    Parameters
    ----------
    subject : Subject
        Whose.
    name : str
        What the field is for; the same name gives the same field.
    along : tuple of float, or two of them
        Fibre direction in the standard body, any length; a small spread about it makes streaks wavy. With a
        second direction, in which the texture is long too (3 to 1), it forms sheets and no threads.
    wavelength_mm : tuple of float
        Shortest and longest wave across the fibres.
    elongation : float
        Length to width of the texture.
    count : int
        Waves.

    Returns
    -------
    SmoothField
        Mean 0, standard deviation about 1.
    """
    rng = subject.rng(name)
    given, sheets = _directions(along)
    fibre = np.asarray(given, float) / np.linalg.norm(given)
    fibres = fibre + 0.035 * rng.standard_normal((count, 3))
    fibres /= np.linalg.norm(fibres, axis=1, keepdims=True)
    direction = rng.standard_normal((count, 3))
    axial = np.sum(direction * fibres, axis=1, keepdims=True)
    across = direction - axial * fibres
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    length = rng.uniform(*wavelength_mm, size=(count, 1))
    if sheets is not None:
        wide = np.asarray(sheets, float) - np.dot(sheets, fibre) * fibre
        wide /= np.linalg.norm(wide)
        thin = np.cross(fibre, wide)
        side = np.where(across @ thin < 0.0, -1.0, 1.0)[:, None]
        across = side * thin + np.clip(0.25 * (across @ wide), -0.35, 0.35)[:, None] * wide
    waves = 2.0 * np.pi / length * (across + np.clip(axial, -1.5, 1.5) / elongation * fibres)
    return SmoothField(waves=waves, phases=rng.uniform(0.0, 2.0 * np.pi, size=count))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fascicles:
    """Fat in a muscle, as streaks along its fibres; call it with points to get the fat share.

    Attributes
    ----------
    sheets : SmoothField
        Zero in the fat sheets between fascicles.
    slope_per_mm : float
        Typical steepness of `sheets` at its zeros.
    strength : SmoothField
        Where streaks are strong, weak or missing.
    half_width_mm, amount : float
        Half thickness of a strong streak and its share of fat.
    background : float
        Fat share between the streaks, which varies finely by a half.
    """

    sheets: SmoothField
    slope_per_mm: float
    strength: SmoothField
    half_width_mm: float
    amount: float
    background: float

    def __call__(self, p: Points) -> Array:
        """Share of fat, 0 to 1."""
        value = self.sheets.on(p.sheet)
        strong = 1.15 * ramp(self.strength.on(p.sheet), -0.8, 1.6)
        streak = level_share(
            value,
            slope_per_mm=self.slope_per_mm,
            half_width_mm=self.half_width_mm * strong,
            width_mm=p.sheet.width_mm,
        )
        grain = self.background * (1.0 + 0.5 * np.clip(value, -1.5, 1.5))
        return np.asarray(np.minimum(grain + self.amount * streak, 1.0))


def fascicles(
    subject: Subject,
    name: str,
    *,
    along: Vector | tuple[Vector, Vector],
    spacing_mm: float = 6.0,
    amount: float = 0.8,
    half_width_mm: float = 0.6,
) -> Fascicles:
    """Fat streaks of one muscle, scaled by how fatty the person's muscles are.

    Parameters
    ----------
    subject : Subject
        Whose.
    name : str
        The muscle with its side; every muscle has its own pattern.
    along : tuple of float, or two of them
        Fibre direction in the standard body (mirror x for the other side); with a second one, the direction in
        which fat sheets are wide, else fat forms a net of threads.
    spacing_mm : float
        Mean distance of neighbouring streaks across the fibres.
    amount : float
        Fat share in the middle of a strong streak.
    half_width_mm : float
        Half thickness of a strong streak in a person of middle fattiness.

    Returns
    -------
    Fascicles
        Call it with points.
    """
    fatty = muscle_fat(subject)
    # zeros of a field of sheets lie half a wavelength apart, of threads 1 / sqrt(2)
    wave = spacing_mm * (2.0 if isinstance(along[0], tuple) else np.sqrt(2.0))
    return Fascicles(
        sheets=fibre_field(
            subject,
            f"{name} sheets",
            along=along,
            wavelength_mm=(0.6 * wave, 2.4 * wave),
            elongation=40.0,
            count=28,
        ),
        slope_per_mm=float(2.0 * np.pi / wave),
        strength=subject.field(f"{name} strength", wavelength_mm=(14.0, 50.0), count=18),
        half_width_mm=half_width_mm * fatty,
        amount=amount,
        background=0.02 + 0.02 * fatty,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Septa:
    """Thin fibrous walls between fat lobules; call it with points (and depth below the skin).

    Attributes
    ----------
    cells : SmoothField
        Zero in the walls.
    warp : SmoothField
        Bends the layers that run along the skin, and thins the walls out.
    lobule_mm : float
        Size of a lobule across its layer.
    half_width_mm : float
        Half thickness of a wall.
    """

    cells: SmoothField
    warp: SmoothField
    lobule_mm: float
    half_width_mm: float

    def __call__(self, p: Points, depth_mm: Array | None = None) -> Array:
        """Share of fibrous tissue; with a depth, lobules lie flat along the skin."""
        value, slow = self.cells.on(p.sheet), self.warp.on(p.sheet)
        slope = 2.0 * np.pi / (1.4 * self.lobule_mm)
        if depth_mm is not None:
            slope = np.pi / self.lobule_mm
            value = np.sqrt(2.0) * np.sin(slope * depth_mm + 1.3 * slow) + 0.8 * value
        thick = self.half_width_mm * ramp(slow + 0.5 * value, -1.2, 1.0)
        return level_share(value, slope_per_mm=slope, half_width_mm=thick, width_mm=p.sheet.width_mm)


def septa(subject: Subject, name: str, *, lobule_mm: float = 8.0, half_width_mm: float = 0.25) -> Septa:
    """Fibrous septa of fat.

    Parameters
    ----------
    subject : Subject
        Whose.
    name : str
        Where the fat is.
    lobule_mm : float
        Mean size of a lobule.
    half_width_mm : float
        Half thickness of a wall; thinner than a voxel, so that walls are faint where the voxel is large.

    Returns
    -------
    Septa
        Call it with points, and with the depth below the skin for flat subcutaneous lobules.
    """
    return Septa(
        cells=subject.field(f"{name} cells", wavelength_mm=(1.6 * lobule_mm, 4.0 * lobule_mm), count=24),
        warp=subject.field(f"{name} warp", wavelength_mm=(3.0 * lobule_mm, 8.0 * lobule_mm), count=14),
        lobule_mm=lobule_mm,
        half_width_mm=half_width_mm,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Threads:
    """Small winding vessels, where two random fields are both 0; call it with points.

    Attributes
    ----------
    first, second : SmoothField
        A thread runs where both are 0.
    slope_per_mm : float
        Typical steepness at the zeros.
    radius_mm : float
        Radius of a vessel.
    """

    first: SmoothField
    second: SmoothField
    slope_per_mm: float
    radius_mm: float

    def __call__(self, p: Points) -> Array:
        """Share taken by vessels, 0 to 1."""
        a, b = self.first.on(p.sheet), self.second.on(p.sheet)
        distance = np.sqrt(a * a + b * b) / self.slope_per_mm - self.radius_mm
        return coverage(distance, width_mm=p.sheet.width_mm)


def threads(
    subject: Subject, name: str, *, wavelength_mm: tuple[float, float] = (30.0, 60.0), radius_mm: float = 0.9
) -> Threads:
    """Small vessels that wind through fat or between muscles.

    Parameters
    ----------
    subject : Subject
        Whose.
    name : str
        Where they are.
    wavelength_mm : tuple of float
        The shorter, the more of them: a plane is met about twice per squared wavelength.
    radius_mm : float
        Typical radius.

    Returns
    -------
    Threads
        Call it with points.
    """
    return Threads(
        first=subject.field(f"{name} first", wavelength_mm=wavelength_mm, count=16),
        second=subject.field(f"{name} second", wavelength_mm=wavelength_mm, count=16),
        slope_per_mm=float(2.0 * np.pi / np.mean(wavelength_mm)) * 0.8,
        radius_mm=radius_mm,
    )
