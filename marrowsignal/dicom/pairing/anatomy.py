"""Which anatomy a series says it shows, as far as a built-in protocol knows it."""

from __future__ import annotations

import functools

from marrowsignal.dicom.pairing.candidates import PairCandidate
from marrowsignal.dicom.records import Series
from marrowsignal.protocol.loader import choose_protocol_name

__all__ = ["anatomies_agree", "named_anatomy"]

_ANY = "generic"


def named_anatomy(candidate: PairCandidate) -> str:
    """Return the protocol that BodyPartExamined of each of its series leads to; nothing when none or two."""
    named = {_anatomy(s) for s in candidate.series}
    return named.pop() if len(named) == 1 else ""


def anatomies_agree(candidate: PairCandidate) -> bool:
    """Whether T1 and STIR name no two different anatomies."""
    return len({_anatomy(s) for s in candidate.series} - {""}) < 2


def _anatomy(series: Series) -> str:
    return _of_body_part(series.acquisition.body_part_examined or "")


@functools.lru_cache(maxsize=1024)
def _of_body_part(body_part: str) -> str:
    name = choose_protocol_name(body_part)
    return "" if name == _ANY else name
