"""Blocks of words on the picture for the PACS: each places itself below a point and says where it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from marrowsignal.report.capture.content import CaptureContent
from marrowsignal.report.capture.lettering import line_height, printable, text_width, wrapped
from marrowsignal.report.capture.panels import PlacedPanel
from marrowsignal.report.capture.sheet import Area, Bar, Color, Line, Sign, SignKind
from marrowsignal.report.views.first_screen import DecidingRow, FirstScreenView
from marrowsignal.report.views.wording import sentence_case

__all__ = ["INK", "NOTICE", "SOFT", "Density", "Pen", "place_class", "place_finding", "place_limits", "place_quality"]

NOTICE = "Research use only, not a diagnosis"
INK: Color = (236, 239, 243)
SOFT: Color = (168, 178, 188)
_CARD: Color = (26, 31, 37)
_NOTICE: Color = (255, 207, 92)
_KINDS: dict[str, Color] = {"plain": (108, 178, 240), "flag": (255, 107, 125), "open": (168, 178, 188)}
# A shape and words go with every color.
_SIGNS: dict[str, tuple[SignKind, Color]] = {
    "positive": ("check", (111, 208, 155)),
    "negative": ("cross", (168, 178, 188)),
    "indeterminate": ("wave", (240, 185, 74)),
    "not_evaluable": ("ring", (168, 178, 188)),
    "pass": ("check", (111, 208, 155)),
    "warn": ("triangle", (240, 185, 74)),
    "fail": ("cross", (255, 107, 125)),
    "flag": ("flag", (255, 107, 125)),
}
_HUGE, _LARGE, _TEXT, _SMALL = 38, 24, 18, 16
_PADDING = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """How many lines each text may take."""

    statement: int
    cut: int
    quality: int
    limit: int


@dataclass(slots=True, kw_only=True)
class Pen:
    """Collects what is placed."""

    bars: list[Bar] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)
    panels: list[PlacedPanel] = field(default_factory=list)

    def say(self, text: str, area: Area, *, size: int, lines: int = 1, color: Color = INK) -> int:
        """Place a text from the top of `area`, as wide as that; return the y below it."""
        y = area.top
        for words in wrapped(text, size=size, width=area.width, lines=lines):
            self.lines.append(Line(x=area.left, y=y, text=words, size=size, color=color))
            y += line_height(size)
        return y

    def card(self, area: Area) -> None:
        """Place a card behind what stands in `area`."""
        self.bars.append(Bar(area=area, color=_CARD))

    def state(self, state: str, words: str, area: Area, *, size: int) -> int:
        """Place the sign of a state and its words after it; return the y below them."""
        kind, color = _SIGNS[state]
        top = area.top + (line_height(size) - size) // 2
        place = Area(left=area.left, top=top, right=area.left + size, bottom=top + size)
        self.signs.append(Sign(area=place, kind=kind, color=color))
        return self.say(words, area.indented(size + 8), size=size, color=color)


def place_class(pen: Pen, content: CaptureContent, area: Area) -> int:
    """Place the notice, the class, how firmly it is named and why no firmer, and a red flag."""
    words = content.words
    pen.say(NOTICE, area, size=_TEXT, color=_NOTICE)
    beside = area.indented(text_width(NOTICE, _TEXT) + 40)
    y = pen.say(f"{content.made_by} · {words.protocol}", beside, size=_TEXT, color=SOFT)
    color = _KINDS[words.kind]
    inner = area.indented(20)
    y = top = max(y, area.top + line_height(_TEXT)) + 10
    y = pen.say(words.class_words, inner.below(y), size=_HUGE, lines=2)
    firmness = f"{sentence_case(words.confidence)} · {words.class_code}"
    y = pen.say(firmness, inner.below(y), size=_LARGE, color=color)
    if words.red_flag:
        y = pen.state("flag", "Red flag", inner.below(y), size=_TEXT)
        y = pen.say(words.red_flag, inner.below(y), size=_SMALL, lines=2)
    if words.kind == "open" and words.why:
        y = pen.say(f"Because: {'; '.join(words.why)}", inner.below(y), size=_SMALL, lines=2)
    if words.held_down:
        y = pen.say(f"No firmer because: {'; '.join(words.held_down)}", inner.below(y), size=_SMALL, lines=2)
    if words.add_ons:
        y = pen.say(f"Also: {'; '.join(item.words for item in words.add_ons)}", inner.below(y), size=_SMALL, lines=2)
    pen.bars.append(Bar(area=Area(left=area.left, top=top, right=area.left + 6, bottom=y), color=color))
    return y


def place_finding(pen: Pen, finding: DecidingRow, area: Area, density: Density) -> int:
    """Place one deciding finding: statement, value with interval, cut, outcome."""
    inner = Area(
        left=area.left + _PADDING, top=area.top + _PADDING // 2, right=area.right - _PADDING, bottom=area.bottom
    )
    y = pen.say(sentence_case(finding.statement), inner, size=_TEXT, lines=density.statement)
    y = _place_value(pen, finding, inner.below(y))
    y = pen.say(
        f"{'limit' if finding.is_gate else 'cut'}: {finding.cut}",
        inner.below(y),
        size=_SMALL,
        lines=density.cut,
        color=SOFT,
    )
    return pen.state(finding.state.kind, finding.state.words, inner.below(y), size=_SMALL) + _PADDING // 2


def place_quality(pen: Pen, words: FirstScreenView, area: Area, density: Density) -> int:
    """Place how the quality gates came out."""
    y = pen.state(words.quality.kind, f"Quality: {words.quality.words}", area, size=_TEXT)
    return pen.say(words.quality_sentence, area.below(y), size=_SMALL, lines=density.quality)


def place_limits(pen: Pen, words: FirstScreenView, area: Area, density: Density) -> int:
    """Place the limits that matter for this study."""
    y = pen.say("Limits", area, size=_TEXT, color=SOFT)
    for limit in words.limits:
        pen.say("·", area.below(y), size=_SMALL)
        y = pen.say(limit, area.indented(14).below(y), size=_SMALL, lines=density.limit)
    return y


def _place_value(pen: Pen, finding: DecidingRow, area: Area) -> int:
    below = pen.say(finding.value, area, size=_LARGE)
    if not finding.interval:
        return below
    text = f"90 % interval {finding.interval}"
    beside = area.indented(text_width(printable(finding.value), _LARGE) + _PADDING)
    if text_width(printable(text), _SMALL) > beside.width:
        return pen.say(text, area.below(below), size=_SMALL)
    # On the line of the larger digits.
    pen.say(text, beside.below(area.top + (line_height(_LARGE) - line_height(_SMALL)) // 2 + 2), size=_SMALL)
    return below
