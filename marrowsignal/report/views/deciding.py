"""Which findings decided a study, and where in the images each of them lies."""

from __future__ import annotations

import re

from marrowsignal.patterns.flags import focal_flag
from marrowsignal.patterns.lesion_evidence import line_lesion
from marrowsignal.patterns.records import Criterion, CriterionState, PatternClass
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.records import Lesion

__all__ = ["add_on_target", "codes_to_check", "deciding_findings", "jump_target"]

_MOST = 3
_FOCUS_REVIEW = "LOW_T1_FOCUS_REVIEW"
_LESION = re.compile(r"\blesion (\d+)\b")
# What a reader of each class asks first; a later entry steps in where an earlier one was not measured or not met.
_EDEMA = ("D04.edema", "D07.edema", "D30.edema", "D20.edema", "D32.edema", "D30.all.edema", "D23.edema", "D10.edema")
_RED = ("D03.reconversion", "D04.reconversion", "D21.reconversion", "D20.reconversion", "D22.reconversion")
_ASKED_FIRST = {
    PatternClass.RED_FLAG_INFILTRATION_LIKE: ("D01.infiltration", "D50.infiltration", "D51.infiltration", "D04."),
    PatternClass.FOCAL_EDEMA_LIKE: _EDEMA,
    PatternClass.SYMMETRIC_RECONVERSION_LIKE: _RED,
    PatternClass.MIXED: ("D04.edema", "D03.reconversion", "D21.reconversion", *_EDEMA[1:], *_RED[1:]),
    PatternClass.NORMAL_FOR_AGE: ("D03.reconversion", "D24.edema.count", "D04.reconversion", "D03."),
    PatternClass.INDETERMINATE: ("D01.infiltration", "D04.edema", "D07.edema", "D03.reconversion", "D21.", "D20."),
    PatternClass.CANNOT_ASSESS: ("gate.",),
}


def deciding_findings(result: StudyResult) -> tuple[Criterion, ...]:
    """Choose the findings that a first look needs: at most three of those that the class rests on.

    What the class rests on is what its opening sentence is traced to; of a class that no gate allows, the gates that
    the second sentence names. Of those, what a reader of that class asks first comes first, each question once: of
    several regions the first in the order of the call.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.

    Returns
    -------
    tuple of Criterion
        With a value or, of a gate, an outcome; empty where the call has no criterion.
    """
    call = result.call
    traced = dict.fromkeys(name for sentence in _grounds(result) for name in sentence)
    known = {item.id: item for item in call.criteria}
    rests_on = [known[name] for name in traced if name in known]
    told = [item for item in rests_on if item.value is not None or item.group == "gate"]
    if call.pattern_class is PatternClass.INDETERMINATE:
        # A count of 0 that may not be 0 says less than an interval across a cut.
        told = [item for item in told if item.ci_low is not None] or told
    else:
        told = [item for item in told if item.state is CriterionState.POSITIVE] or told
    chosen: dict[str, Criterion] = {}
    for prefix in (*_ASKED_FIRST[call.pattern_class], ""):
        several = prefix in ("gate.", "")
        matching = [item for item in told if item.id.startswith(prefix) and item.id not in chosen]
        for item in matching if several else matching[:1]:
            chosen[item.id] = item
    return tuple(chosen.values())[:_MOST]


def _grounds(result: StudyResult) -> tuple[tuple[str, ...], ...]:
    sentences = result.call.sentences
    if result.call.pattern_class is PatternClass.CANNOT_ASSESS:
        return tuple(sentence.criteria for sentence in (*sentences[1:2], *sentences[:1]))
    return tuple(sentence.criteria for sentence in sentences[:1])


def jump_target(item: Criterion, result: StudyResult) -> str:
    """Key of what a criterion speaks of, as the viewer jumps to it; empty where it speaks of the whole study.

    Parameters
    ----------
    item : Criterion
        One of the call.
    result : StudyResult
        The study it belongs to.
    """
    if found := _LESION.search(item.statement):
        label = int(found.group(1))
        return f"lesion-{label}" if any(x.label == label for x in result.signals.lesions or ()) else ""
    if "dark focus" in item.statement:
        return _lesion_target(focal_flag(result.signals, result.protocol).leading, result)
    if item.id.startswith(("D51.infiltration", "D51.sclerosis", "D51.void")):
        return _focus_target(item.id, result)
    return next(
        (
            f"region-{region.label}"
            for region in result.regions.regions
            if item.id.endswith(f".{region.key}.{region.side.value}")
        ),
        "",
    )


def codes_to_check(result: StudyResult) -> tuple[str, ...]:
    """Add-ons of the call; where no class was named a focus dark on T1 is told all the same."""
    call = result.call
    dark = any(item.id == "D51.infiltration" and item.state is CriterionState.POSITIVE for item in call.criteria)
    untold = _FOCUS_REVIEW not in call.add_ons and call.pattern_class is PatternClass.CANNOT_ASSESS
    return (*call.add_ons, *((_FOCUS_REVIEW,) if dark and untold else ()))


def add_on_target(code: str, result: StudyResult) -> str:
    """Key of what an add-on speaks of; empty where that is no single place."""
    if code == "FRACTURE_LINE_CANDIDATE":
        return _lesion_target(line_lesion(result.signals, result.protocol), result)
    if code == _FOCUS_REVIEW:
        return _focus_target("D51.infiltration", result) or _focus_target("D51.sclerosis", result)
    ids = {"DEEP_SIJ_EDEMA": "D31.", "INFECTION_CONTEXT": "D41.", "OSTEONECROSIS_LIKE": "D37."}
    prefix = ids.get(code)
    rows = (item for item in result.call.criteria if prefix and item.id.startswith(prefix))
    return next((target for item in rows if (target := jump_target(item, result))), "")


def _focus_target(criterion_id: str, result: StudyResult) -> str:
    flag = focal_flag(result.signals, result.protocol)
    foci = {
        "D51.infiltration": flag.asked,
        "D51.sclerosis": flag.near,
        "D51.void": flag.dark_on_both,
    }[criterion_id]
    return _lesion_target(max(foci, key=lambda focus: focus.volume_ml, default=None), result)


def _lesion_target(focus: Lesion | None, result: StudyResult) -> str:
    """Key of a lesion or of a dark focus; empty where it is neither."""
    if focus is None:
        return ""
    if any(focus is lesion for lesion in result.signals.lesions or ()):
        return f"lesion-{focus.label}"
    return f"dark-{focus.label}" if any(focus is dark for dark in result.signals.dark_foci or ()) else ""
