"""Dice that a mask probably has, told by what can be seen of it: a monotone additive rule fitted on spoilt masks.

``benchmarks/mask_check_panel.py`` fits it on phantom people and writes its numbers; nothing real went into them.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

import numpy as np
from pydantic import BaseModel, ConfigDict

from marrowsignal.marrow.check.look import MaskLook
from marrowsignal.protocol.schema import Protocol

__all__ = ["FEATURES", "DiceEstimate", "DiceRule", "combined", "estimate_dice", "features_of", "shipped_rule"]

FEATURES = (
    "open_border",
    "border_without_dark_line",
    "flat_border",
    "line_share",
    "void_share",
    "spread",
    "muscle_share",
    "fat_share",
    "crumbs_share",
    "ragged",
    "slice_steps",
    "lopsided",
)
_MIN_SAMPLES = 200

DiceEstimate = tuple[float, float, float]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Term(_Model):
    """Loss of Dice by one feature: for each knot, `losses` a unit of the feature beyond it."""

    feature: str
    knots: tuple[float, ...]
    losses: tuple[float, ...]


class DiceRule(_Model):
    """The fitted rule: 1 minus the losses, and the 90 % range of what was left over for estimates about `at`."""

    source: str
    constant: float
    terms: tuple[_Term, ...]
    at: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]

    def estimate(self, features: tuple[float, ...]) -> DiceEstimate:
        """Return the estimated Dice with the low and high end of its 90 % interval.

        Parameters
        ----------
        features : tuple of float
            In the order of `FEATURES`; each is such that more of it is worse, and the estimate never rises with it.
        """
        seen = dict(zip(FEATURES, features, strict=True))
        loss = sum(
            weight * max(0.0, seen[term.feature] - knot)
            for term in self.terms
            for knot, weight in zip(term.knots, term.losses, strict=True)
        )
        value = float(np.clip(1.0 - self.constant - loss, 0.0, 1.0))
        low = value - float(np.interp(value, self.at, self.below))
        high = value + float(np.interp(value, self.at, self.above))
        return value, max(low, 0.0), min(high, 1.0)


@lru_cache(maxsize=1)
def shipped_rule() -> DiceRule:
    """Return the rule that comes with the package."""
    text = (files("marrowsignal.marrow.check") / "data" / "dice_rule.toml").read_text(encoding="utf-8")
    return DiceRule.model_validate(tomllib.loads(text))


def features_of(look: MaskLook, protocol: Protocol) -> tuple[float, ...] | None:
    """Return what the rule asks for, in the order of `FEATURES`; None where too little of the mask can be seen."""
    border, tissue, shape = look.border, look.tissue, look.shape
    if border is None or tissue is None or border.samples < _MIN_SAMPLES:
        return None
    return (
        border.open_share,
        1.0 - border.dark_share,
        1.0 / (1.0 + border.contrast),
        tissue.line_share,
        tissue.void_share,
        tissue.spread,
        tissue.muscle_share,
        tissue.fat_share,
        shape.crumbs_share,
        shape.ragged_per_mm,
        1.0 - shape.slice_dice,
        1.0 - shape.mirror_dice if protocol.symmetric_anatomy else 0.0,
    )


def estimate_dice(look: MaskLook, protocol: Protocol) -> DiceEstimate | None:
    """Estimate the Dice of a mask from its look; None where too little can be seen.

    A bone or slices that are missing as a whole leave no trace in what is there: the estimate is about the rest.
    """
    features = features_of(look, protocol)
    return None if features is None else shipped_rule().estimate(features)


def combined(seen: DiceEstimate, told: DiceEstimate) -> tuple[DiceEstimate, bool]:
    """Put what is seen of a mask and what its maker tells together.

    Parameters
    ----------
    seen, told : tuple of float
        Estimate, low and high end of its interval: by the image, by the maker.

    Returns
    -------
    tuple of float, bool
        The maker's where the image does not contradict it, since it knows its own errors; else the lower of both with
        an interval that holds both. Whether they contradict.
    """
    if seen[0] >= told[1]:
        return told, False
    return (seen[0], min(seen[1], told[1]), max(seen[2], told[0])), True
