"""The summary says of lesions only what was looked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marrowsignal.patterns.records import CriterionState, PatternClass
from marrowsignal.patterns.wording import summarize, summarize_t1_alone
from marrowsignal.signals.records import Signals
from tests.report.study_builder import build_result

WHY = "registration allows medians of regions only: 2.4 mm"
NONE_FOUND = "No lesion stands out"


def summary(signals: Signals) -> str:
    return summarize(PatternClass.INDETERMINATE, signals, build_result().protocol.evidence)


def test_lesions_that_were_not_judged_are_not_none_found() -> None:
    signals = build_result().signals
    refused = summary(replace(signals, lesions=None, lesion_labels=None, lesions_reason=WHY))
    assert f"Lesions were not judged: {WHY}." in refused
    assert "All marrow: T1" in refused and "outside lesions" not in refused
    assert NONE_FOUND not in refused
    assert NONE_FOUND in summary(replace(signals, lesions=()))


@pytest.mark.parametrize("why", ["no STIR series", "STIR fat/muscle is 3.2: fat is not suppressed"])
def test_t1_alone_says_why_stir_is_not_used(why: str) -> None:
    signals = replace(build_result().signals, lesions=None, lesion_labels=None, lesions_reason=why)
    told = summarize_t1_alone(signals, low_t1=CriterionState.NEGATIVE)
    assert told.startswith(f"Cannot be assessed: {why}; water and lesions were not looked for. On T1 alone,")
