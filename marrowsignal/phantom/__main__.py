"""``python -m marrowsignal.phantom NAME -o DIR``: write a synthetic study with its truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from marrowsignal.errors import MarrowSignalError
from marrowsignal.phantom.options import StudyOptions
from marrowsignal.phantom.study import make_study, names


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m marrowsignal.phantom", description=__doc__)
    parser.add_argument("name", help="one of: " + ", ".join(names()))
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, default=1, help="anatomy, bias and noise follow from it")
    parser.add_argument("--mirrored", action="store_true", help="swap left and right of the patient")
    given = parser.parse_args(arguments)
    try:
        truth = make_study(given.name, given.output, seed=given.seed, options=StudyOptions(mirrored=given.mirrored))
    except MarrowSignalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stderr.write(f"wrote {truth.pattern} (side: {truth.side}, seed {truth.seed})\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
