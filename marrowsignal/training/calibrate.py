"""How good the network is on people it has never seen, and how well it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.marrow.automatic.bones import likeliest
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.marrow.automatic.inference import believe
from marrowsignal.marrow.automatic.slices import Display, resampled
from marrowsignal.training.people import PIXEL_MM, Stack
from marrowsignal.training.randomize import draw_study

__all__ = ["HeldOut", "Rule", "fit_rule", "look_at", "median_dice"]

_DRAWS = 3
_SEEN_ML = 2.0
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """One study of a person never trained on.

    Attributes
    ----------
    agreement : float
        Of the network with itself.
    bone_dice : float
        Of all bone against the truth.
    class_dice : tuple of (str, float)
        Of each class in view.
    """

    agreement: float
    bone_dice: float
    class_dice: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Estimated Dice from self-agreement: a line, and the 5 and 95 % quantiles of what is left over."""

    intercept: float
    slope: float
    low: float
    high: float


def look_at(network: Callable[..., NDArray[np.float32]], stacks: Iterable[Stack], *, seed: int) -> list[HeldOut]:
    """Segment random studies of people, half of them without STIR.

    Parameters
    ----------
    network : callable
        As `marrowsignal.marrow.automatic.weights.load_network` gives it.
    stacks : iterable of Stack
        People never trained on.
    seed : int
        Of the studies.

    Returns
    -------
    list of HeldOut
        Three studies of each person.
    """
    rng = np.random.default_rng([seed, 1])
    return [_look(network, stack, rng) for stack in stacks for _ in range(_DRAWS)]


def _look(network: Callable[..., NDArray[np.float32]], stack: Stack, rng: np.random.Generator) -> HeldOut:
    t1, stir = draw_study(stack, rng)
    display = Display(
        order=(0, 1, 2),
        flipped=(False, False, False),
        spacing_mm=(stack.slice_distance_mm, PIXEL_MM, PIXEL_MM),
        normal_lps=(float(stack.normal_lps[0]), float(stack.normal_lps[1]), float(stack.normal_lps[2])),
        plane=int(np.argmax(np.abs(stack.normal_lps))),
    )
    belief = believe(network, t1, stir if rng.random() < 0.5 else None, display=display)
    shares = resampled(
        belief.shares,
        pixel_mm=(belief.pixel_mm, belief.pixel_mm),
        new_mm=(PIXEL_MM, PIXEL_MM),
        shape=(t1.shape[1], t1.shape[2]),
    )
    found, true = likeliest(shares), stack.classes
    least = _SEEN_ML * 1000.0 / (stack.slice_distance_mm * PIXEL_MM**2)
    return HeldOut(
        agreement=belief.agreement,
        bone_dice=_dice(found > 0, true > 0),
        class_dice=tuple(
            (kind.name.lower(), _dice(found == kind, true == kind))
            for kind in BoneClass
            if kind and (true == kind).sum() >= least
        ),
    )


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2.0 * (a & b).sum() / max(int(a.sum()) + int(b.sum()), 1))


def fit_rule(seen: list[HeldOut]) -> Rule:
    """Fit the line by least squares.

    Parameters
    ----------
    seen : list of HeldOut
        Of `look_at`.

    Returns
    -------
    Rule
        Line and interval.
    """
    agreement, dice = (np.array([getattr(one, name) for one in seen]) for name in ("agreement", "bone_dice"))
    slope, intercept = np.polyfit(agreement, dice, 1)
    low, high = np.quantile(dice - intercept - slope * agreement, _INTERVAL)
    return Rule(intercept=float(intercept), slope=float(slope), low=float(low), high=float(high))


def median_dice(seen: list[HeldOut]) -> dict[str, float]:
    """Median Dice of each class over the studies that show it."""
    by_name: dict[str, list[float]] = {}
    for name, dice in (pair for one in seen for pair in one.class_dice):
        by_name.setdefault(name, []).append(dice)
    return {name: round(float(np.median(values)), 3) for name, values in sorted(by_name.items())}
