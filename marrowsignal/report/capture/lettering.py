"""Words in a picture: one font, broken into lines, nothing cut off and no box for a letter the font lacks."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

from marrowsignal.errors import OutputError

__all__ = ["font", "line_height", "printable", "text_width", "wrapped"]

_STAGE = "draw_first_screen"
_ELSEWHERE = "… (see report)"
_NO_CHARACTER = "\uffff"  # never assigned: whatever a font draws for it stands for "missing"
_UNKNOWN = "?"
# What the font lacks and radiology needs, in the spelling of reports that have no more than a keyboard.
_SPELLED = {
    "≥": ">=",
    "≤": "<=",
    "×": "x",
    "≈": "~",
    "−": "-",
    "–": "-",
    "—": "-",
    "→": "->",
    "µ": "u",
    "μ": "u",
    "²": "2",
    "³": "3",
    "½": "1/2",
    "Δ": "d",
    "\N{NO-BREAK SPACE}": " ",
    "\N{LATIN SMALL LETTER SHARP S}": "ss",
    "æ": "ae",
    "ø": "o",
    "ł": "l",
    "Ł": "L",
}


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font that comes with the drawing library, so that no machine's own fonts matter.

    Parameters
    ----------
    size : int
        In pixels.

    Raises
    ------
    OutputError
        If the drawing library was built without scalable fonts.
    """
    found = ImageFont.load_default(size=size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise OutputError(
            "the picture for the PACS has no font",
            code="no_scalable_font",
            stage=_STAGE,
            hint="install Pillow from PyPI: this one was built without FreeType",
        )
    return found


def printable(text: str) -> str:
    """Return a text in letters that the font has: spelled out, without accents, else ``?``.

    Parameters
    ----------
    text : str
        Any text; tabs and line ends count as spaces.

    >>> printable("STIR ≥ 1.60 × muscle, Läsion")
    'STIR >= 1.60 x muscle, Lasion'
    """
    return " ".join("".join(_drawn(letter) for letter in unicodedata.normalize("NFC", text)).split())


@lru_cache(maxsize=4096)
def text_width(text: str, size: int) -> int:
    """Width of a text in pixels, rounded up."""
    return int(-(-font(size).getlength(text) // 1))


def line_height(size: int) -> int:
    """Distance from one line to the next, in pixels."""
    return round(size * 1.32)


def wrapped(text: str, *, size: int, width: int, lines: int) -> tuple[str, ...]:
    """Break a text into lines that fit; what does not fit is left out and said to be.

    Parameters
    ----------
    text : str
        Any text.
    size : int
        Of the font, pixels.
    width : int
        Of the longest line, pixels.
    lines : int
        How many, at most.

    Returns
    -------
    tuple of str
        Printable lines, each at most `width` wide; the last ends in ``… (see report)`` where more was to be said.
    """
    broken: list[str] = []
    for word in printable(text).split():
        for piece in _pieces(word, size, width):
            longer = f"{broken[-1]} {piece}" if broken else piece
            if broken and text_width(longer, size) <= width:
                broken[-1] = longer
            else:
                broken.append(piece)
    if len(broken) <= lines:
        return tuple(broken)
    return (*broken[: lines - 1], _shortened(" ".join(broken[lines - 1 :]), size, width))


def _shortened(text: str, size: int, width: int) -> str:
    words = text.split()
    while words and text_width(" ".join(words) + _ELSEWHERE, size) > width:
        words.pop()
    if words:
        return " ".join(words).rstrip(",;:.") + _ELSEWHERE
    return _ELSEWHERE if text_width(_ELSEWHERE, size) <= width else "…"


def _pieces(word: str, size: int, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width(pieces[-1] + letter, size) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


@lru_cache(maxsize=1024)
def _drawn(letter: str) -> str:
    if letter.isspace():
        return " "
    if _is_drawn(letter):
        return letter
    if letter in _SPELLED:
        return _SPELLED[letter]
    bare = (part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    spelled = "".join(_SPELLED.get(part, part) for part in bare)
    return spelled if spelled and all(_is_drawn(part) for part in spelled) else _UNKNOWN


@lru_cache(maxsize=1024)
def _is_drawn(letter: str) -> bool:
    shape, missing = (font(20).getmask(text) for text in (letter, _NO_CHARACTER))
    return letter.isprintable() and (shape.size, bytes(shape)) != (missing.size, bytes(missing))
