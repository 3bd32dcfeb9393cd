"""Lesions of marrow: candidates, what each may be instead, and what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.signals.lesions.candidates import (
    SeedRule,
    by_size,
    connected_candidates,
    seeds_and_growth,
)
from marrowsignal.signals.lesions.exclusions.nerve_root import nerve_root
from marrowsignal.signals.lesions.exclusions.red_marrow import red_marrow
from marrowsignal.signals.lesions.exclusions.rim import rim
from marrowsignal.signals.lesions.exclusions.slice_end import slice_end
from marrowsignal.signals.lesions.exclusions.vessel import vessel
from marrowsignal.signals.lesions.fluid import fluid_mask
from marrowsignal.signals.lesions.place import region_of
from marrowsignal.signals.lesions.scene import Candidate, LesionScene, candidates_of
from marrowsignal.signals.lesions.water import seed_rule
from marrowsignal.signals.records import DroppedCandidate, LesionProposal

__all__ = ["FoundLesions", "find_lesions"]

_ELSEWHERE = "outside the named regions"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundLesions:
    """Lesions, and what was taken for something else.

    Attributes
    ----------
    labels : ndarray of uint16, shape (slice, row, column)
        1 is the largest lesion.
    dropped : tuple of DroppedCandidate
        Largest first.
    """

    labels: NDArray[np.uint16]
    dropped: tuple[DroppedCandidate, ...]


def find_lesions(scene: LesionScene, proposal: LesionProposal | None = None) -> FoundLesions:
    """Find what stands out on STIR from the patient's own marrow and is nothing else (SCIENCE 3.3, D34).

    Parameters
    ----------
    scene : LesionScene
        Images, marrow, references, cuts.
    proposal : LesionProposal, optional
        Voxels of a learned model, which take the place of seeds, growth and the rules of likeness. Fluid, slice ends
        and sizes hold for it too.

    Returns
    -------
    FoundLesions
        Every candidate that passed the rules of size is either a lesion or dropped with a reason.
    """
    settings = scene.settings
    allowed = scene.marrow & ~fluid_mask(scene.pair, scene.references, settings)
    if proposal is None:
        rule = seed_rule(scene)
        seeds, growth = seeds_and_growth(scene.excess, allowed, rule, settings=settings)
    else:
        rule = None
        seeds = growth = allowed & (proposal.probability >= proposal.cut)
    labels = connected_candidates(seeds, growth, spacing_mm=scene.spacing_mm, settings=settings)
    # wide enough for what any rule looks at around a candidate
    finest = settings.rim_pixels.value * max(scene.spacing_mm[1:])
    margin = max(settings.root_ring.value, 2 * settings.rim_depth.value, 2 * finest)
    found = candidates_of(labels, margin_mm=margin, spacing_mm=scene.spacing_mm)
    taken = {candidate.label: _taken_for(candidate, scene, rule) for candidate in found}
    keep = np.array([False, *(not kind for kind, _ in taken.values())])
    dropped = [_dropped(candidate, scene, *taken[candidate.label]) for candidate in found if not keep[candidate.label]]
    return FoundLesions(labels=by_size(labels, keep).astype(np.uint16), dropped=tuple(dropped))


def _taken_for(candidate: Candidate, scene: LesionScene, rule: SeedRule | None) -> tuple[str, str]:
    """Kind and reason of the first rule that tells what the candidate is; both empty for a lesion."""
    reason = slice_end(candidate, scene)
    if reason or rule is None:
        return ("slice_end", reason) if reason else ("", "")
    tests = (
        ("rim", rim(candidate, scene)),
        ("vessel", vessel(candidate, scene)),
        ("nerve_root", nerve_root(candidate, scene)),
        ("red_marrow", red_marrow(candidate, rule, scene.settings)),
    )
    return next(((kind, reason) for kind, reason in tests if reason), ("", ""))


def _dropped(candidate: Candidate, scene: LesionScene, kind: str, reason: str) -> DroppedCandidate:
    geometry = scene.pair.t1.geometry
    index = np.argwhere(candidate.mask).mean(axis=0) + [s.start for s in candidate.box]
    x, y, z = geometry.to_patient(index)
    region = region_of(scene.regions, candidate.of(scene.regions.labels.array))
    return DroppedCandidate(
        kind=kind,
        reason=reason,
        volume_ml=float(candidate.mask.sum()) * geometry.voxel_ml,
        region_name=region.name if region else _ELSEWHERE,
        centroid_lps_mm=(float(x), float(y), float(z)),
    )
