"""Segmentation without labels from anyone, by a network that has seen phantoms only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.automatic.bones import NamedBones, likeliest, name_bones
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.marrow.automatic.inference import Belief, believe
from marrowsignal.marrow.automatic.refine import follow_edges
from marrowsignal.marrow.automatic.slices import Display, display_of, resampled
from marrowsignal.marrow.automatic.weights import load_network, network_card
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.protocol.schema import Protocol

__all__ = ["is_counted", "segment_automatic"]

_STAGE = "segment_marrow"
_COUNTED_REGION = "l5"
Images = NDArray[np.float32]


def segment_automatic(pair: AlignedPair, *, protocol: Protocol) -> Segmentation:
    """Segment bones without labels from anyone.

    A small network, trained on randomized phantoms alone, sees T1 (and STIR, where there is one that compares) slice by
    slice with its neighbours, straight and mirrored and at three sizes; the edges of its answer follow the patient's
    T1.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected, in any plane and any order of its axes.
    protocol : Protocol
        Edges, smallest pieces, how vertebrae are counted.

    Returns
    -------
    Segmentation
        Bones with names and sides, mean probability of being bone, and an estimated Dice; empty with a finding where
        nothing plausible was found.
    """
    settings = protocol.automatic
    display = display_of(pair.t1.geometry)
    t1 = display.shown(pair.t1.array)
    stir = None if pair.comparable_stir is None else display.shown(pair.comparable_stir.array)
    belief = believe(load_network(), t1, stir, display=display)
    shares = _at_full_size(belief, t1, display)
    edged = follow_edges(
        shares,
        t1,
        pixel_mm=display.spacing_mm[1:],
        reach_mm=settings.edge_reach.value,
        softness=settings.edge_softness.value,
    )
    # no bone lies in the air around, nor in padding
    classes = np.where(pair.body_mask, display.stored(likeliest(edged)), 0).astype(np.uint8)
    bones = name_bones(classes, pair.t1.geometry, settings=settings, counted=is_counted(protocol))
    probability = np.ascontiguousarray(display.stored(1.0 - shares[BoneClass.NONE]))
    return Segmentation(
        labels=LabelVolume(array=bones.labels, geometry=pair.t1.geometry, names=bones.names),
        kind=MaskKind.BONE,
        source=MarrowSource.AUTOMATIC,
        made_by=f"marrowsignal network {network_card().version}",
        probability=np.clip(probability, 0.0, 1.0),
        estimate=_estimate(belief) if bones.names else None,
        findings=_findings(bones),
    )


def is_counted(protocol: Protocol) -> bool:
    """Whether the study is about vertebrae, one by one."""
    return any(spec.key == _COUNTED_REGION for spec in protocol.regions)


def _at_full_size(belief: Belief, t1: Images, display: Display) -> Images:
    return resampled(
        belief.shares,
        pixel_mm=(belief.pixel_mm, belief.pixel_mm),
        new_mm=display.spacing_mm[1:],
        shape=(t1.shape[1], t1.shape[2]),
    )


def _estimate(belief: Belief) -> tuple[float, float, float]:
    """Dice against an expert as held-out phantoms with the same agreement had it, with its 90 % range."""
    card = network_card()
    middle = card.dice_intercept + card.dice_slope * belief.agreement
    low, high = middle + card.dice_low, middle + card.dice_high
    return float(np.clip(middle, 0.0, 1.0)), float(np.clip(low, 0.0, 1.0)), float(np.clip(high, 0.0, 1.0))


def _findings(bones: NamedBones) -> tuple[Finding, ...]:
    if not bones.names:
        text = (
            "No bone was found without labels: supply a mask (--marrow), an atlas of own studies "
            "(--marrow-from atlas:FOLDER) or an external segmenter."
        )
        return (Finding(code="no_marrow_found", stage=_STAGE, severity=Severity.FAIL, message=text),)
    if bones.levels_known is False:
        text = "No sacrum below the vertebrae in view: they are numbered from below, their levels are not known."
        return (Finding(code="vertebral_levels_unknown", stage=_STAGE, severity=Severity.WARN, message=text),)
    return ()
