"""Everything that is measured, from voxels to regions, lesions and sides."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.intensity.records import References, ReferenceTissue
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import Region, RegionMap, Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.distribution.symmetry import (
    lesion_volume_asymmetry,
    mirrored,
    signal_asymmetry,
    tolerant_dice,
)
from marrowsignal.signals.lesions.candidates import lesion_components
from marrowsignal.signals.lesions.measures import measure_lesions
from marrowsignal.signals.maps import RedLike, fat_signal_map, fluid_mask, marrow_excess, red_like_map
from marrowsignal.signals.records import Measurement, MeasurementStatus, RegionSignals, Signals, Symmetry
from marrowsignal.signals.statistics.descriptors import ReferenceLevels, size_status, tissue_measurements, unmeasured
from marrowsignal.signals.statistics.levels import Levels

__all__ = ["measure_signals"]

_STAGE = "measure_signals"
_WHOLE = "whole marrow without lesions"
_UNDIVIDED = "whole marrow, lesions not told apart"
_NO_BAND = "no band is expected for this region and age, or no muscle and fat reference"
_NO_LEVEL = "STIR of the marrow has no most frequent level above zero to compare with"


def measure_signals(
    pair: AlignedPair, marrow: MarrowMask, regions: RegionMap, references: References, *, protocol: Protocol
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

    Returns
    -------
    Signals
        Lesions are looked for in the whole mask (subchondral disease lies at its rim); region ratios rest on the core,
        lesions taken out. Where the alignment allows medians of regions only there are no lesions and no excess; where
        it failed there is no value of STIR at all (SCIENCE 6). Each says why.
    """
    bench = _bench(pair, marrow, regions, references, protocol)
    fsi = fat_signal_map(pair, marrow.labels, references)
    red_like = red_like_map(fsi, regions, age_y=pair.t1.acquisition.patient_age_y, protocol=protocol)
    found, parts = (
        tuple(_region_signals(bench, region, red_like) for region in level)
        for level in (regions.regions, regions.parts)
    )
    signals = Signals(
        whole=_whole_signals(bench, red_like),
        regions=found,
        parts=parts,
        lesions=None,
        symmetry=_symmetries(bench, red_like),
        lesion_labels=None,
        fat_signal_index=fsi,
        excess_index=None,
        lesions_reason=bench.no_excess,
        findings=_findings(bench),
    )
    if bench.excess is None:
        return signals
    names = tuple((k, f"lesion {k}") for k in range(1, int(bench.lesions.max()) + 1))
    return replace(
        signals,
        lesions=measure_lesions(bench),
        lesion_labels=LabelVolume(array=bench.lesions, geometry=pair.t1.geometry, names=names),
        excess_index=np.where(marrow.labels.mask & pair.measurable_mask, bench.excess.d, np.nan).astype(np.float32),
    )


def _bench(
    pair: AlignedPair, marrow: MarrowMask, regions: RegionMap, references: References, protocol: Protocol
) -> Bench:
    mask = marrow.labels.mask & pair.measurable_mask
    spacing = pair.t1.geometry.spacing_mm
    lesions = np.zeros(mask.shape, np.uint16)
    no_stir, no_excess = pair.no_stir, pair.no_lesions
    # STIR whose place is not known is as good as none.
    pair = replace(pair, stir=pair.comparable_stir, covered_mask=pair.shared_mask)
    excess = None if no_excess else marrow_excess(pair, mask, protocol)
    if excess is not None and not np.isfinite(excess.spread):
        excess, no_excess = None, _NO_LEVEL
    allowed = mask & ~fluid_mask(pair, references, protocol)
    if mask.any() and excess is not None:
        lesions = lesion_components(excess, allowed, spacing_mm=spacing, settings=protocol.lesions)
    # Shading that could not be measured is taken at the limit, never at nothing.
    t1_left, stir_left = references.t1_residual_bias_fraction, references.stir_residual_bias_fraction
    limit = protocol.bias.warn_residual.value
    shading = (limit if t1_left is None else t1_left, limit if stir_left is None else stir_left)
    draft = Bench(
        pair=pair,
        marrow=marrow,
        regions=regions,
        protocol=protocol,
        references=ReferenceLevels(muscle=None, fat=None, normal=None),
        # References span the whole field of view: shading moves what is measured against them, not them.
        shading=(0.0, 0.0),
        excess=excess,
        no_excess=no_excess,
        no_stir=no_stir,
        lesions=lesions,
        background=marrow.core_mask & (lesions == 0),
    )
    levels = [
        _reference_levels(draft, references, tissue, value) for value, tissue in enumerate(references.all_tissues(), 1)
    ]
    return Bench(
        pair=pair,
        marrow=marrow,
        regions=regions,
        protocol=protocol,
        references=ReferenceLevels(muscle=levels[0], fat=levels[1], normal=levels[2]),
        shading=shading,
        excess=excess,
        no_excess=no_excess,
        no_stir=no_stir,
        lesions=lesions,
        background=draft.background,
    )


