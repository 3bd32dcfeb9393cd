"""``python -m marrowsignal.training``: people, training, measurement on people held out, export; one command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from marrowsignal.marrow.automatic.weights import Session
from marrowsignal.training.calibrate import fit_rule, look_at, median_dice
from marrowsignal.training.export import Card, onnx_of, write_network
from marrowsignal.training.people import stored
from marrowsignal.training.train import train

__all__ = ["main"]

_VERSION = "1"
_HELD_OUT_EVERY = 12


def held_out(people: int) -> frozenset[int]:
    """Numbers of the people never trained on: every twelfth, and the last but one."""
    return frozenset((*range(_HELD_OUT_EVERY - 1, people, _HELD_OUT_EVERY), people - 2))


def main(arguments: list[str] | None = None) -> int:
    """Make the network's weights and their card.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line.

    Returns
    -------
    int
        0 when the files are written.
    """
    parser = argparse.ArgumentParser(prog="python -m marrowsignal.training", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("network"), help="folder for bones.onnx and bones.json")
    parser.add_argument(
        "--cache", type=Path, default=Path("people"), help="folder for rendered people and the last state"
    )
    parser.add_argument("--people", type=int, default=187)
    parser.add_argument("--rounds", type=int, nargs="+", default=[4000, 4000], help="batches of each round")
    parser.add_argument("--seed", type=int, default=6)
    chosen = parser.parse_args(arguments)
    apart = held_out(chosen.people)
    stacks = [stored(n, chosen.cache) for n in range(chosen.people) if n not in apart]
    net = train(stacks, rounds=chosen.rounds, seed=chosen.seed, keep=chosen.cache / "state.pt")
    weights = onnx_of(net)
    seen = look_at(Session(weights), [stored(n, chosen.cache) for n in sorted(apart)], seed=chosen.seed)
    rule = fit_rule(seen)
    card = Card(
        version=_VERSION,
        command=_command(chosen),
        seed=chosen.seed,
        people=len(stacks),
        steps=sum(chosen.rounds),
        held_out_people=len(apart),
        held_out_dice=median_dice(seen),
        dice_intercept=round(rule.intercept, 4),
        dice_slope=round(rule.slope, 4),
        dice_low=round(rule.low, 4),
        dice_high=round(rule.high, 4),
    )
    write_network(weights, card, chosen.out)
    sys.stderr.write(f"{len(weights)} bytes; {median_dice(seen)}\n")
    return 0


def _command(chosen: argparse.Namespace) -> str:
    rounds = " ".join(str(steps) for steps in chosen.rounds)
    return f"python -m marrowsignal.training --people {chosen.people} --rounds {rounds} --seed {chosen.seed}"


if __name__ == "__main__":
    raise SystemExit(main())
