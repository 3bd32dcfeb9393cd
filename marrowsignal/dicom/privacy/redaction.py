"""How free texts of a header are freed of what tells who the patient is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import permutations

from marrowsignal.dicom.privacy.kept_words import KEPT_WORDS

__all__ = ["REDACTED", "Secrets"]

REDACTED = "[redacted]"

_SHORTEST_NAME = 3
_SHORTEST_NAME_IN_A_WORD = 5
_SHORTEST_FULL_NAME = 4
_SHORTEST_CUT_NAME = 4
_SHORTEST_IDENTIFIER = 4
_SHORTEST_IDENTIFIER_IN_A_WORD = 6
_LONGEST_TERM = 128
_MOST_TERMS = 200
_MOST_TEXTS_KEPT = 4096

_GAP = r"[\W_]{0,3}"
_LETTER = r"[^\W\d_]"
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_ANY_DATE = (
    rf"(?<!\d){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<!\d){_YEAR}(?P<a>[-./_]){_MONTH}(?P=a){_DAY}(?!\d)",
    rf"(?<!\d)(?:{_DAY}(?P<b>[-./_]){_MONTH}|{_MONTH}(?P<c>[-./_]){_DAY})[-./_]{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}年\d\d?月\d\d?日?",
)
# Long dotted numbers are UIDs; a version number has fewer dots.
_ANY_UID = r"(?<![\d.])[0-2](?:\.\d+){5,}"
_ALWAYS = "|".join((*_ANY_DATE, _ANY_UID))

# Letters that Unicode does not take apart, and German spellings of umlauts in plain letters.
_PLAIN_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_CONTRACTED = re.compile("([aou])e")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must not leave: names, numbers and dates of one patient, ready to be searched for.

    Without any, full dates and UIDs are still taken out of texts.

    Attributes
    ----------
    pattern : re.Pattern
        Matches folded text: group ``word`` needs a word of its own, everything else counts anywhere.
    """

    pattern: re.Pattern[str] = field(default=re.compile(_ALWAYS), repr=False)
    _told: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, *, names: Iterable[str] = (), identifiers: Iterable[str] = (), dates: Iterable[str] = ()) -> Secrets:
        """Gather the secrets of one patient; the same values give the same record.

        Parameters
        ----------
        names : iterable of str
            Values of `SECRET_NAMES`: PN with ``^`` between components and ``=`` between spellings. A component of
            at least three letters (two in Chinese, Japanese or Korean) is a secret, whatever its case and accents,
            unless it is a word of any protocol, such as "Stir" or "Knee".
        identifiers : iterable of str
            Values of `SECRET_IDENTIFIERS`; secret from four letters or digits on.
        dates : iterable of str
            Values of `SECRET_DATES`, ``YYYYMMDD``.
        """
        return _secrets(tuple(sorted({*names})), tuple(sorted({*identifiers})), tuple(sorted({*dates})))

    def redact(self, text: str) -> str:
        """Return `text` with every secret replaced by ``[redacted]``; do so before it is cut to a length.

        Parameters
        ----------
        text : str
            One value of a free text element.

        Examples
        --------
        >>> secrets = Secrets.of(names=["Müller^Anna"], identifiers=["H-4711"], dates=["19670312"])
        >>> secrets.redact("t1_tse_cor MUELLER h4711 12.03.67")
        't1_tse_cor [redacted] [redacted] [redacted]'
        """
        told = self._told.get(text)
        if told is None:
            # The same few texts stand in every file of a patient.
            if len(self._told) >= _MOST_TEXTS_KEPT:
                self._told.clear()
            told = self._told[text] = _redacted(self.pattern, text)
        return told


@lru_cache(maxsize=256)
def _secrets(names: tuple[str, ...], identifiers: tuple[str, ...], dates: tuple[str, ...]) -> Secrets:
    anywhere: set[str] = set()
    words: set[str] = set()
    for name in names:
        for spelling in re.split(r"[=\\]", name[:_LONGEST_TERM]):
            _add_name(spelling, anywhere, words)
    for identifier in identifiers:
        for one in identifier[:_LONGEST_TERM].split("\\"):
            _add_identifier(one, anywhere)
    for date in dates:
        anywhere.update(_date_spellings(date))
    parts = [*_longest(anywhere), _ALWAYS]
    if words:
        parts.append(f"(?P<word>{'|'.join(_longest(words))})")
    return Secrets(re.compile("|".join(parts)))


def _longest(terms: set[str]) -> list[str]:
    return sorted(terms, key=lambda term: (-len(term), term))[:_MOST_TERMS]


def _add_name(name: str, anywhere: set[str], words: set[str]) -> None:
    composed = unicodedata.normalize("NFC", name)
    tokens = _words_of(composed)
    for token in (*tokens, *_words_of(composed.replace("'", "").replace("’", ""))):
        # "MEIER0042" is a number with a name in it.
        runs = re.findall(r"[^\d]{4,}", token) if any(map(str.isdigit, token)) else [token]
        for run in runs:
            _add_name_part(run, anywhere, words)
        if runs != [token]:
            _add_identifier(token, anywhere)
    for pair in permutations([token for token in tokens[:4] if not any(map(str.isdigit, token))], 2):
        _add_full_name(pair, words)


def _words_of(name: str) -> list[str]:
    # Vowel signs of Indian scripts are no letters for Python, but part of the word.
    return "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in name).split()


