"""How well a voxel model of all but one labelled study finds the lesions of that one, beside the rules.

``python benchmarks/lesions_leave_one_out.py MANIFEST.csv [--protocol pelvis_sij]`` prepares every row with lesions as
the pipeline does, learns from the others, and prints, for the lesions that are measured in the end: mean Dice against
the reads by the model and by the rules, volumes, and how long the model took; then the rank correlation of volumes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from marrowsignal.alignment import AlignedPair
from marrowsignal.intensity import References
from marrowsignal.learned_lesions import propose_lesions
from marrowsignal.learned_lesions.learn import fit_lesions
from marrowsignal.learned_lesions.storage import StoredModel
from marrowsignal.learned_lesions.studies import PreparedStudy, prepare_study
from marrowsignal.marrow import MarrowMask
from marrowsignal.marrow.atlas.manifest import read_manifest
from marrowsignal.marrow.records import MaskKind
from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.regions import RegionMap
from marrowsignal.signals import measure_signals
from marrowsignal.signals.records import LesionProposal

__all__ = ["Scored", "left_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One study left out."""

    by_model: float
    by_rules: float
    model_ml: float
    rules_ml: float
    read_ml: float
    seconds: float


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--protocol", default="pelvis_sij")
    given = parser.parse_args()
    protocol = load_protocol(given.protocol)
    rows = [row for row in read_manifest(given.manifest) if row.lesions]
    studies = [prepare_study(row, kind=MaskKind.MARROW, protocol=protocol) for row in rows]
    scores = []
    for n, study in enumerate(studies):
        scores.append(left_out(study, [other for k, other in enumerate(studies) if k != n], protocol))
        sys.stdout.write(f"row {rows[n].number}: {_words(scores[-1])}\n")
        sys.stdout.flush()
    _sum_up(scores)


def left_out(study: PreparedStudy, others: Sequence[PreparedStudy], protocol: Protocol) -> Scored:
    """Learn from the others, find the lesions of a study by the model and by the rules, and compare with its reads."""
    model = fit_lesions([other.subject for other in others], settings=protocol.lesion_model)
    start = time.perf_counter()
    stored = StoredModel(model=model, sha256="not stored", version="")
    steps = (study.pair, study.marrow, study.regions, study.references)
    proposal = propose_lesions(*steps, stored=stored, protocol=protocol)
    seconds = time.perf_counter() - start
    learned, ruled = (_measured(*steps, protocol, given) for given in (proposal, None))
    voxel_ml = study.pair.t1.geometry.voxel_ml
    return Scored(
        by_model=_dice(learned, study),
        by_rules=_dice(ruled, study),
        model_ml=float(learned.sum()) * voxel_ml,
        rules_ml=float(ruled.sum()) * voxel_ml,
        read_ml=float(study.reads.sum(axis=(1, 2, 3)).mean()) * voxel_ml,
        seconds=seconds,
    )


def _measured(
    pair: AlignedPair,
    marrow: MarrowMask,
    regions: RegionMap,
    references: References,
    protocol: Protocol,
    proposal: LesionProposal | None,
) -> NDArray[np.bool_]:
    labels = measure_signals(pair, marrow, regions, references, protocol=protocol, proposal=proposal).lesion_labels
    return np.zeros(pair.t1.geometry.shape, bool) if labels is None else labels.mask


def _dice(found: NDArray[np.bool_], study: PreparedStudy) -> float:
    sizes = [(int((found & read).sum()), int(found.sum() + read.sum())) for read in study.reads]
    return float(np.mean([2 * both / size if size else 1.0 for both, size in sizes]))


def _words(score: Scored) -> str:
    return (
        f"Dice by the model {score.by_model:.3f}, by the rules {score.by_rules:.3f}; {score.model_ml:.1f} and "
        f"{score.rules_ml:.1f} mL, reads {score.read_ml:.1f} mL; model {score.seconds:.1f} s"
    )


def _sum_up(scores: Sequence[Scored]) -> None:
    model, rules, model_ml, rules_ml, read_ml, _ = np.array(
        [(s.by_model, s.by_rules, s.model_ml, s.rules_ml, s.read_ml, s.seconds) for s in scores]
    ).T
    ranks = [float(stats.spearmanr(found, read_ml).statistic) for found in (model_ml, rules_ml)]
    sys.stdout.write(
        f"mean Dice by the model {model.mean():.3f}, by the rules {rules.mean():.3f}; "
        f"rank correlation of volumes {ranks[0]:.2f} and {ranks[1]:.2f}\n"
    )


if __name__ == "__main__":
    main()
