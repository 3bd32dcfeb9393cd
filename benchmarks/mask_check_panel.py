"""Fit and judge the estimate of a mask's Dice on spoilt masks of the phantom panel.

``python benchmarks/mask_check_panel.py CACHE [--people 0,3] [--workers N]`` spoils the marrow of every person in the
ways of `mask_degradations.py`, fits the rule of `marrowsignal.marrow.check.estimate`, prints how well it does on
people left out one at a time, and then the text of ``marrowsignal/marrow/check/data/dice_rule.toml``. Bones and slices
that are left out as a whole, and other structures taken as a whole, are judged but not fitted: what is there does not
tell of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gate_artifacts import clean_scan
from gate_panel import pair_of
from mask_degradations import degraded_masks
from numpy.typing import NDArray
from over_people import for_people
from panel_people import PEOPLE, Person, rendered
from scipy.optimize import nnls

from marrowsignal.intensity import correct_bias
from marrowsignal.marrow.check.estimate import FEATURES, DiceRule, features_of
from marrowsignal.marrow.check.look import look_at_mask
from marrowsignal.protocol import load_protocol

__all__: list[str] = ["Seen", "fitted", "judged"]

UNSEEN = ("half", "bone missing", "patches")
_QUANTILES = (0.05, 0.3, 0.6, 0.85)
_RIDGE = 0.3
_LEAST_SPREAD = 0.01  # what hardly varies on the panel gets no steep loss
_AT = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0)
_FLAG_BELOW = 0.70


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One mask: what it is, what it looks like and what it is worth."""

    person: int
    view: str
    kind: str
    amount: float
    dice: float
    features: tuple[float, ...]


def fitted(rows: Sequence[Seen], *, source: str = "") -> DiceRule:
    """Fit a rule whose estimate never rises with a feature, with the interval of what is left on people left out.

    Parameters
    ----------
    rows : sequence of Seen
        Masks of several people.
    source : str
        Where the numbers come from.
    """
    out = left_out(rows)
    error = np.array([row.dice for row in rows]) - out
    below, above = [], []
    for at in _AT:
        near = np.exp(-0.5 * ((out - at) / 0.08) ** 2)
        below.append(max(0.01, -_quantile(error, near, 0.05)))
        above.append(max(0.01, _quantile(error, near, 0.95)))
    terms, constant = _weights(rows)
    return DiceRule.model_validate(
        {"source": source, "constant": constant, "terms": terms, "at": _AT, "below": below, "above": above}
    )


def left_out(rows: Sequence[Seen]) -> NDArray[np.float64]:
    """Estimate each person's masks by a rule fitted on the others."""
    found = np.zeros(len(rows))
    for person in sorted({row.person for row in rows}):
        terms, constant = _weights([row for row in rows if row.person != person])
        rule = DiceRule.model_validate(
            {"source": "", "constant": constant, "terms": terms, "at": (0, 1), "below": (0, 0), "above": (0, 0)}
        )
        for index, row in enumerate(rows):
            if row.person == person:
                found[index] = rule.estimate(row.features)[0]
    return found


def _weights(rows: Sequence[Seen]) -> tuple[list[dict[str, object]], float]:
    fit = [row for row in rows if row.kind not in UNSEEN]
    features = np.array([row.features for row in fit])
    knots = [np.unique(np.round(np.quantile(column, _QUANTILES), 4)) for column in features.T]
    columns = [np.maximum(0, features[:, [i]] - k) for i, k in enumerate(knots)]
    matrix = np.concatenate([*columns, np.ones((len(fit), 1))], axis=1)
    scale = np.maximum(matrix.std(axis=0), _LEAST_SPREAD)
    scale[-1] = 1.0
    ridge = np.diag(np.sqrt(_RIDGE) * np.ones(matrix.shape[1]))
    ridge[-1, -1] = 0.0
    target = np.concatenate([1 - np.array([row.dice for row in fit]), np.zeros(matrix.shape[1])])
    weights = nnls(np.concatenate([matrix / scale, ridge]), target)[0] / scale
    terms: list[dict[str, object]] = []
    start = 0
    for name, k in zip(FEATURES, knots, strict=True):
        part = weights[start : start + k.size]
        start += k.size
        kept = part > 1e-4
        if kept.any():
            losses = [round(float(w), 4) for w in part[kept]]
            terms.append({"feature": name, "knots": [float(x) for x in k[kept]], "losses": losses})
    return terms, round(float(weights[-1]), 4)


