"""On which side of the body a series was acquired, as far as its header says so."""

from __future__ import annotations

import functools
import re

from marrowsignal.dicom.records import Series
from marrowsignal.protocol.series_rules import SideWords

__all__ = ["said_side", "side_by_tag", "side_by_words", "sides_contradict"]

_TAGS = {"L": "left", "R": "right"}


def side_by_tag(series: Series) -> str:
    """Return ``"left"``, ``"right"`` or nothing, by Laterality."""
    return _TAGS.get(series.laterality, "")


def side_by_words(series: Series, words: SideWords) -> str:
    """Return ``"left"``, ``"right"`` or nothing, by description and BodyPartExamined; nothing when both are named."""
    return _named(f"{series.description} | {series.acquisition.body_part_examined or ''}", words.left, words.right)


def said_side(series: Series, words: SideWords) -> str:
    """Return the side that tag and words say, or the one of them that speaks; nothing when they disagree."""
    said = {side_by_tag(series), side_by_words(series, words)} - {""}
    return said.pop() if len(said) == 1 else ""


def sides_contradict(t1: Series, stir: Series, words: SideWords) -> bool:
    """Whether tags and words of two series name different sides."""
    return len({said_side(t1, words), said_side(stir, words)} - {""}) == 2


@functools.lru_cache(maxsize=1024)
def _named(text: str, left: str, right: str) -> str:
    found = [side for side, words in (("left", left), ("right", right)) if re.search(words, text, re.IGNORECASE)]
    return found[0] if len(found) == 1 else ""