def _reference_levels(bench: Bench, references: References, tissue: ReferenceTissue, value: int) -> Levels | None:
    if tissue.t1 is None:
        return None
    return bench.levels(references.labels.array == value, seed=value)


def _region_signals(bench: Bench, region: Region, red_like: RedLike | None) -> RegionSignals:
    inside = bench.regions.inside(region)
    return _signals_of(bench, inside, red_like, region=region, seed=_seed(region.key))


def _seed(key: str) -> int:
    # By region, not by side: the mirrored patient gets the mirrored draws.
    return 100 + zlib.crc32(key.encode()) % 10_000


def _whole_signals(bench: Bench, red_like: RedLike | None) -> RegionSignals:
    voxels = int(bench.marrow.labels.mask.sum())
    whole = Region(
        label=0,
        key="all",
        name=_UNDIVIDED if bench.no_excess else _WHOLE,
        side=Side.NONE,
        code=None,
        voxels=voxels,
        volume_ml=voxels * bench.pair.t1.geometry.voxel_ml,
    )
    return _signals_of(bench, bench.marrow.labels.mask, red_like, region=whole, seed=99)


def _signals_of(
    bench: Bench,
    inside: NDArray[np.bool_],
    red_like: RedLike | None,
    *,
    region: Region,
    seed: int,
) -> RegionSignals:
    core = bench.background & inside
    levels = bench.levels(core, seed=seed)
    voxel_ml = bench.pair.t1.geometry.voxel_ml
    not_looked_at = bench.not_looked_at(inside)
    lesion_ml = None if not_looked_at else float((inside & (bench.lesions > 0)).sum()) * voxel_ml
    measured = tissue_measurements(
        levels,
        bench.references,
        stir=bench.stir_acquisition,
        settings=bench.protocol.signals,
    )
    extra = (
        _median_excess(bench, core),
        unmeasured("D24", "lesion_extent", not_looked_at, "percent")
        if lesion_ml is None
        else _share("D24", "lesion_extent", lesion_ml, float(inside.sum()) * voxel_ml),
        _red_share(bench, red_like, core),
    )
    return RegionSignals(
        region_label=region.label,
        key=region.key,
        name=region.name,
        side=region.side,
        core_voxels=int(core.sum()),
        slices=levels.slices if levels else 0,
        core_volume_ml=float(core.sum()) * voxel_ml,
        t1_median=levels.t1 if levels else None,
        stir_median=levels.stir if levels else None,
        lesion_ml=lesion_ml,
        measurements=tuple(sorted((*measured, *extra), key=lambda m: (m.id, m.name))),
    )


def _median_excess(bench: Bench, core: NDArray[np.bool_]) -> Measurement:
    status, reason = _size(bench, core)
    if status is MeasurementStatus.NOT_EVALUABLE or bench.no_excess:
        return unmeasured("D06", "excess_index", bench.no_excess or reason)
    value = bench.median_excess(core)
    return Measurement(id="D06", name="excess_index", value=value, status=status, reason=reason)


def _size(bench: Bench, core: NDArray[np.bool_]) -> tuple[MeasurementStatus, str]:
    volume_ml = float(core.sum()) * bench.pair.t1.geometry.voxel_ml
    return size_status(volume_ml, int(core.any(axis=(1, 2)).sum()), bench.protocol.signals)


def _share(descriptor: str, name: str, part: float, whole: float) -> Measurement:
    if whole <= 0:
        return unmeasured(descriptor, name, "the region is empty", "percent")
    return Measurement(id=descriptor, name=name, value=100 * part / whole, unit="percent")


