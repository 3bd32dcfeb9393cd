"""Where everything stands on the picture for the PACS: none overlaps another, none leaves the sheet."""

from __future__ import annotations

from dataclasses import replace

from marrowsignal.report.capture.blocks import (
    INK,
    SOFT,
    Density,
    Pen,
    place_class,
    place_finding,
    place_limits,
    place_quality,
)
from marrowsignal.report.capture.content import CaptureContent
from marrowsignal.report.capture.lettering import line_height, text_width
from marrowsignal.report.capture.panels import LINE_STYLES, PlacedPanel
from marrowsignal.report.capture.sheet import Area, Bar, Line, Sheet
from marrowsignal.report.pictures.scene import Picture

__all__ = ["COLUMNS", "ROWS", "arranged"]

COLUMNS, ROWS = 1280, 1000
_MARGIN = 24
_GAP = 16
_SEAM = 8  # between panels
_SMALL = 16
_WIDE = 1.7  # all panels side by side are this much wider than high: the whole width is theirs
_PICTURE_SHARE = 0.54  # of the width, where they are not
_LEAST_PICTURE = 300  # rows; texts are shortened before pictures become smaller than this
_DENSITIES = (
    Density(statement=3, cut=2, quality=4, limit=2),
    Density(statement=2, cut=1, quality=3, limit=2),
    Density(statement=2, cut=1, quality=2, limit=1),
)


def arranged(content: CaptureContent) -> Sheet:
    """Give every text and panel its place.

    Parameters
    ----------
    content : CaptureContent
        What is said and shown; texts of any length.
    """
    pen = Pen()
    whole = Area(left=_MARGIN, top=_MARGIN // 2, right=COLUMNS - _MARGIN, bottom=ROWS - _MARGIN // 2)
    body = whole.below(place_class(pen, content, whole) + _GAP)
    frame = content.picture.frame
    aspect = len(content.picture.panels) * frame.width_mm / frame.height_mm
    if aspect >= _WIDE:
        _arrange_rows(pen, content, body)
    else:
        _arrange_columns(pen, content, body)
    return Sheet(
        columns=COLUMNS,
        rows=ROWS,
        bars=tuple(pen.bars),
        panels=tuple(pen.panels),
        lines=tuple(pen.lines),
        signs=tuple(pen.signs),
    )


def _arrange_rows(pen: Pen, content: CaptureContent, body: Area) -> None:
    """Pictures over the whole width, words below them."""
    for density in _DENSITIES:
        height = _place_words_across(Pen(), content, body, density) - body.top
        if body.height - height - _GAP >= _LEAST_PICTURE:
            break
    room = Area(left=body.left, top=body.top, right=body.right, bottom=body.bottom - height - _GAP)
    below = _place_pictures(pen, content.picture, room)
    _place_words_across(pen, content, body.below(below + _GAP), density)


def _arrange_columns(pen: Pen, content: CaptureContent, body: Area) -> None:
    """Words on the left, pictures beside them."""
    split = round(body.left + body.width * (1 - _PICTURE_SHARE))
    words = Area(left=body.left, top=body.top, right=split - _GAP, bottom=body.bottom)
    for density in _DENSITIES:
        if _place_words_down(Pen(), content, words, density) <= words.bottom:
            break
    _place_words_down(pen, content, words, density)
    _place_pictures(pen, content.picture, Area(left=split, top=body.top, right=body.right, bottom=body.bottom))


def _place_words_across(pen: Pen, content: CaptureContent, area: Area, density: Density) -> int:
    places = _side_by_side(area, max(len(content.words.deciding), 2))
    findings = tuple(zip(content.words.deciding, places, strict=False))
    bottom = max((place_finding(pen, finding, place, density) for finding, place in findings), default=area.top - _GAP)
    for _, place in findings:
        pen.card(replace(place, bottom=bottom))
    y = bottom + _GAP
    left, right = _side_by_side(area.below(y), 2)
    return max(place_quality(pen, content.words, left, density), place_limits(pen, content.words, right, density))


def _place_words_down(pen: Pen, content: CaptureContent, area: Area, density: Density) -> int:
    y = area.top
    for finding in content.words.deciding:
        bottom = place_finding(pen, finding, area.below(y), density)
        pen.card(replace(area, top=y, bottom=bottom))
        y = bottom + _GAP // 2
    y = place_quality(pen, content.words, area.below(y), density) + _GAP // 2
    return place_limits(pen, content.words, area.below(y), density)


def _side_by_side(area: Area, count: int) -> tuple[Area, ...]:
    step = (area.width + _GAP) / count
    lefts = [area.left + round(i * step) for i in range(count)]
    return tuple(Area(left=left, top=area.top, right=left + int(step) - _GAP, bottom=area.bottom) for left in lefts)


def _place_pictures(pen: Pen, picture: Picture, area: Area) -> int:
    """Place heading, panels as large as they can be, and the key of the lines; return the y below them."""
    y = pen.say(picture.heading, area, size=_SMALL, lines=2, color=SOFT) + 4
    key = _key_rows(picture, area.width)
    count, frame = len(picture.panels), picture.frame
    room = area.bottom - y - 4 - len(key) * line_height(_SMALL)
    width = min((area.width - (count - 1) * _SEAM) // count, int(room * frame.width_mm / frame.height_mm))
    height = round(width * frame.height_mm / frame.width_mm)
    left = area.left + (area.width - count * width - (count - 1) * _SEAM) // 2
    for index, panel in enumerate(picture.panels):
        x = left + index * (width + _SEAM)
        pen.panels.append(PlacedPanel(left=x, top=y, width=width, height=height, frame=frame, panel=panel))
    y += height + 4
    for kinds in key:
        _place_key(pen, kinds, area.left, y)
        y += line_height(_SMALL)
    return y


def _key_rows(picture: Picture, width: int) -> list[list[str]]:
    """Kinds of lines that are drawn, as many in a row as fit."""
    rows: list[list[str]] = []
    used = width
    for kind in dict.fromkeys(line.kind for panel in picture.panels for line in panel.outlines):
        if used + _key_width(kind) > width:
            rows.append([])
            used = 0
        rows[-1].append(kind)
        used += _key_width(kind)
    return rows


def _key_width(kind: str) -> int:
    return 30 + text_width(LINE_STYLES[kind].words, _SMALL) + 24


def _place_key(pen: Pen, kinds: list[str], left: int, top: int) -> None:
    for kind in kinds:
        style = LINE_STYLES[kind]
        middle = top + line_height(_SMALL) // 2
        thick = max(round(style.width), 1)
        on, off = (round(part) for part in style.dash) if style.dash else (24, 0)
        for x in range(left, left + 24, on + off):
            piece = Area(left=x, top=middle - thick, right=min(x + on, left + 24), bottom=middle + thick - thick // 2)
            pen.bars.append(Bar(area=piece, color=style.color))
        pen.lines.append(Line(x=left + 30, y=top, text=style.words, size=_SMALL, color=INK))
        left += _key_width(kind)
