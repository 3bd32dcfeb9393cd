"""Measure this pipeline against its peers, print a table of ratios and write it as JSON.

``python -m benchmarks.peers [--only ingest,bias] [--rounds 3] [--quick]``; ``make bench BENCH_ARGS="..."`` makes the
peers' environment first. Real studies join where MARROWSIGNAL_REAL_DATA names their folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from . import batch, bias, end_to_end, ingest, regions, registration
from .machine import machine
from .measured import Comparison, Measured
from .setting import Setting
from .studies import real_studies, sample_studies
from .table import HEAD, lines_of, markdown_of
from .turns import ROOT, compare, last_line

__all__ = ["main"]

_PARTS: dict[str, Callable[[Setting], tuple[Comparison, ...]]] = {
    "ingest": ingest.comparisons,
    "registration": registration.comparisons,
    "bias": bias.comparisons,
    "statistics": regions.comparisons,
    "end-to-end": end_to_end.comparisons,
    "batch": batch.comparisons,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts that are asked for, all by default; 1 where one of our own ways could not be measured."""
    given = _parser().parse_args(arguments)
    start = time.perf_counter()
    told = machine(given.peers)
    rows: list[Measured] = []
    _say("  ".join(f"{key} {value}" for key, value in told.items()))
    _say(f"x: times what the first line of each group takes; medians of {given.rounds} rounds, ways in turns\n{HEAD}")
    with tempfile.TemporaryDirectory(prefix="bench_") as scratch:
        inputs = given.inputs or Path(scratch, "inputs")
        inputs.mkdir(parents=True, exist_ok=True)
        setting = Setting(
            inputs=inputs.resolve(),
            scratch=Path(scratch).resolve(),
            peers=given.peers.absolute(),
            rounds=given.rounds,
            studies=sample_studies()[:1] if given.quick else (*sample_studies(), *real_studies()),
            quick=given.quick,
        )
        for name in given.only:
            rows += _measured(name, setting)
    _write(given.out, told, rows)
    _say(f"{time.perf_counter() - start:.0f} s in all")
    return int(any(row.reason for row in rows if row.way.startswith("marrowsignal")))


def _measured(name: str, setting: Setting) -> list[Measured]:
    """Measure one part and say it at once; a part whose input cannot be made is told so."""
    rows: list[Measured] = []
    try:
        for comparison in _PARTS[name](setting):
            found = compare(comparison)
            rows += found
            _say("\n".join(lines_of(found)))
    except subprocess.CalledProcessError as error:
        why = f"what makes the input ended with {error.returncode}: {last_line(error.stderr)}"
        rows.append(Measured(comparison=name, study="", way="marrowsignal", threads=1, reason=why))
        _say("\n".join(lines_of(rows[-1:])))
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=_parts, default=tuple(_PARTS), help=f"some of {','.join(_PARTS)}")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes for each way")
    parser.add_argument("--quick", action="store_true", help="smallest inputs, one thread: whether everything runs")
    parser.add_argument("--out", type=Path, default=ROOT / "bench_out" / "bench.json")
    parser.add_argument("--inputs", type=Path, help="keep the inputs that are made here, for the next run")
    parser.add_argument("--peers", type=Path, default=ROOT / ".make" / "peers" / "bin" / "python", help="interpreter")
    return parser


def _parts(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in _PARTS:
            raise argparse.ArgumentTypeError(f"there is no part {name}; there are {', '.join(_PARTS)}")
    return names


def _write(file: Path, told: dict[str, str | int | float], rows: Sequence[Measured]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"schema_version": "1", "machine": told, "rows": [asdict(row) for row in rows]}
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    file.with_suffix(".md").write_text(markdown_of(rows), encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
