"""Texts of DICOM objects: what any character set of a source can hold, and no control characters."""

from __future__ import annotations

import unicodedata

__all__ = ["plain_text"]

# What our own sentences use beyond ASCII.
_PLAIN = str.maketrans({
    "−": "-", "–": "-", "—": "-", "×": "x", "≥": ">=", "≤": "<=", "≈": "~", "±": "+/-", "·": "*", "°": " deg",
    "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "µ": "u", "μ": "u", "\u00a0": " ", "²": "2", "³": "3",
})  # fmt: skip


def plain_text(text: str) -> str:
    r"""Return a text without control characters and typographic signs; letters of any script stay.

    Parameters
    ----------
    text : str
        Any text; a lone surrogate, which cannot be written, becomes a question mark.

    Examples
    --------
    >>> plain_text("STIR \u2265 1.6\x00 \u00d7 muscle")
    'STIR >= 1.6 x muscle'
    """
    kept = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text.translate(_PLAIN))
    return " ".join(kept.encode("utf-8", "replace").decode("utf-8").split())
