"""A sheet of words, shapes and panels with their places, and how it becomes pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from marrowsignal.report.capture.lettering import font, line_height, text_width
from marrowsignal.report.capture.panels import PlacedPanel, paint_panel

__all__ = ["BACKGROUND", "Area", "Bar", "Color", "Line", "Sheet", "Sign", "SignKind", "paint"]

Color = tuple[int, int, int]
SignKind = Literal["check", "cross", "triangle", "ring", "wave", "flag"]

BACKGROUND: Color = (11, 14, 17)
_FINER = 4  # signs are drawn this much larger and reduced, for smooth edges


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A rectangle in pixels: what it holds ends before `right` and `bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    def below(self, top: int) -> Area:
        """Return what of it lies below `top`."""
        return replace(self, top=top)

    def indented(self, pixels: int) -> Area:
        """Return it without that many pixels on the left."""
        return replace(self, left=self.left + pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of printable text; `x` is its left end, `y` the top of the line."""

    x: int
    y: int
    text: str
    size: int
    color: Color

    @property
    def area(self) -> Area:
        """Where it stands."""
        right = self.x + text_width(self.text, self.size)
        return Area(left=self.x, top=self.y, right=right, bottom=self.y + line_height(self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A filled rectangle behind or beside words."""

    area: Area
    color: Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A state as a shape, so that no reader needs the color."""

    area: Area
    kind: SignKind
    color: Color


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """Everything on one picture, painted in this order.

    Attributes
    ----------
    columns, rows : int
        Its size in pixels.
    bars, panels, lines, signs : tuple
        What stands on it.
    """

    columns: int
    rows: int
    bars: tuple[Bar, ...]
    panels: tuple[PlacedPanel, ...]
    lines: tuple[Line, ...]
    signs: tuple[Sign, ...]


def paint(sheet: Sheet) -> NDArray[np.uint8]:
    """Paint a sheet.

    Parameters
    ----------
    sheet : Sheet
        Words, shapes and panels with their places.

    Returns
    -------
    ndarray of uint8, shape (row, column, 3)
        RGB.
    """
    canvas = Image.new("RGB", (sheet.columns, sheet.rows), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for bar in sheet.bars:
        draw.rectangle((bar.area.left, bar.area.top, bar.area.right - 1, bar.area.bottom - 1), fill=bar.color)
    for panel in sheet.panels:
        paint_panel(canvas, panel)
    for line in sheet.lines:
        middle = line.y + line_height(line.size) / 2
        draw.text((line.x, middle), line.text, font=font(line.size), fill=line.color, anchor="lm")
    for sign in sheet.signs:
        _paint_sign(canvas, sign)
    return np.asarray(canvas, dtype=np.uint8).copy()


def _paint_sign(canvas: Image.Image, sign: Sign) -> None:
    side = sign.area.width * _FINER
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    for points in _STROKES[sign.kind]:
        draw.line([(x * side, y * side) for x, y in points], fill=255, width=side // 7, joint="curve")
    if sign.kind == "ring":
        draw.ellipse((side * 0.14, side * 0.14, side * 0.86, side * 0.86), outline=255, width=side // 8)
    mask = mask.reduce(_FINER)
    canvas.paste(Image.new("RGB", mask.size, sign.color), (sign.area.left, sign.area.top), mask)


_STROKES: dict[SignKind, tuple[tuple[tuple[float, float], ...], ...]] = {
    "check": (((0.14, 0.55), (0.40, 0.80), (0.86, 0.20)),),
    "cross": (((0.18, 0.18), (0.82, 0.82)), ((0.82, 0.18), (0.18, 0.82))),
    "triangle": (((0.50, 0.14), (0.90, 0.84), (0.10, 0.84), (0.50, 0.14), (0.70, 0.49)),),
    "ring": (),
    "wave": (
        ((0.12, 0.44), (0.31, 0.30), (0.69, 0.44), (0.88, 0.30)),
        ((0.12, 0.72), (0.31, 0.58), (0.69, 0.72), (0.88, 0.58)),
    ),
    "flag": (((0.25, 0.94), (0.25, 0.12), (0.82, 0.32), (0.25, 0.54)),),
}