def _red_share(bench: Bench, red_like: RedLike | None, core: NDArray[np.bool_]) -> Measurement:
    status, reason = _size(bench, core)
    if status is MeasurementStatus.NOT_EVALUABLE:
        return unmeasured("D24", "red_like_extent", reason, "percent")
    judged = None if red_like is None else red_like.judged & core
    if red_like is None or judged is None or not judged.any():
        return unmeasured("D24", "red_like_extent", _NO_BAND, "percent")
    return _share("D24", "red_like_extent", float((red_like.mask & judged).sum()), float(judged.sum()))


def _symmetries(bench: Bench, red_like: RedLike | None) -> tuple[Symmetry, ...]:
    sides = {
        key: tuple(
            np.isin(
                bench.regions.labels.array,
                [r.label for r in bench.regions.regions if r.side is side and key in ("all", r.key)],
            )
            for side in (Side.LEFT, Side.RIGHT)
        )
        for key in ("all", *dict.fromkeys(r.key for r in bench.regions.regions if r.side is Side.LEFT))
    }
    core, background = bench.marrow.core_mask, bench.background
    dice = _red_dice(bench, sides["all"], red_like)
    rows = [_symmetry(bench, "all", "whole marrow", sides["all"], core, dice)]
    if not bench.no_excess:
        rows.append(_symmetry(bench, "background", _WHOLE, sides["all"], background, dice))
    # A single pair is the whole marrow, said once.
    for key, pair in list(sides.items())[1:] if len(sides) > 2 else []:
        spec = bench.spec(key)
        name = spec.name if spec else key
        rows.append(_symmetry(bench, key, name, pair, core, _red_dice(bench, pair, red_like)))
    return tuple(rows)


def _symmetry(
    bench: Bench,
    key: str,
    name: str,
    sides: tuple[NDArray[np.bool_], ...],
    voxels: NDArray[np.bool_],
    dice: Measurement,
) -> Symmetry:
    covered = all(bench.covered(side) for side in sides)
    left, right = (bench.levels(voxels & side, seed=_seed(key)) if covered else None for side in sides)
    signal = signal_asymmetry(left, right, settings=bench.protocol.signals)
    voxel_ml = bench.pair.t1.geometry.voxel_ml
    missing = "one side has no marrow to measure" if left is None or right is None else bench.no_excess
    if missing:
        lesions = unmeasured("D23", "lesion_volume_asymmetry", missing, "percent")
    else:
        volumes = [float((side & (bench.lesions > 0)).sum()) * voxel_ml for side in sides]
        lesions = lesion_volume_asymmetry(*volumes, firm_ml=bench.protocol.signals.full_volume.value)
    return Symmetry(key=key, name=name, measurements=(*signal, dice, lesions))


def _red_dice(bench: Bench, sides: tuple[NDArray[np.bool_], ...], red_like: RedLike | None) -> Measurement:
    descriptor, name = "D22", "red_like_mirror_dice"
    midline = bench.regions.midline
    if red_like is None or midline is None:
        return unmeasured(descriptor, name, "no midline" if midline is None else _NO_BAND, "Dice")
    red = red_like.mask & bench.background
    judged = red_like.judged & bench.background
    shares = [100 * float((red & side).sum()) / max(1.0, float((judged & side).sum())) for side in sides]
    least = bench.protocol.signals.red_like_min_share.value
    if max(shares) < least:
        return unmeasured(descriptor, name, f"less than {least:g} % of either side is red-like", "Dice")
    geometry = bench.pair.t1.geometry
    value = tolerant_dice(
        red & sides[0],
        mirrored(red & sides[1], geometry, midline),
        spacing_mm=geometry.spacing_mm,
        tolerance_mm=bench.protocol.symmetry.dice_tolerance.value,
    )
    return Measurement(id=descriptor, name=name, value=value, unit="Dice")


def _findings(bench: Bench) -> tuple[Finding, ...]:
    found = []
    if not bench.marrow.core_mask.any():
        text = "No marrow core is left to measure after rim and signal voids were taken out."
        found.append(Finding(code="no_core", stage=_STAGE, severity=Severity.FAIL, message=text))
    if bench.no_excess == _NO_LEVEL:
        found.append(Finding(code="no_normal_level", stage=_STAGE, severity=Severity.FAIL, message=f"{_NO_LEVEL}."))
    for region in bench.regions.regions:
        if not bench.covered(bench.regions.labels.array == region.label):
            text = f"STIR covers only part of {region.name}: lesions there and its symmetry are not evaluable."
            found.append(Finding(code="region_not_covered", stage=_STAGE, severity=Severity.WARN, message=text))
    return tuple(found)
