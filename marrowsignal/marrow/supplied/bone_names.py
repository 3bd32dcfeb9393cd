"""What sources call bones, and the regions those are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from marrowsignal.marrow.supplied.records import NamedLabel
from marrowsignal.protocol.schema import RegionSpec

__all__ = ["BoneNames", "bare_name", "names_any_bone", "plain_words", "tells_bone"]

_SIDES = {
    **dict.fromkeys(("left", "l", "lt", "sin", "sinister", "sinistra", "links", "linke", "linker"), "left"),
    **dict.fromkeys(("right", "r", "rt", "dx", "dexter", "dextra", "rechts", "rechte", "rechter"), "right"),
}
# Words that say that it is a label, marrow or bone, and not which.
_IDLE = frozenset(
    {"a", "and", "body", "bodies", "bone", "bones", "boundary", "corpus", "label", "marrow", "mask", "of", "os"}
    | {"osseous", "roi", "seg", "segment", "segmentation", "structure", "the", "vertebral", "whole"}
)
_SYNONYMS = {
    "sacrum": ("sacrum", "sacral", "sacri", "kreuzbein"),
    "ilium": ("ilium", "iliac", "ilii", "iliacum", "ilia", "hip", "innominate", "coxa", "coxae", "darmbein"),
    "femur": ("femur", "femora", "femoral", "femoris", "thigh", "proximal femur", "distal femur"),
    "tibia": ("tibia", "tibiae", "tibial", "shin", "proximal tibia"),
    "fibula": ("fibula", "fibulae", "fibular", "proximal fibula"),
    "patella": ("patella", "patellae", "kneecap"),
    "vertebra": ("vertebra", "vertebrae", "spine", "columna vertebralis"),
    "lumbar_spine": ("lumbar spine", "lumbar vertebrae"),
}
_EVERY_SYNONYM = frozenset(words for all_words in _SYNONYMS.values() for words in all_words)
_LEVEL = re.compile(r"(?:(?:vertebrae?|vert|vb|lumbar|thoracic|wk) )?([ltsc])0?([1-9]\d?)")
_WORD = re.compile(r"[^\W_]+")
# Where a protocol does not know the level, a bone that holds it.
_HELD_BY = {"s": "sacrum", "l": "vertebra", "t": "vertebra", "c": "vertebra"}
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BoneNames:
    """Which region a source's words or code mean.

    Attributes
    ----------
    by_words : dict of str to str
        Region key by words.
    by_code : dict of str to tuple of str
        Region keys by SNOMED CT code: S1 has that of the sacrum.
    keys : frozenset of str
        All region keys.
    """

    by_words: dict[str, str]
    by_code: dict[str, tuple[str, ...]]
    keys: frozenset[str]

    @classmethod
    def of(cls, specs: tuple[RegionSpec, ...]) -> BoneNames:
        """Gather the names of a protocol's regions; the first region with words has them."""
        keys = frozenset(spec.key for spec in specs)
        known = [(words, key) for key, all_words in _SYNONYMS.items() if key in keys for words in all_words]
        own = [
            (words, spec.key)
            for spec in reversed(specs)
            for words in (spec.name, spec.key)
            if _words_and_side(words)[0]
        ]
        return cls(
            by_words={_words_and_side(words)[0]: key for words, key in (*known, *own)},
            by_code={code: tuple(s.key for s in specs if s.code == code) for code in {s.code for s in specs} if code},
            keys=keys,
        )

    def region_of(self, label: NamedLabel) -> str | None:
        """Return the key of a label's region, with ``:left`` or ``:right`` where the source tells; None if unknown.

        Examples
        --------
        >>> names = BoneNames.of((RegionSpec(key="ilium", name="ilium"), RegionSpec(key="l5", name="L5")))
        >>> names.region_of(NamedLabel(value=1, name="hip_left"))
        'ilium:left'
        >>> names.region_of(NamedLabel(value=2, name="vertebrae_L5"))
        'l5'
        >>> names.region_of(NamedLabel(value=3, name="gluteus_maximus_left")) is None
        True
        """
        words, side = _words_and_side(label.name)
        coded = next((self.by_code[code] for code in label.codes if code in self.by_code), ())
        named = self.by_words.get(words) or self._level(words)
        key = named if named in coded or not coded else coded[0]
        if key is None:
            return None
        side = label.side or side
        return f"{key}:{side}" if side else key

    def _level(self, words: str) -> str | None:
        match = _LEVEL.fullmatch(words)
        if match is None:
            return None
        key = f"{match[1]}{match[2]}"
        held_by = _HELD_BY[match[1]]
        return next((one for one in (key, held_by) if one in self.keys), None)


def tells_bone(name: str) -> bool:
    """Whether a name says more than that it is marrow, bone or a mask, or which number it has.

    Examples
    --------
    >>> tells_bone("sacrum_1"), tells_bone("Segment_1")
    (True, False)
    """
    return any(letter.isalpha() for letter in plain_words(name))


def names_any_bone(name: str) -> bool:
    """Whether a name is that of a bone some protocol measures, though not this one."""
    words = plain_words(name)
    return words in _EVERY_SYNONYM or _LEVEL.fullmatch(words) is not None


def plain_words(name: str) -> str:
    """Return the words of a name that tell the structure, in lower case, without its side."""
    return _words_and_side(name)[0]


def bare_name(text: str) -> str:
    """Return a source's words as a name: printable, one line, no colon, not too long."""
    printable = "".join(c if c.isprintable() and c != ":" else " " for c in text)
    return " ".join(printable.split())[:_LONGEST_NAME].strip()


def _words_and_side(text: str) -> tuple[str, str]:
    """Words that tell the bone, in lower case, and the side among them."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).replace("_", " ").lower()
    # The L of "L 5" is no side.
    words = _WORD.findall(re.sub(r"\b([lstc])[ -](?=\d)", r"\1", apart))
    sides = [_SIDES[word] for word in words if word in _SIDES]
    kept = [word for word in words if word not in _SIDES and word not in _IDLE]
    return " ".join(kept), sides[0] if len(set(sides)) == 1 else ""
