"""Shards share the studies out: each study to one, whoever asks and in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowsignal.cohort.shards import in_shard, ledger_file_name, parse_shard, shard_of_ledger
from marrowsignal.errors import UsageError

KEYS = st.text("0123456789abcdef", min_size=12, max_size=12)


@given(keys=st.lists(KEYS, unique=True, max_size=50), shards=st.integers(1, 40), order=st.randoms())
def test_every_study_is_in_one_shard(keys: list[str], shards: int, order: object) -> None:
    parts = [{key for key in keys if in_shard(key, (number, shards))} for number in range(1, shards + 1)]
    assert sum(len(part) for part in parts) == len(keys)
    assert set().union(*parts) == set(keys)
    order.shuffle(keys)  # type: ignore[attr-defined]
    assert parts[0] == {key for key in keys if in_shard(key, (1, shards))}


def test_shards_are_of_like_size() -> None:
    keys = [f"{number:012x}" for number in range(8000)]
    sizes = [sum(in_shard(key, (number, 8)) for key in keys) for number in range(1, 9)]
    # Six standard deviations of a fair share.
    assert all(abs(size - 1000) < 6 * (8000 * 1 / 8 * 7 / 8) ** 0.5 for size in sizes)


@given(number=st.integers(1, 999), of=st.integers(1, 999))
def test_what_is_asked_for_is_in_the_name_of_the_ledger(number: int, of: int) -> None:
    if number > of:
        with pytest.raises(UsageError, match="I/N"):
            parse_shard(f"{number}/{of}")
    else:
        assert parse_shard(f" {number}/{of} ") == (number, of)
        assert shard_of_ledger(ledger_file_name((number, of))) == (True, (number, of))


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/2/3", "-1/2", "1/0", "1/99999999999999999999"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_shard(text)