def _quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])


def _of_person(number: int, cache: Path) -> Iterable[Seen]:
    person = PEOPLE[number]
    of = rendered(person, cache)
    protocol = load_protocol(of.protocol)
    pair = correct_bias(pair_of(clean_scan(of)), settings=protocol.bias)
    found = degraded_masks(
        of.bones.array,
        pair.t1.array,
        pair.body_mask,
        spacing_mm=of.t1_geometry.spacing_mm,
        rng=np.random.default_rng([61, number]),
        stranger=_stranger(person, cache),
    )
    for mask in found:
        features = features_of(look_at_mask(pair, mask.mask, settings=protocol.mask_check), protocol)
        if features is not None:
            yield Seen(
                person=number,
                view=person.view,
                kind=mask.kind,
                amount=mask.amount,
                dice=mask.dice,
                features=features,
            )


def _stranger(person: Person, cache: Path) -> NDArray[np.bool_] | None:
    others = [p.number for p in PEOPLE if p.view == person.view and p.number != person.number]
    if not others:
        return None
    with np.load(cache / f"person{others[person.number % len(others)]:02d}.npz") as kept:
        return np.asarray(kept["bones"] > 0)


def judged(rows: Sequence[Seen], estimates: NDArray[np.float64], low: NDArray[np.float64]) -> str:
    """Say how far estimates are off, how many bad masks are flagged and how many good ones are."""
    dice = np.array([row.dice for row in rows])
    seen = np.array([row.kind not in UNSEEN for row in rows])
    flagged = estimates < _FLAG_BELOW
    bad, good = seen & (dice < 0.60), seen & (dice > 0.85)
    lines = [
        f"{seen.sum()} masks: mean absolute error {np.abs(estimates - dice)[seen].mean():.3f}, "
        f"correlation {np.corrcoef(estimates[seen], dice[seen])[0, 1]:.3f}, "
        f"above the interval's low end {np.mean((dice >= low)[seen]):.0%}",
        f"flagged: {flagged[bad].sum()} of {bad.sum()} below 0.60, {flagged[good].sum()} of {good.sum()} above 0.85",
        "| kind | masks | Dice | estimated | mean absolute error |",
        "|---|---|---|---|---|",
    ]
    for kind in sorted({row.kind for row in rows}):
        of = np.array([row.kind == kind for row in rows])
        error = np.abs(estimates - dice)[of].mean()
        lines.append(f"| {kind} | {of.sum()} | {dice[of].mean():.2f} | {estimates[of].mean():.2f} | {error:.2f} |")
    return "\n".join(lines)


def rule_file(rule: DiceRule) -> str:
    """Write a rule as TOML."""

    def listed(values: Iterable[float]) -> str:
        return "[" + ", ".join(f"{v:.4g}" for v in values) + "]"

    lines = [
        f'source = "{rule.source}"',
        f"constant = {rule.constant:.4g}",
        *(f"{name} = {listed(getattr(rule, name))}" for name in ("at", "below", "above")),
    ]
    for term in rule.terms:
        lines += ["", "[[terms]]", f'feature = "{term.feature}"']
        lines += [f"knots = {listed(term.knots)}", f"losses = {listed(term.losses)}"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Go over the panel, fit, judge, print."""
    rows = for_people(_of_person, about=__doc__)
    people = len({row.person for row in rows})
    source = f"benchmarks/mask_check_panel.py: {len(rows)} spoilt masks of {people} phantom people [C]"
    rule = fitted(rows, source=source)
    out = left_out(rows)
    low = out - np.interp(out, rule.at, rule.below)
    sys.stdout.write(f"{judged(rows, out, low)}\n\n{rule_file(rule)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
