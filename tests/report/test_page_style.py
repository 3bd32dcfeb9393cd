"""Colors of the style sheet can be told apart by everyone: WCAG 2.2 AA in both schemes and on paper."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from marrowsignal.report.pictures.line_colors import LINE_COLORS

_TEXT, _GRAPHIC = 4.5, 3.0
# Every color that text is printed in, and both grounds it is printed on.
TEXTS = ("ink", "soft", "red", "flag", "ok", "warn", "edema", "left", "right")
GRAPHICS = TEXTS
GROUNDS = ("paper", "card")


def style(name: str) -> str:
    return (files("marrowsignal.report") / "templates" / name).read_text(encoding="utf-8")


def variables(css: str) -> dict[str, dict[str, str]]:
    """Variables of each scheme; a scheme takes what it does not set from the one before it."""
    found = re.findall(r":root\{([^}]*)\}", css)
    assert len(found) >= 3
    schemes: dict[str, dict[str, str]] = {}
    light: dict[str, str] = {}
    for name, block in zip(("light", "dark", "print"), found, strict=False):
        own = dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})", block))
        light = light or own
        schemes[name] = {**light, **own}
    return schemes


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_knows_its_ends() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_every_text_and_graphic_stands_out_from_its_ground(scheme: str) -> None:
    colors = variables(style("page.css"))[scheme]
    for ground in GROUNDS:
        for name in TEXTS:
            assert contrast(colors[name], colors[ground]) >= _TEXT, (scheme, name, ground)
        for name in GRAPHICS:
            assert contrast(colors[name], colors[ground]) >= _GRAPHIC, (scheme, name, ground)


def test_text_takes_its_color_from_those_variables() -> None:
    """A color beside the variables would escape the test above; pictures are drawn on black in either scheme."""
    on_black = re.compile(r"text|swatch|stroke|line|letters|tag|bar|viewer|svg|pane|edge|name|scale", re.I)
    for name in ("page.css", "charts.css", "viewer.css"):
        css = re.sub(r":root\{[^}]*\}", "", style(name))
        for selector, block in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
            fixed = re.findall(r"(?<![-\w])color:(#[0-9a-f]{3,6})", block)
            assert not fixed or on_black.search(selector), (name, selector, fixed)


def test_lines_in_pictures_stand_out_from_black_and_from_mid_grey_marrow() -> None:
    css = style("page.css")
    for kind in ("marrow", "lesion", "lesion-other", "dark", "region", "midline", "metal", "edge", "core"):
        found = re.search(rf"\n\.{kind}\{{stroke:(#[0-9a-f]{{6}})", css)
        assert found is not None, kind
        assert contrast(found.group(1), "#000000") >= _GRAPHIC, kind
        assert contrast(found.group(1), "#404040") >= _GRAPHIC, kind


def test_no_two_kinds_of_line_differ_by_color_alone() -> None:
    css = style("page.css")
    drawn = {}
    for kind in ("marrow", "lesion", "lesion-other", "dark", "region", "midline", "metal", "core"):
        block = re.search(rf"\n\.{kind}\{{(stroke:[^}}]*)\}}", css)
        assert block is not None
        width, dash = (re.search(rf"{key}:([^;]+)", block.group(1)) for key in ("stroke-width", "stroke-dasharray"))
        drawn[kind] = (width and width.group(1), dash and dash.group(1))
    # A lesion, a focus and a region never lead the same picture; the thick line is named in its legend.
    together = ("marrow", "lesion", "lesion-other", "midline", "metal", "core")
    assert len({drawn[kind] for kind in together}) == len(together)


def test_what_is_pressed_is_large_enough() -> None:
    block = re.search(r"button\.jump\{([^}]*)\}", style("page.css"))
    assert block is not None and "min-height:24px" in block.group(1) and "min-width:24px" in block.group(1)


def test_what_is_outlined_has_one_color_on_page_in_viewer_and_capture() -> None:
    told = dict(re.findall(r"^\.([a-z-]+)\{stroke:(#[0-9a-f]{6})", style("page.css"), re.MULTILINE))
    assert {kind: told.get(kind) for kind in LINE_COLORS} == dict(LINE_COLORS)
