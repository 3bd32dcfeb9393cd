"""A new study segmented by an atlas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.atlas.ballot import Voter, hold_ballot
from marrowsignal.marrow.atlas.decision import expected_dice, inside_of, named_labels, probability_of
from marrowsignal.marrow.atlas.estimate import estimate_dice, looks_foreign
from marrowsignal.marrow.atlas.frame import turn_to
from marrowsignal.marrow.atlas.records import Atlas
from marrowsignal.marrow.atlas.study_view import open_study, view_study
from marrowsignal.marrow.records import MarrowSource, Segmentation

__all__ = ["segment_with_atlas"]

_STAGE = "segment_marrow"


def segment_with_atlas(pair: AlignedPair, atlas: Atlas) -> Segmentation:
    """Segment marrow as the experts of an atlas did.

    Parameters
    ----------
    pair : AlignedPair
        T1, and STIR when there is one; only local contrast counts, so shading may be corrected or not.
    atlas : Atlas
        From `read_atlas` or `build_atlas`.

    Returns
    -------
    Segmentation
        Labels with the atlas' own names on the T1 grid, probability, and estimated Dice with its 90 % interval.

    Raises
    ------
    MaskError
        If the study's slices lie in another plane than the atlas'.
    """
    settings = atlas.settings
    geometry = pair.t1.geometry
    turn = turn_to(atlas.directions_lps, geometry)
    spacing = turn.spacing_of(geometry)
    stir = pair.comparable_stir if atlas.stir_trees is not None else None
    study = open_study(
        turn.forth(pair.t1.array),
        None if stir is None else turn.forth(stir.array),
        spacing_mm=spacing,
        directions_lps=turn.directions_of(geometry),
        settings=settings,
    )
    voters = [
        Voter(
            view=view_study(s.t1, spacing_mm=s.spacing_mm, settings=settings),
            labels=s.labels,
            number=n,
        )
        for n, s in enumerate(atlas.subjects)
    ]
    ballot = hold_ballot(study, voters, atlas.template, settings=settings)
    trees = atlas.trees if stir is None or atlas.stir_trees is None else atlas.stir_trees
    probability = probability_of(ballot.seen, trees, settings)
    inside = inside_of(probability, spacing_mm=spacing, settings=settings)

    def whole(part: NDArray[np.generic]) -> NDArray[np.generic]:
        array = np.zeros(study.wide.shape, part.dtype)
        array[ballot.box] = part
        return turn.back(array)

    foreign = looks_foreign(ballot.placed, atlas.left_out, share=settings.foreign.value)
    labels = whole(named_labels(inside, ballot.votes)).astype(np.uint16)
    return Segmentation(
        labels=LabelVolume(array=labels, geometry=geometry, names=atlas.names),
        kind=atlas.kind,
        source=MarrowSource.ATLAS,
        made_by=f"atlas of {len(atlas.subjects)} studies, {atlas.sha256[:12] or 'not stored'}, {atlas.version}",
        probability=whole(probability).astype(np.float32),
        estimate=estimate_dice(expected_dice(probability, inside), atlas.left_out, foreign=foreign),
        findings=(_foreign(ballot.placed, atlas),) if foreign else (),
    )


def _foreign(placed: float, atlas: Atlas) -> Finding:
    lowest = min(row.placed for row in atlas.left_out)
    return Finding(
        code="atlas_foreign",
        stage=_STAGE,
        severity=Severity.WARN,
        message=f"the study looks little like the atlas (correlation {placed:.2f}; its own subjects {lowest:.2f} "
        "or more): other anatomy, plane or contrast, or laid wrongly",
    )
