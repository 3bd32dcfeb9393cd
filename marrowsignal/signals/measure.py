"""Everything that is measured, from voxels to regions, lesions and sides."""

from __future__ import annotations

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
from marrowsignal.signals.descriptors import ReferenceLevels, tissue_measurements, unmeasured
from marrowsignal.signals.lesion_measures import measure_lesions
from marrowsignal.signals.lesions import ExcessMap, excess_map, lesion_components
from marrowsignal.signals.levels import Levels
from marrowsignal.signals.ratios import fat_signal_index
from marrowsignal.signals.records import Measurement, RegionSignals, Signals, Symmetry
from marrowsignal.signals.symmetry import lesion_volume_asymmetry, mirrored, signal_asymmetry, tolerant_dice

__all__ = ["measure_signals"]

_STAGE = "measure_signals"
_WHOLE = "whole marrow without lesions"


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
        lesions taken out.
    """
    bench = _bench(pair, marrow, regions, references, protocol)
    fsi = _fat_signal_map(pair, marrow, references)
    red_like = _red_like(bench, fsi)
    geometry = pair.t1.geometry
    found = tuple(_region_signals(bench, region, red_like) for region in regions.regions)
    names = tuple((k, f"lesion {k}") for k in range(1, int(bench.lesions.max()) + 1))
    return Signals(
        whole=_whole_signals(bench, red_like),
        regions=found,
        lesions=measure_lesions(bench),
        symmetry=_symmetries(bench, red_like),
        lesion_labels=LabelVolume(array=bench.lesions, geometry=geometry, names=names),
        fat_signal_index=fsi,
        excess_index=np.where(marrow.labels.mask, bench.excess.d, np.float32(np.nan)).astype(np.float32),
        findings=_findings(marrow),
    )


def _bench(
    pair: AlignedPair, marrow: MarrowMask, regions: RegionMap, references: References, protocol: Protocol
) -> Bench:
    mask = marrow.labels.mask & pair.covered_mask
    spacing = pair.t1.geometry.spacing_mm
    lesions = np.zeros(mask.shape, np.uint16)
    excess = _excess(pair, mask, protocol)
    allowed = mask & ~_fluid(pair, references, protocol)
    if mask.any():
        lesions = lesion_components(excess, allowed, spacing_mm=spacing, settings=protocol.lesions)
    shading = (
        references.t1_residual_bias_fraction or 0.0,
        references.stir_residual_bias_fraction or 0.0,
    )
    draft = Bench(
        pair=pair,
        marrow=marrow,
        regions=regions,
        protocol=protocol,
        references=ReferenceLevels(muscle=None, fat=None, normal=None),
        # References span the whole field of view: shading moves what is measured against them, not them.
        shading=(0.0, 0.0),
        excess=excess,
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
        lesions=lesions,
        background=draft.background,
    )


def _excess(pair: AlignedPair, mask: NDArray[np.bool_], protocol: Protocol) -> ExcessMap:
    where = mask if mask.any() else np.ones_like(mask)
    floor = protocol.marrow.core_void_to_marrow.value * float(np.median(pair.t1.array[where]))
    return excess_map(
        pair.t1.array,
        pair.stir.array,
        where,
        spacing_mm=pair.t1.geometry.spacing_mm,
        t1_floor=max(floor, float(np.finfo(np.float32).tiny)),
        exponent=protocol.signals.excess_exponent.value,
        smoothing_mm=protocol.lesions.smoothing.value,
    )


def _fluid(pair: AlignedPair, references: References, protocol: Protocol) -> NDArray[np.bool_]:
    muscle = references.muscle
    if muscle.t1 is None or muscle.stir is None:
        return np.zeros(pair.t1.array.shape, bool)
    bright = pair.stir.array >= protocol.lesions.fluid_ratio.value * muscle.stir
    return np.asarray(bright & (pair.t1.array <= protocol.lesions.fluid_t1_to_muscle.value * muscle.t1))


def _reference_levels(bench: Bench, references: References, tissue: ReferenceTissue, value: int) -> Levels | None:
    if tissue.t1 is None:
        return None
    return bench.levels(references.labels.array == value, seed=value)


def _fat_signal_map(pair: AlignedPair, marrow: MarrowMask, references: References) -> NDArray[np.float32] | None:
    muscle, fat = references.muscle.t1, references.fat.t1
    if muscle is None or fat is None:
        return None
    index = fat_signal_index(pair.t1.array, muscle=muscle, fat=fat)
    return np.where(marrow.labels.mask, index, np.nan).astype(np.float32)


def _red_like(bench: Bench, fsi: NDArray[np.float32] | None) -> NDArray[np.bool_] | None:
    # Red-like: well below the middle of the band expected for the region and age (D22).
    if fsi is None:
        return None
    cut = np.full(fsi.shape, np.nan, np.float32)
    age = bench.pair.t1.acquisition.patient_age_y
    for region in bench.regions.regions:
        spec = bench.spec(region.key)
        if spec is None or spec.expected_fat_signal is None:
            continue
        older = age is not None and age > bench.protocol.evidence.old_age.value
        band = spec.expected_fat_signal.older if older else spec.expected_fat_signal.adult
        middle = 0.5 * (band.low + band.high)
        cut[bench.regions.labels.array == region.label] = middle - bench.protocol.signals.red_like_drop.value
    with np.errstate(invalid="ignore"):
        return np.asarray(bench.background & (fsi < cut))


def _region_signals(bench: Bench, region: Region, red_like: NDArray[np.bool_] | None) -> RegionSignals:
    inside = bench.regions.labels.array == region.label
    return _signals_of(bench, inside, red_like, region=region, seed=100 + region.label)


def _whole_signals(bench: Bench, red_like: NDArray[np.bool_] | None) -> RegionSignals:
    voxels = int(bench.marrow.labels.mask.sum())
    whole = Region(
        label=0,
        key="all",
        name=_WHOLE,
        side=Side.NONE,
        code=None,
        voxels=voxels,
        volume_ml=voxels * bench.pair.t1.geometry.voxel_ml,
    )
    return _signals_of(bench, bench.marrow.labels.mask, red_like, region=whole, seed=99)


def _signals_of(
    bench: Bench,
    inside: NDArray[np.bool_],
    red_like: NDArray[np.bool_] | None,
    *,
    region: Region,
    seed: int,
) -> RegionSignals:
    core = bench.background & inside
    levels = bench.levels(core, seed=seed)
    voxel_ml = bench.pair.t1.geometry.voxel_ml
    lesion_ml = float((inside & (bench.lesions > 0)).sum()) * voxel_ml
    measured = tissue_measurements(
        levels,
        bench.references,
        stir=bench.pair.stir.acquisition,
        settings=bench.protocol.signals,
    )
    extra = (
        _median_excess(bench, core),
        _share("D24", "lesion_extent", lesion_ml, float(inside.sum()) * voxel_ml),
        _red_share(red_like, core),
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
    if not core.any():
        return unmeasured("D06", "excess_index", "no voxels left after rim, voids and lesions were taken out")
    return Measurement(id="D06", name="excess_index", value=float(np.median(bench.excess.d[core])))


def _share(descriptor: str, name: str, part: float, whole: float) -> Measurement:
    if whole <= 0:
        return unmeasured(descriptor, name, "the region is empty", "percent")
    return Measurement(id=descriptor, name=name, value=100 * part / whole, unit="percent")


def _red_share(red_like: NDArray[np.bool_] | None, core: NDArray[np.bool_]) -> Measurement:
    if red_like is None:
        return unmeasured("D24", "red_like_extent", "no muscle or fat reference", "percent")
    return _share("D24", "red_like_extent", float((red_like & core).sum()), float(core.sum()))


def _symmetries(bench: Bench, red_like: NDArray[np.bool_] | None) -> tuple[Symmetry, ...]:
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
    rows = [
        _symmetry(bench, "all", "whole marrow", sides["all"], core, dice),
        _symmetry(bench, "background", _WHOLE, sides["all"], background, dice),
    ]
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
    left, right = (bench.levels(voxels & side, seed=10 + k) for k, side in enumerate(sides))
    signal = signal_asymmetry(left, right, settings=bench.protocol.signals)
    voxel_ml = bench.pair.t1.geometry.voxel_ml
    if left is None or right is None:
        lesions = unmeasured("D23", "lesion_volume_asymmetry", "one side has no marrow to measure", "percent")
    else:
        volumes = [float((side & (bench.lesions > 0)).sum()) * voxel_ml for side in sides]
        lesions = lesion_volume_asymmetry(*volumes)
    return Symmetry(key=key, name=name, measurements=(*signal, dice, lesions))


def _red_dice(bench: Bench, sides: tuple[NDArray[np.bool_], ...], red_like: NDArray[np.bool_] | None) -> Measurement:
    descriptor, name = "D22", "red_like_mirror_dice"
    midline = bench.regions.midline
    if red_like is None or midline is None:
        reason = "no midline" if midline is None else "no muscle or fat reference"
        return unmeasured(descriptor, name, reason, "Dice")
    shares = [100 * float((red_like & side).sum()) / max(1.0, float((bench.background & side).sum())) for side in sides]
    least = bench.protocol.signals.red_like_min_share.value
    if max(shares) < least:
        return unmeasured(descriptor, name, f"less than {least:g} % of either side is red-like", "Dice")
    geometry = bench.pair.t1.geometry
    value = tolerant_dice(
        red_like & sides[0],
        mirrored(red_like & sides[1], geometry, midline),
        spacing_mm=geometry.spacing_mm,
        tolerance_mm=bench.protocol.symmetry.dice_tolerance.value,
    )
    return Measurement(id=descriptor, name=name, value=value, unit="Dice")


def _findings(marrow: MarrowMask) -> tuple[Finding, ...]:
    if marrow.core_mask.any():
        return ()
    text = "No marrow core is left to measure after rim and signal voids were taken out."
    return (Finding(code="no_core", stage=_STAGE, severity=Severity.FAIL, message=text),)
