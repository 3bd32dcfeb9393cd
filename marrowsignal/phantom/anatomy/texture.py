"""What makes tissue look like tissue: fat between fascicles, septa and small vessels in fat, grain.

All textures are thin sheets or threads at the zeros of random fields: the zeros of a field that is long along the
fibres are streaks along the muscle and a net of cells across it, as the perimysium is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.sheet import Sheet, SmoothField
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
    "sloped",
    "threads",
]

Array = NDArray[np.float64]
Slope = tuple[Array, Array]
# how far a sample reaches through the slice
_DEPTH_MM = 1.0


def sheet_share(distance_mm: Array, *, half_width_mm: float | Array, width_mm: float | Array) -> Array:
    """Share of a sample taken by a thin sheet that lies where the distance is 0."""
    inner = np.clip(0.5 - (distance_mm - half_width_mm) / width_mm, 0.0, 1.0)
    return np.asarray(inner - np.clip(0.5 - (distance_mm + half_width_mm) / width_mm, 0.0, 1.0))


def sloped(field: SmoothField, sheet: Sheet) -> tuple[Array, Slope]:
    """Values of a field on a sheet, and what they gain per mm down the rows and across the columns."""
    rows, columns = sheet.shape
    # one sample more on every side: the slope of a sample is the same in whatever window it is drawn
    value = field.on(sheet.crop((slice(-1, rows + 1), slice(-1, columns + 1))))
    half = 0.5 / sheet.width_mm
    down = half * (value[2:, 1:-1] - value[:-2, 1:-1])
    across = half * (value[1:-1, 2:] - value[1:-1, :-2])
    return value[1:-1, 1:-1], (down, across)


def level_share(
    value: Array, slope: Slope, *, slope_per_mm: float, half_width_mm: float | Array, width_mm: float
) -> Array:
    """Share of a sample taken by a thin sheet that lies where a field is 0.

    The steepness of the field in the plane is known, so that lines are as thin as the sheet; what is missing
    to the typical steepness runs through the plane, where a sample reaches a millimetre deep: a sheet that is
    cut at a flat angle is broad and faint.
    """
    flat = slope[0] * slope[0] + slope[1] * slope[1]
    through = np.maximum(slope_per_mm * slope_per_mm - flat, 0.0)
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
    fine : SmoothField
        Grain of the muscle between the streaks.
    half_width_mm, amount : float
        Half thickness of a strong streak and its share of fat.
    background : float
        Mean fat share between the streaks.
    """

    sheets: SmoothField
    slope_per_mm: float
    strength: SmoothField
    fine: SmoothField
    half_width_mm: float
    amount: float
    background: float

    def __call__(self, p: Points) -> Array:
        """Share of fat, 0 to 1."""
        return self.fat(p, self.fine.on(p.sheet))

    def fat(self, p: Points, grain: Array) -> Array:
        """Share of fat, 0 to 1, where the values of the fine field are known."""
        value, slope = sloped(self.sheets, p.sheet)
        strong = 0.15 + 1.15 * ramp(self.strength.on(p.sheet), -1.1, 2.4)
        streak = level_share(
            value,
            slope,
            slope_per_mm=self.slope_per_mm,
            half_width_mm=self.half_width_mm * strong,
            width_mm=p.sheet.width_mm,
        )
        between = self.background * (1.0 + 0.6 * np.clip(grain, -1.6, 2.0))
        return np.asarray(np.minimum(between + self.amount * streak, 1.0))


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
            elongation=24.0,
            count=28,
        ),
        slope_per_mm=float(2.0 * np.pi / wave),
        # streaks are 1 to 8 cm long
        strength=fibre_field(
            subject, f"{name} strength", along=_directions(along)[0], wavelength_mm=(7.0, 26.0), elongation=7.0
        ),
        fine=fibre_field(
            subject, f"{name} grain", along=_directions(along)[0], wavelength_mm=(2.4, 7.0), elongation=8.0, count=32
        ),
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
        value, rise = sloped(self.cells, p.sheet)
        slope = 2.0 * np.pi / (1.4 * self.lobule_mm)
        if depth_mm is None:
            slow = self.warp.on(p.sheet)
        else:
            slope = np.pi / self.lobule_mm
            slow, turn = sloped(self.warp, p.sheet)
            phase = slope * depth_mm + 1.3 * slow
            swing = np.sqrt(2.0) * np.cos(phase)
            # depth is smooth: its slope hardly depends on the window
            down, across = np.gradient(slope * depth_mm, p.sheet.width_mm)
            rise = (
                swing * (down + 1.3 * turn[0]) + 0.8 * rise[0],
                swing * (across + 1.3 * turn[1]) + 0.8 * rise[1],
            )
            value = np.sqrt(2.0) * np.sin(phase) + 0.8 * value
        thick = self.half_width_mm * ramp(slow + 0.5 * value, -1.2, 1.0)
        return level_share(value, rise, slope_per_mm=slope, half_width_mm=thick, width_mm=p.sheet.width_mm)


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
    calibre : SmoothField
        Where vessels are wide, thin or missing.
    slope_per_mm : float
        Typical steepness at the zeros.
    radius_mm : float
        Typical radius of a vessel.
    """

    first: SmoothField
    second: SmoothField
    calibre: SmoothField
    slope_per_mm: float
    radius_mm: float

    def __call__(self, p: Points) -> Array:
        """Share taken by vessels, 0 to 1."""
        a, b = self.first.on(p.sheet), self.second.on(p.sheet)
        radius = self.radius_mm * (0.9 + 0.55 * self.calibre.on(p.sheet))
        distance = np.sqrt(a * a + b * b) / self.slope_per_mm - radius
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
        calibre=subject.field(
            f"{name} calibre", wavelength_mm=(0.6 * wavelength_mm[0], 1.5 * wavelength_mm[1]), count=8
        ),
        slope_per_mm=float(2.0 * np.pi / np.mean(wavelength_mm)) * 0.8,
        radius_mm=radius_mm,
    )
