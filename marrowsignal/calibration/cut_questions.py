"""What a labelled cohort is asked: which descriptor parts which class, and which numbers follow from its cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from marrowsignal.calibration.records import Label
from marrowsignal.protocol.schema import EvidenceCuts

__all__ = ["QUESTIONS", "Question"]

Bounds = Callable[[float, float, float, EvidenceCuts], tuple[tuple[str, float], ...]]
_RED = frozenset({Label.NORMAL, Label.RECONVERSION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one descriptor has to part.

    Attributes
    ----------
    name : str
        The descriptor's column.
    positive : Label
        Class to be found.
    negatives : frozenset of Label
        Everybody else.
    in_lesion : bool
        Whether a case is measured in its largest lesion, whatever its label; else in all marrow.
    else_marrow : bool
        Whether a case without a lesion is measured in all marrow instead.
    low : bool
        Whether small values speak for the class.
    sensitive : bool
        Whether a sensitivity is wanted rather than Youden's index.
    one_field : bool
        Whether it moves with the field strength, so that people of several may not be pooled (SCIENCE 6).
    bounds : callable
        Numbers of the protocol that follow from cut and interval, the cut's own first.
    """

    name: str
    positive: Label
    negatives: frozenset[Label]
    in_lesion: bool
    else_marrow: bool
    low: bool
    sensitive: bool
    one_field: bool
    bounds: Bounds


def _flag(cut: float, _low: float, high: float, old: EvidenceCuts) -> tuple[tuple[str, float], ...]:
    grey = old.t1_muscle_grey.high - old.t1_muscle_red_flag.value
    return (
        ("t1_muscle_red_flag", cut),
        ("t1_muscle_grey.low", cut),
        ("t1_muscle_grey.high", max(cut + grey, high)),
    )


def _stir(cut: float, low: float, _high: float, old: EvidenceCuts) -> tuple[tuple[str, float], ...]:
    red = min(cut - (old.stir_muscle_edema_min.value - old.stir_muscle_red_max.value), low)
    clear = min(cut - (old.stir_muscle_edema_min.value - old.stir_muscle_edema_ci_low.value), low)
    return ("stir_muscle_edema_min", cut), ("stir_muscle_red_max", red), ("stir_muscle_edema_ci_low", clear)


def _excess(cut: float, low: float, high: float, old: EvidenceCuts) -> tuple[tuple[str, float], ...]:
    half = 0.5 * (old.excess_water_edema_min.value - old.excess_water_red_max.value)
    return ("excess_water_edema_min", max(cut + half, high)), ("excess_water_red_max", min(cut - half, low))


def _drop(cut: float, _low: float, _high: float, _old: EvidenceCuts) -> tuple[tuple[str, float], ...]:
    return (("t1_drop_support", cut),)


QUESTIONS = (
    Question(
        name="t1_marrow_to_muscle",
        positive=Label.INFILTRATION,
        negatives=_RED | {Label.EDEMA},
        in_lesion=False,
        else_marrow=False,
        low=True,
        sensitive=True,
        one_field=True,
        bounds=_flag,
    ),
    Question(
        name="stir_marrow_to_muscle",
        positive=Label.EDEMA,
        negatives=_RED,
        in_lesion=True,
        else_marrow=True,
        low=False,
        sensitive=False,
        one_field=True,
        bounds=_stir,
    ),
    Question(
        name="excess_water",
        positive=Label.EDEMA,
        negatives=_RED,
        in_lesion=True,
        else_marrow=True,
        low=False,
        sensitive=False,
        one_field=False,
        bounds=_excess,
    ),
    Question(
        name="t1_to_surround",
        positive=Label.EDEMA,
        negatives=_RED,
        in_lesion=True,
        else_marrow=False,
        low=True,
        sensitive=False,
        one_field=True,
        bounds=_drop,
    ),
)
