"""One slice of one series on the sheet: grey image, outlines, the patient's sides, a scale bar."""

from __future__ import annotations

import base64
import io
import itertools
import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from marrowsignal.report.capture.lettering import font, line_height, printable, text_width
from marrowsignal.report.pictures.figures import Frame, Outline, Tag
from marrowsignal.report.pictures.line_colors import LINE_COLORS
from marrowsignal.report.pictures.scene import Panel

__all__ = ["LINE_STYLES", "LineStyle", "PlacedPanel", "paint_panel", "polylines"]

_FINER = 3  # lines are drawn this much larger and reduced, for smooth edges
_LETTER_SIZE = 24
_TITLE_SIZE = 20
_TAG_SIZE = 18
_BAR_SIZE = 16
_EDGE = 8
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)
_TAG = (255, 172, 148)  # light enough on bone, and of the lesions' hue


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStyle:
    """How outlines of one kind look: width and dashes in pixels; no dashes is a whole line."""

    words: str
    color: tuple[int, int, int]
    width: float
    dash: tuple[float, ...] = ()


def _rgb(kind: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(LINE_COLORS[kind].removeprefix("#"))
    return red, green, blue


# Widths, dashes and numbers differ as well as colors: no reader needs the color.
LINE_STYLES = {
    "marrow": LineStyle(words="marrow, thin", color=_rgb("marrow"), width=1.0),
    "lesion": LineStyle(words="lesion that decided, thick", color=_rgb("lesion"), width=2.6),
    "lesion-other": LineStyle(words="other lesions, dashed", color=_rgb("lesion-other"), width=1.4, dash=(6.0, 3.0)),
    "dark": LineStyle(words="focus dark on T1 that decided, thick", color=_rgb("dark"), width=2.6),
    "region": LineStyle(words="region that decided", color=_rgb("region"), width=2.0),
    "muscle": LineStyle(words="lean muscle measured", color=_rgb("muscle"), width=1.6),
    "fat": LineStyle(words="subcutaneous fat measured", color=_rgb("fat"), width=1.6),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedPanel:
    """A panel and its place.

    Attributes
    ----------
    left, top, width, height : int
        In pixels of the sheet.
    frame : Frame
        Size in mm, letters, scale bar.
    panel : Panel
        Title, grey image, outlines and numbers, in mm of the frame.
    """

    left: int
    top: int
    width: int
    height: int
    frame: Frame
    panel: Panel


def paint_panel(canvas: Image.Image, placed: PlacedPanel) -> None:
    """Paint one panel onto the canvas.

    Parameters
    ----------
    canvas : PIL.Image.Image
        RGB; changed in place.
    placed : PlacedPanel
        What to paint, and where.
    """
    panel, frame, size = placed.panel, placed.frame, (placed.width, placed.height)
    picture = _grey(panel.uri).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    per_mm = placed.width / frame.width_mm
    for outline in panel.outlines:
        _paint_outline(picture, outline, per_mm)
    draw = ImageDraw.Draw(picture)
    for tag in panel.tags:
        _paint_tag(draw, tag, per_mm, size)
    _paint_letters(draw, frame, size)
    _paint_bar(draw, frame, per_mm, size)
    _paint_title(draw, printable(panel.title), frame, size)
    canvas.paste(picture, (placed.left, placed.top))


def polylines(path: str) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Points of an outline's path, which is made of ``M`` and ``L`` only.

    >>> polylines("M1.0 2.0L3.0 4.0M5.0 6.0")
    (((1.0, 2.0), (3.0, 4.0)), ((5.0, 6.0),))
    """
    return tuple(
        tuple((float(x), float(y)) for x, y in (point.split() for point in line.split("L")))
        for line in path.split("M")
        if line
    )


def _grey(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L")


def _paint_outline(picture: Image.Image, outline: Outline, per_mm: float) -> None:
    style = LINE_STYLES[outline.kind]
    mask = Image.new("L", (picture.width * _FINER, picture.height * _FINER))
    draw = ImageDraw.Draw(mask)
    for line in polylines(outline.path):
        points = [(x * per_mm * _FINER, y * per_mm * _FINER) for x, y in line]
        for piece in _dashed(points, [part * _FINER for part in style.dash]):
            draw.line(piece, fill=255, width=max(round(style.width * _FINER), 1), joint="curve")
    mask = mask.reduce(_FINER)
    picture.paste(Image.new("RGB", picture.size, style.color), (0, 0), mask)


def _dashed(points: list[tuple[float, float]], dash: list[float]) -> list[list[tuple[float, float]]]:
    """Cut a line into its dashes; a line without dashes is one."""
    if not dash or len(points) < 2:
        return [points]
    pieces: list[list[tuple[float, float]]] = [[points[0]]]
    drawn, left = 0, dash[0]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        gone = 0.0
        while length - gone > left:
            gone += left
            there = (x0 + (x1 - x0) * gone / length, y0 + (y1 - y0) * gone / length)
            pieces[-1].append(there)
            pieces.append([there])
            drawn, left = drawn + 1, dash[(drawn + 1) % 2]
        left -= length - gone
        pieces[-1].append((x1, y1))
    return pieces[::2]


def _paint_letters(draw: ImageDraw.ImageDraw, frame: Frame, size: tuple[int, int]) -> None:
    width, height = size
    for text, place, anchor in (
        (frame.left, (_EDGE, height / 2), "lm"),
        (frame.right, (width - _EDGE, height / 2), "rm"),
        (frame.top, (width / 2, _EDGE), "mt"),
        (frame.bottom, (width / 2, height - _EDGE), "mb"),
    ):
        _write(draw, place, text, size=_LETTER_SIZE, anchor=anchor)


def _paint_title(draw: ImageDraw.ImageDraw, title: str, frame: Frame, size: tuple[int, int]) -> None:
    # In a narrow panel it goes below the letters at the top.
    room = (size[0] - text_width(frame.top, _LETTER_SIZE)) / 2 - 2 * _EDGE
    top = _EDGE if text_width(title, _TITLE_SIZE) <= room else _EDGE + line_height(_LETTER_SIZE)
    _write(draw, (_EDGE, top), title, size=_TITLE_SIZE, anchor="lt")


def _paint_tag(draw: ImageDraw.ImageDraw, tag: Tag, per_mm: float, size: tuple[int, int]) -> None:
    width, height = size
    x, y = tag.x * per_mm, tag.y * per_mm
    # A number stands right of its lesion: beside the picture's edge it is drawn inside, farther off not at all.
    if not (0 <= x <= width + _TAG_SIZE and 0 <= y <= height):
        return
    x = min(x, width - text_width(tag.text, _TAG_SIZE) - 2 * _EDGE)
    y = min(max(y, _TAG_SIZE), height - _TAG_SIZE)
    _write(draw, (x, y), tag.text, size=_TAG_SIZE, anchor="lm", color=_TAG)


def _paint_bar(draw: ImageDraw.ImageDraw, frame: Frame, per_mm: float, size: tuple[int, int]) -> None:
    left, y = 2 * _EDGE, size[1] - 2 * _EDGE
    right = left + frame.scale_bar_mm * per_mm
    draw.line(((left - 1, y), (right + 1, y)), fill=_BLACK, width=7)
    draw.line(((left, y), (right, y)), fill=_WHITE, width=3)
    _write(draw, (left, y - _EDGE), f"{frame.scale_bar_mm} mm", size=_BAR_SIZE, anchor="lb")


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    size: int,
    anchor: str,
    color: tuple[int, int, int] = _WHITE,
) -> None:
    draw.text(place, text, font=font(size), fill=color, anchor=anchor, stroke_width=2, stroke_fill=_BLACK)
