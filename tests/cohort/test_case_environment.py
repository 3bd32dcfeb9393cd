"""What a study leaves in memory goes back to the system before the next one."""

from __future__ import annotations

import platform

import psutil
import pytest

from marrowsignal.cohort.case_environment import case_environment, give_memory_back


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is asked")
def test_freed_memory_goes_back() -> None:
    held = [bytes(60_000) for _ in range(2000)]
    # What stays at the end of the heap keeps all before it.
    last = bytes(60_000)
    del held
    before = psutil.Process().memory_info().rss
    give_memory_back()
    assert before - psutil.Process().memory_info().rss > 50_000_000
    assert len(last) == 60_000


def test_what_the_user_says_of_memory_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "3")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    told = case_environment(2)
    assert (told["MALLOC_ARENA_MAX"], told["OMP_NUM_THREADS"]) == ("3", "2")
