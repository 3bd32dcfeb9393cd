"""Setting the bench: what is looked for once, before anything is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.intensity.records import References
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.gathered import gather, rim_of
from marrowsignal.signals.lesions.excess import marrow_excess
from marrowsignal.signals.lesions.find import FoundLesions, find_lesions
from marrowsignal.signals.lesions.scene import LesionScene
from marrowsignal.signals.records import LesionProposal
from marrowsignal.signals.reference_levels import reference_levels
from marrowsignal.signals.statistics.levels import Images, LevelErrors

__all__ = ["NO_LEVEL", "set_bench"]

NO_LEVEL = "STIR of the marrow has no most frequent level above zero to compare with"


def set_bench(
    pair: AlignedPair,
    marrow: MarrowMask,
    regions: RegionMap,
    references: References,
    protocol: Protocol,
    proposal: LesionProposal | None = None,
) -> Bench:
    """Find lesions, by rules or from a learned model's proposal, background and reference levels of one study."""
    mask = marrow.labels.mask & pair.measurable_mask
    found = FoundLesions(labels=np.zeros(mask.shape, np.uint16), dropped=())
    no_stir, no_excess = pair.no_stir, pair.no_lesions
    # STIR whose place is not known is as good as none.
    pair = replace(pair, stir=pair.comparable_stir, covered_mask=pair.shared_mask)
    excess = None if no_excess else marrow_excess(pair, mask, protocol)
    if excess is not None and not np.isfinite(excess.spread):
        excess, no_excess = None, NO_LEVEL
    if mask.any() and excess is not None:
        scene = LesionScene(
            pair=pair, marrow=mask, regions=regions, references=references, excess=excess, protocol=protocol
        )
        found = find_lesions(scene, proposal)
    lesions = found.labels
    background = marrow.core_mask & (lesions == 0)
    images = Images(
        t1=np.ascontiguousarray(pair.t1.array),
        stir=None if pair.stir is None else np.ascontiguousarray(pair.stir.array),
        spacing_mm=pair.t1.geometry.spacing_mm,
        sector_mm=protocol.bias.sector_size.value,
    )
    return Bench(
        pair=pair,
        marrow=marrow,
        regions=regions,
        protocol=protocol,
        references=reference_levels(images, references, no_stir=no_stir, protocol=protocol),
        images=images,
        errors=_errors(pair, references, protocol),
        gathered=gather(regions),
        excess=excess,
        no_excess=no_excess,
        no_stir=no_stir,
        lesions=lesions,
        dropped=found.dropped,
        background=background,
        rim=rim_of(marrow.core_mask, marrow.labels.mask & (lesions == 0)),
    )


def _errors(pair: AlignedPair, references: References, protocol: Protocol) -> LevelErrors:
    # Shading that could not be measured is taken at the limit, never at nothing.
    limit, settings = protocol.bias.warn_residual.value, protocol.signals
    t1_left, stir_left = references.t1_residual_bias_fraction, references.stir_residual_bias_fraction
    return LevelErrors(
        shading=(limit if t1_left is None else t1_left, limit if stir_left is None else stir_left),
        whole=(settings.marrow_error_t1.value, settings.marrow_error_stir.value),
        shift_mm=_shift_mm(pair, protocol),
    )


def _shift_mm(pair: AlignedPair, protocol: Protocol) -> float:
    if pair.quality is None:
        return 0.0
    error = pair.quality.estimated_error_mm
    return protocol.alignment.region_only_error.value if error is None else error
