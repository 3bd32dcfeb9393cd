"""Sets of studies that a click on the page picks out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Pick", "Picks", "gaps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One set.

    Attributes
    ----------
    kind : str
        Sets of one kind are joined when several are picked; sets of different kinds are intersected.
    title : str
        What its studies have in common.
    studies : tuple of int
        Rows, ascending.
    """

    kind: str
    title: str
    studies: tuple[int, ...]


@dataclass(slots=True)
class Picks:
    """All sets of a page, in the order in which they were asked for."""

    made: list[Pick] = field(default_factory=list)

    def add(self, kind: str, title: str, studies: Iterable[int]) -> int:
        """Add a set and return its number; the same kind and title is the same set."""
        for at, one in enumerate(self.made):
            if (one.kind, one.title) == (kind, title):
                return at
        self.made.append(Pick(kind=kind, title=title, studies=tuple(sorted(set(studies)))))
        return len(self.made) - 1


def gaps(studies: Iterable[int]) -> str:
    """Write ascending rows as the steps from one to the next.

    >>> gaps([3, 4, 9])
    '3,1,5'
    """
    before, told = 0, []
    for one in studies:
        told.append(str(one - before))
        before = one
    return ",".join(told)
