"""Gate on the marrow mask itself: what its own check says is good for."""

from __future__ import annotations

from marrowsignal.marrow.records import MaskCheck, MaskVerdict
from marrowsignal.quality.outcome import Outcome, Steps, not_evaluable
from marrowsignal.quality.records import GateState

__all__ = ["marrow_mask"]

_OF_VERDICT = {
    MaskVerdict.PASS: GateState.PASS,
    MaskVerdict.WARN: GateState.WARN,
    MaskVerdict.FAIL: GateState.FAIL,
}


def marrow_mask(steps: Steps, _series: str) -> Outcome:
    """Verdict of the mask's check; its value is the estimated Dice, where there is one."""
    check = steps.marrow.check
    if check is None:
        return not_evaluable("the mask was not checked")
    return Outcome(state=_OF_VERDICT[check.verdict], reason=_reason(check), value=check.estimated_dice)


def _reason(check: MaskCheck) -> str:
    worst = tuple(item.words for item in check.items if item.verdict is check.verdict)
    if check.verdict is MaskVerdict.PASS:
        dice = check.estimated_dice
        return "every check of the mask passed" + ("" if dice is None else f"; estimated Dice {dice:.2f}")
    return "; ".join(worst)
