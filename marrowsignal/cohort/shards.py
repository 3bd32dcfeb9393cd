"""Which studies a machine of several takes, and which ledger it writes."""

from __future__ import annotations

import hashlib
import re

from marrowsignal.errors import UsageError

__all__ = ["Shard", "in_shard", "ledger_file_name", "parse_shard", "shard_of_ledger", "shard_suffix"]

Shard = tuple[int, int]
"""Number of the shard, from 1, and how many there are."""

_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_LEDGER = re.compile(r"ledger(?:-([0-9]{1,6})-of-([0-9]{1,6}))?\.sqlite")


def parse_shard(text: str) -> Shard:
    """Return the shard that a text such as ``"2/8"`` means.

    Raises
    ------
    UsageError
        If it is not ``I/N`` with I of 1 to N.

    Examples
    --------
    >>> parse_shard("2/8")
    (2, 8)
    """
    match = _SHARD.fullmatch(text.strip())
    number, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= of:
        raise UsageError(
            "a shard is given as I/N, with I of 1 to N",
            code="shard_invalid",
            stage="batch",
            hint="the second of eight is --shard 2/8",
        )
    return number, of


def in_shard(key: str, shard: Shard | None) -> bool:
    """Whether a study belongs to a shard: of any number of shards each study belongs to exactly one.

    Parameters
    ----------
    key : str
        Key of the study; nothing else matters, so all machines agree without a word.
    shard : Shard or None
        None for all studies.

    Examples
    --------
    >>> [in_shard("0a1b2c3d4e5f", (number, 3)) for number in (1, 2, 3)].count(True)
    1
    """
    if shard is None:
        return True
    number, of = shard
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % of == number - 1


def shard_suffix(shard: Shard | None) -> str:
    """Return what the names of a shard's files end with.

    >>> shard_suffix((2, 8)), shard_suffix(None)
    ('-2-of-8', '')
    """
    return "" if shard is None else f"-{shard[0]}-of-{shard[1]}"


def ledger_file_name(shard: Shard | None) -> str:
    """Return the name of the ledger of a shard, or of a run without shards."""
    return f"ledger{shard_suffix(shard)}.sqlite"


def shard_of_ledger(name: str) -> tuple[bool, Shard | None]:
    """Return whether a file is named as a ledger, and of which shard.

    >>> shard_of_ledger("ledger-2-of-8.sqlite"), shard_of_ledger("ledger.sqlite"), shard_of_ledger("ledger.sqlite-wal")
    ((True, (2, 8)), (True, None), (False, None))
    """
    match = _LEDGER.fullmatch(name)
    if match is None:
        return False, None
    return True, None if match[1] is None else (int(match[1]), int(match[2]))
