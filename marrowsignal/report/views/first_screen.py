"""What a reader sees first: class, confidence, what decided it, limits. The page and the captured picture share it."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.findings import Severity
from marrowsignal.marrow.records import MaskVerdict
from marrowsignal.patterns.records import Confidence, Criterion, PatternCall, PatternClass
from marrowsignal.quality.records import QualityGate
from marrowsignal.report.pictures.key_slice import KeySlice, key_slice
from marrowsignal.report.views.deciding import add_on_target, codes_to_check, deciding_findings, jump_target
from marrowsignal.report.views.evidence_view import StateCell, state_cell
from marrowsignal.report.views.quality_view import Mark, gate_name, mark, worst_state
from marrowsignal.report.views.wording import (
    CLASS_WORDS,
    CONFIDENCE_WORDS,
    add_on_words,
    cut_words,
    interval,
    sentence_case,
    with_unit,
)
from marrowsignal.results.mask_section import check_sentence
from marrowsignal.results.quality_section import quality_sentence
from marrowsignal.results.study_result import StudyResult

__all__ = ["AddOn", "DecidingRow", "FirstScreenView", "first_screen_view"]

_HELD_DOWN = "confidence held down: "
_STEPS = {Confidence.HIGH: 3, Confidence.MODERATE: 2, Confidence.LOW: 1, Confidence.NONE: 0}
_MOST_LIMITS = 3
_RED_FLAG = (
    "T1 signal of marrow at or below muscle. Benign causes (sclerosis, intense reconversion, growth factors, iron, an "
    "error of the muscle reference) are possible; expert review is needed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingRow:
    """One finding that decided the class, or a gate that forbids one; `jump` is empty where it has no single place."""

    statement: str
    value: str
    interval: str
    cut: str
    state: StateCell | Mark
    is_gate: bool
    jump: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOn:
    """Something to be checked beside the class; `jump` is empty where it has no single place."""

    words: str
    jump: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreenView:
    """What the first screen says, in its order.

    Attributes
    ----------
    case, pair, protocol : str
        Case identifier, label of one of several pairs (or empty), protocol with version.
    class_words, class_code : str
        The class, in words and as it stands in the tables.
    kind : str
        ``"flag"``, ``"open"`` (no class is named) or ``"plain"``.
    confidence : str
        In words.
    confidence_steps : int
        0 (none stated) to 3 (high).
    red_flag : str
        What a red flag means; empty where there is none.
    why : tuple of str
        Why this class.
    held_down : tuple of str
        Why the confidence is no firmer.
    add_ons : tuple of AddOn
        What is to be checked besides.
    deciding : tuple of DecidingRow
        At most three, by the rule of `deciding_findings`.
    key : KeySlice
        The slice of the key picture.
    quality : Mark
        Worst outcome of the quality gates.
    quality_sentence : str
        How they came out.
    limits : tuple of str
        At most three that matter in this study, what is missing first; the last is what T1 and STIR cannot tell.
    """

    case: str
    pair: str
    protocol: str
    class_words: str
    class_code: str
    kind: str
    confidence: str
    confidence_steps: int
    red_flag: str
    why: tuple[str, ...]
    held_down: tuple[str, ...]
    add_ons: tuple[AddOn, ...]
    deciding: tuple[DecidingRow, ...]
    key: KeySlice
    quality: Mark
    quality_sentence: str
    limits: tuple[str, ...]


def first_screen_view(result: StudyResult) -> FirstScreenView:
    """Put what a reader needs first in words.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    call, protocol = result.call, result.protocol
    return FirstScreenView(
        case=result.case,
        pair=result.series.label,
        protocol=f"{protocol.title} ({protocol.name}, version {protocol.version})",
        class_words=CLASS_WORDS[call.pattern_class],
        class_code=call.pattern_class.value,
        kind=_kind(call.pattern_class),
        confidence=CONFIDENCE_WORDS[call.confidence],
        confidence_steps=_STEPS[call.confidence],
        red_flag=_red_flag(call),
        why=tuple(reason for reason in call.reasons if not reason.startswith(_HELD_DOWN)),
        held_down=tuple(reason.removeprefix(_HELD_DOWN) for reason in call.reasons if reason.startswith(_HELD_DOWN)),
        add_ons=tuple(
            AddOn(words=add_on_words(code), jump=add_on_target(code, result)) for code in codes_to_check(result)
        ),
        deciding=tuple(_deciding_row(item, result) for item in deciding_findings(result)),
        key=key_slice(result),
        quality=mark(worst_state(result.quality)),
        quality_sentence=quality_sentence(result.quality),
        limits=_limits(result),
    )


def _kind(pattern: PatternClass) -> str:
    if pattern is PatternClass.RED_FLAG_INFILTRATION_LIKE:
        return "flag"
    return "open" if pattern in {PatternClass.INDETERMINATE, PatternClass.CANNOT_ASSESS} else "plain"


def _red_flag(call: PatternCall) -> str:
    flagged = call.pattern_class is PatternClass.RED_FLAG_INFILTRATION_LIKE or "DIFFUSE_LOW_T1_REVIEW" in call.add_ons
    return _RED_FLAG if flagged else ""


def _deciding_row(item: Criterion, result: StudyResult) -> DecidingRow:
    gate = _gate_of(item, result)
    return DecidingRow(
        # The reason of a gate stands where the class is explained.
        statement=sentence_case(item.statement) if gate is None else gate_name(gate),
        value=with_unit(item.value, item.unit, missing="no number" if gate else "not measured"),
        interval=interval(item.ci_low, item.ci_high),
        cut=cut_words(item.cut),
        state=state_cell(item.state) if gate is None else mark(gate.state),
        is_gate=gate is not None,
        jump=jump_target(item, result),
    )


def _gate_of(item: Criterion, result: StudyResult) -> QualityGate | None:
    return next(
        (
            gate
            for gate in result.quality.gates
            if item.id == ".".join(part for part in ("gate", gate.key, gate.series) if part)
        ),
        None,
    )


def _no_lesions(result: StudyResult) -> str:
    reason = result.signals.lesions_reason
    if not reason:
        return ""
    told = reason in result.call.reasons
    return "Lesions were not looked for." if told else f"Lesions were not looked for: {reason}."


def _limits(result: StudyResult) -> tuple[str, ...]:
    call = result.call
    check = result.marrow.check
    missing = (
        "There is no STIR series: nothing is said of water or edema." if result.pair.stir is None else "",
        _no_lesions(result),
        *(finding.message for finding in result.quality.untold(result.findings) if finding.severity is Severity.FAIL),
        "" if check is None or check.verdict is MaskVerdict.PASS else f"{check_sentence(check)}.",
        call.background_prevalence,
        *(finding.message for finding in result.quality.untold(result.findings) if finding.severity is Severity.WARN),
    )
    told = tuple(dict.fromkeys(text for text in missing if text))
    last = tuple(s.text for s in call.sentences[-1:] if s.text != call.background_prevalence)
    return (*told[: _MOST_LIMITS - len(last)], *last)
