"""Where a voxel model sees lesions in a study."""

from __future__ import annotations

import numpy as np

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.intensity.records import References
from marrowsignal.learned_lesions.features import context_features, voxel_features
from marrowsignal.learned_lesions.storage import StoredModel
from marrowsignal.learned_lesions.view import view_lesions
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.records import LesionProposal

__all__ = ["propose_lesions"]


def propose_lesions(
    pair: AlignedPair,
    marrow: MarrowMask,
    regions: RegionMap,
    references: References,
    *,
    stored: StoredModel,
    protocol: Protocol,
) -> LesionProposal | None:
    """Judge every voxel of marrow next to anything that stands out on STIR.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    marrow : MarrowMask
        Where marrow is.
    regions : RegionMap
        Midline and joint surface.
    references : References
        Muscle; the atlas' usual level stands in where there is none.
    stored : StoredModel
        From `read_lesion_model`.
    protocol : Protocol
        Smoothing and exponent of D06.

    Returns
    -------
    LesionProposal or None
        Probability on the T1 grid; None where lesions cannot be looked for in the study (SCIENCE 6).

    Raises
    ------
    MaskError
        If the model asks for other features than this version gives.
    """
    model = stored.model
    view = view_lesions(pair, marrow, regions, references, protocol=protocol, settings=model.settings)
    if view is None:
        return None
    features = voxel_features(view, view.muscle or model.muscle)
    around = context_features(view, model.first.probability(features))
    inside = np.zeros(view.looked_at.shape, np.float32)
    inside[view.looked_at] = model.second.probability(np.hstack([features, around]))
    probability = np.zeros(pair.t1.geometry.shape, np.float32)
    probability[view.box] = inside
    return LesionProposal(
        probability=probability,
        cut=model.cut,
        made_by=f"voxel model of {len(model.left_out)} labelled studies, atlas {stored.sha256[:12]}, {stored.version}",
        quality_note=_quality(stored),
    )


def _quality(stored: StoredModel) -> str:
    model = stored.model
    if not model.left_out:
        return ""
    worst = min(row.dice for row in model.left_out)
    text = f"left-out Dice {model.left_out_dice:.2f} on average, {worst:.2f} at worst"
    between = [row.reads_dice for row in model.left_out if row.reads_dice is not None]
    return f"{text}; reads among each other {np.mean(between):.2f}" if between else text
