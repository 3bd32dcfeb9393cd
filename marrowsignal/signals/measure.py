"""Everything that is measured, from voxels to regions, lesions and sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marrowsignal.alignment.records import AlignedPair, ChemicalShift
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.records import References
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.bench_setup import NO_LEVEL, set_bench
from marrowsignal.signals.chemical_shift import with_chemical_shift
from marrowsignal.signals.distribution.bone_ends import bone_signals
from marrowsignal.signals.distribution.conversion import conversion_order
from marrowsignal.signals.distribution.fat_signal import fat_signal_map
from marrowsignal.signals.distribution.red_like import red_like_map
from marrowsignal.signals.distribution.rows import symmetries
from marrowsignal.signals.lesions.measures import measure_lesions
from marrowsignal.signals.records import LesionProposal, Signals
from marrowsignal.signals.region_table import region_signals, whole_signals
from marrowsignal.signals.shapes.bone_flames import bone_flames
from marrowsignal.signals.shapes.charcot import charcot_measurements
from marrowsignal.signals.shapes.foci import dark_foci
from marrowsignal.signals.shapes.heads import necrosis
from marrowsignal.signals.shapes.scene import shape_scene

__all__ = ["measure_signals"]

_STAGE = "measure_signals"


def measure_signals(  # noqa: PLR0913 - the products of five steps and what a study may have besides
    pair: AlignedPair,
    marrow: MarrowMask,
    regions: RegionMap,
    references: References,
    *,
    protocol: Protocol,
    chemical_shift: ChemicalShift | None = None,
    proposal: LesionProposal | None = None,
) -> Signals:
    """Measure every region, lesion and side.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected.
    marrow : MarrowMask
        Where marrow is, and its core.
    regions : RegionMap
        Named regions, midline, joint surface.
    references : References
        Muscle, fat, normal marrow.
    protocol : Protocol
        Cuts of lesions, sizes, bootstrap.
    chemical_shift : ChemicalShift, optional
        In and opposed phase, fat fraction; None where the study has none.
    proposal : LesionProposal, optional
        Where a learned model sees lesions; the rules of the protocol look for them without it.

    Returns
    -------
    Signals
        Lesions are looked for in the whole mask (subchondral disease lies at its rim); region ratios rest on the core,
        lesions taken out. Where the alignment allows medians of regions only there are no lesions and no excess; where
        it failed there is no value of STIR at all (SCIENCE 6). Each says why.
    """
    bench = set_bench(pair, marrow, regions, references, protocol, proposal)
    fsi = fat_signal_map(pair, marrow.labels, references)
    red_like = red_like_map(fsi, regions, age_y=pair.t1.acquisition.patient_age_y, protocol=protocol)
    found, parts = (
        tuple(region_signals(bench, region, red_like) for region in level) for level in (regions.regions, regions.parts)
    )
    scene = shape_scene(bench)
    dark_labels, foci = dark_foci(scene)
    signals = Signals(
        whole=whole_signals(bench, red_like),
        regions=found,
        parts=parts,
        lesions=None,
        symmetry=symmetries(bench, red_like),
        distribution=conversion_order(bench),
        bones=(*bone_signals(bench), *necrosis(bench), *bone_flames(bench, red_like)),
        dark_foci=foci,
        dark_labels=dark_labels,
        lesion_labels=None,
        fat_signal_index=fsi,
        excess_index=None,
        lesions_reason=bench.no_excess,
        findings=_findings(bench),
    )
    if bench.excess is None:
        return with_chemical_shift(signals, bench, references, chemical_shift)
    names = tuple((k, f"lesion {k}") for k in range(1, int(bench.lesions.max()) + 1))
    lesions = measure_lesions(scene)
    signals = replace(
        signals,
        lesions=lesions,
        distribution=(*signals.distribution, *charcot_measurements(lesions, protocol=protocol)),
        dropped=bench.dropped,
        lesion_labels=LabelVolume(array=bench.lesions, geometry=pair.t1.geometry, names=names),
        excess_index=np.where(marrow.labels.mask & pair.measurable_mask, bench.excess.d, np.nan).astype(np.float32),
    )
    return with_chemical_shift(signals, bench, references, chemical_shift)


def _findings(bench: Bench) -> tuple[Finding, ...]:
    found = []
    if not bench.marrow.core_mask.any():
        text = "No marrow core is left to measure after rim and signal voids were taken out."
        found.append(Finding(code="no_core", stage=_STAGE, severity=Severity.FAIL, message=text))
    if bench.no_excess == NO_LEVEL:
        found.append(Finding(code="no_normal_level", stage=_STAGE, severity=Severity.FAIL, message=f"{NO_LEVEL}."))
    for region in bench.regions.regions:
        if not bench.covered(bench.regions.labels.array == region.label):
            text = f"STIR covers only part of {region.name}: lesions there and its symmetry are not evaluable."
            found.append(Finding(code="region_not_covered", stage=_STAGE, severity=Severity.WARN, message=text))
    return tuple(found)
