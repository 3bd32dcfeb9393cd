"""Regular expressions of the series rules: they must compile, and be quick on any text.

Texts that patterns see are at most `LONGEST_TEXT` characters long, so only a pattern whose time explodes with the
length of a text can do harm.
"""

from __future__ import annotations

import re
import time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from marrowsignal.errors import ProtocolError

__all__ = ["LONGEST_TEXT", "Pattern", "refuse_slow_pattern"]

LONGEST_TEXT = 256
_LONGEST_PATTERN = 8000
_SLOW_SECONDS = 0.05
# Letter by letter: a pattern whose time explodes is found before it can take long itself.
_LENGTHS = range(1, LONGEST_TEXT + 1)


def _joined(value: object) -> object:
    """One pattern from a list of alternatives, so that a TOML file can keep one language a line."""
    if not isinstance(value, list):
        return value
    alternatives = [one for one in value if isinstance(one, str)]
    if not value or len(alternatives) < len(value):
        return value
    for one in alternatives:
        # An alternative that is empty, or closes the group of another, would change all the others.
        if re.search(_compiles(one), "") is not None:
            raise ValueError(f"the alternative '{one}' is found in every text")
    return "|".join(f"(?:{one})" for one in alternatives)


def _compiles(pattern: str) -> str:
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(f"a regular expression of more than {_LONGEST_PATTERN} characters")
    try:
        re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, BeforeValidator(_joined), AfterValidator(_compiles)]


def refuse_slow_pattern(pattern: str, where: str) -> None:
    """Try a pattern on texts made to be slow.

    Parameters
    ----------
    pattern : str
        A regular expression that compiles.
    where : str
        Place of the pattern in its file, for the message.

    Raises
    ------
    ProtocolError
        If a text of a description's length keeps it busy for more than 50 ms.
    """
    compiled = re.compile(pattern, re.IGNORECASE)
    letters = dict.fromkeys("".join(re.findall(r"\w|[ _-]", pattern))[:400].casefold())
    seeds = [*letters, *dict.fromkeys(re.findall(r"\w{2,6}", pattern)[:30])]
    for length in _LENGTHS:
        for seed in seeds:
            text = (seed * length)[:length] + "\x00"
            # A second look: the machine may have been busy with something else.
            if _seconds(compiled, text) > _SLOW_SECONDS and _seconds(compiled, text) > _SLOW_SECONDS:
                raise ProtocolError(
                    f"series rules: {where}: the regular expression is too slow on a text of {length} characters",
                    code="series_rules_slow_pattern",
                    stage="protocol",
                    hint="avoid repeated groups inside repeated groups, such as (a+)+",
                )


def _seconds(compiled: re.Pattern[str], text: str) -> float:
    started = time.perf_counter()
    compiled.search(text)
    return time.perf_counter() - started