def _add_name_part(token: str, anywhere: set[str], words: set[str]) -> None:
    east_asian = _is_east_asian(token)
    spellings = _spellings(token)
    if spellings & KEPT_WORDS:
        return
    for spelling in spellings:
        if len(spelling) >= _SHORTEST_NAME_IN_A_WORD or (east_asian and len(token) >= 2):
            anywhere.add(re.escape(spelling))
        elif len(spelling) >= _SHORTEST_NAME and not east_asian:
            words.add(re.escape(spelling))
        if len(spelling) > _SHORTEST_CUT_NAME and not east_asian:
            words.add(_cut_short(spelling))


def _cut_short(name: str) -> str:
    # A text that fills its VR may end amid the name.
    *more, last = map(re.escape, name[_SHORTEST_CUT_NAME:])
    rest = f"{last}?"
    for letter in reversed(more):
        rest = f"(?:{letter}{rest})?"
    return f"{re.escape(name[:_SHORTEST_CUT_NAME])}{rest}$"


def _add_full_name(pair: tuple[str, ...], words: set[str]) -> None:
    # "Li^Na": neither part is a secret alone, but both together are.
    parts = [_fold(part) for part in pair]
    shortest = 2 if all(map(_is_east_asian, pair)) else _SHORTEST_FULL_NAME
    if sum(map(len, pair)) >= shortest and not KEPT_WORDS.intersection(parts):
        words.add(_GAP.join(map(re.escape, parts)))


def _spellings(token: str) -> set[str]:
    lower = token.lower()
    plain = _fold(lower)
    return {plain, _fold(lower.translate(_SPELLED_OUT)), _CONTRACTED.sub(r"\1", plain)}


def _add_identifier(identifier: str, anywhere: set[str]) -> None:
    folded = _fold(identifier)
    letters = [letter for letter in folded if letter.isalnum()]
    bare = "".join(letters)
    # "H-00471193" is also written 471193.
    numbers = (run.lstrip("0") for run in re.findall(r"\d+", bare))
    for digits in {bare.lstrip("0"), *(n for n in numbers if len(n) >= _SHORTEST_IDENTIFIER_IN_A_WORD)}:
        if len(digits) < _SHORTEST_IDENTIFIER or digits in KEPT_WORDS:
            continue
        term = "0*" + r"[\W_]?".join(re.escape(letter) for letter in digits)
        if len(digits) < _SHORTEST_IDENTIFIER_IN_A_WORD:
            term = rf"(?<![^\W_]){term}(?![^\W_])"
        anywhere.add(term)


def _date_spellings(date: str) -> Iterator[str]:
    digits = "".join(letter for letter in date if letter.isdigit())[:8]
    if len(digits) != 8:
        return
    year, month, day = digits[:4], digits[4:6], digits[6:]
    m, d = (f"0?{int(part)}" if int(part) < 10 else part for part in (month, day))
    gap = r"[\W_年月]{1,3}"
    for y in (year, year[2:]):
        for order in ((y, m, d), (d, m, y), (m, d, y)):
            yield rf"(?<!\d){gap.join(order)}(?!\d)日?"
        for order in ((y, month, day), (day, month, y), (month, day, y)):
            yield rf"(?<!\d){''.join(order)}(?!\d)"
        yield rf"(?<!\d){d}{_GAP}{_LETTER}{{3,12}}{_GAP}{y}(?!\d)"
        yield rf"{_LETTER}{{3,12}}{_GAP}(?<!\d){d}{_GAP}{y}(?!\d)"


def _is_east_asian(token: str) -> bool:
    return all(unicodedata.east_asian_width(letter) in "WFH" for letter in token)


def _fold(text: str) -> str:
    return "".join(map(_folded_letter, text))


@lru_cache(maxsize=4096)
def _folded_letter(letter: str) -> str:
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs"):
        return " " if letter.isspace() else ""
    parts = unicodedata.normalize("NFKD", letter.casefold())
    return "".join(p for p in parts if not unicodedata.combining(p)).casefold().translate(_PLAIN_LETTERS)


def _redacted(pattern: re.Pattern[str], text: str) -> str:
    if text.isascii() and text.isprintable():
        folded, origin = text.lower(), range(len(text))
    else:
        pieces = [_folded_letter(letter) for letter in text]
        folded = "".join(pieces)
        origin = [at for at, piece in enumerate(pieces) for _ in piece]  # type: ignore[assignment]
    told, upto, search_from = [], 0, 0
    while match := pattern.search(folded, search_from):
        first, last = origin[match.start()], origin[match.end() - 1]
        if match.lastgroup == "word" and (match[0] in KEPT_WORDS or _inside_a_word(text, first, last)):
            search_from = match.start() + 1
            continue
        told += [text[upto:first], REDACTED]
        upto, search_from = last + 1, match.end()
        while upto < len(text) and not _folded_letter(text[upto]):
            upto += 1
    return "".join((*told, text[upto:])) if told else text


def _inside_a_word(text: str, first: int, last: int) -> bool:
    """Whether letters adjoin; a change of case, as in "LiuKnee", ends a word."""
    before, after = text[first - 1 : first], text[last + 1 : last + 2]
    joined_before = before.isalpha() and not (before.islower() and text[first].isupper())
    joined_after = after.isalpha() and not (text[last].islower() and after.isupper())
    return (joined_before or joined_after) and not _is_east_asian(text[first])
