"""Fat and water parted by chemical shift: OP/IP (D11) and fat fraction (D12) of regions and lesions."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marrowsignal.alignment.records import ChemicalShift
from marrowsignal.intensity.records import References
from marrowsignal.regions.records import Region
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.chemical_shift_gates import NORMAL, BelievedShift, believed
from marrowsignal.signals.records import Lesion, Measurement, MeasurementStatus, RegionSignals, Signals
from marrowsignal.signals.statistics.bootstrap import interval
from marrowsignal.signals.statistics.descriptors import size_status, unmeasured
from marrowsignal.signals.statistics.levels import Channels, Images, LevelErrors, Levels, measure_levels
from marrowsignal.signals.statistics.ratios import fat_signal_index, ratio

__all__ = ["disler_ratio", "with_chemical_shift"]

_NOTHING = "no in- and opposed-phase or fat-fraction series"
_NOT_COVERED = "the chemical-shift series cover only part of it"
_FATTY = "fat outweighs water here and OP/IP rises again: a high value is no sign of replaced fat"
_FATTY_CONTROL = "fat outweighs water in the normal marrow it is compared with, whose OP/IP rises again"
_SEED = 50_000

Mask = NDArray[np.bool_]
Measured = TypeVar("Measured", RegionSignals, Lesion)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A value and its draws."""

    value: NDArray[np.float64]
    draws: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Meter:
    """The images that may be believed, and what they are measured with."""

    bench: Bench
    shift: BelievedShift
    covered: Mask
    phases: Images | None
    percent: Images | None
    normal: Levels | None = None

    def levels(self, images: Images, mask: Mask, seed: int) -> Levels | None:
        """Medians and draws; ratios of two echoes, and fractions, carry no shading."""
        index = np.flatnonzero(mask & self.covered)
        return measure_levels(images, index, settings=self.bench.protocol.signals, errors=LevelErrors(), seed=seed)

    def measure(self, mask: Mask, fat_signal: Measurement, seed: int) -> tuple[Measurement, ...]:
        """D11 and D12 of the voxels of `mask`."""
        share = float(np.mean(self.covered[mask])) if mask.any() else 0.0
        if share < self.bench.protocol.signals.min_coverage.value:
            return _none(_NOT_COVERED if mask.any() else "no voxels left to measure")
        return (*self._ratios(mask, fat_signal, seed), self._fraction(mask, seed))

    def _ratios(self, mask: Mask, fat_signal: Measurement, seed: int) -> tuple[Measurement, Measurement]:
        levels = None if self.phases is None else self.levels(self.phases, mask, seed)
        if levels is None or levels.stir is None:
            why = self.shift.no_phases or "no voxels left to measure"
            return unmeasured("D11", "sir_raw", why), unmeasured("D11", "sir_to_control", why)
        fatty = fat_signal.value is not None and self._fatty(fat_signal.value)
        raw = self._made("D11", "sir_raw", _Drawn(ratio(*levels.point), ratio(*levels.draws)), levels)
        if self.normal is None:
            double = unmeasured("D11", "sir_to_control", "no normal-marrow reference")
        else:
            drawn = _Drawn(_double(levels.point, self.normal.point), _double(levels.draws, self.normal.draws))
            double = self._made("D11", "sir_to_control", drawn, levels)
        if fatty:
            return _doubted(raw, _FATTY), _doubted(double, _FATTY)
        return raw, _doubted(double, _FATTY_CONTROL) if self._control_is_fatty() else double

    def _fatty(self, fat_signal: float) -> bool:
        return fat_signal > self.bench.protocol.chemical_shift.fat_dominant.value

    def _control_is_fatty(self) -> bool:
        tissues = self.bench.references
        if tissues.normal is None or tissues.muscle is None or tissues.fat is None:
            return False
        index = fat_signal_index(tissues.normal.t1, muscle=tissues.muscle.t1, fat=tissues.fat.t1)
        return self._fatty(float(index))

    def _fraction(self, mask: Mask, seed: int) -> Measurement:
        levels = None if self.percent is None else self.levels(self.percent, mask, seed)
        if levels is None:
            return unmeasured("D12", "pdff", self.shift.no_percent or "no voxels left to measure", "percent")
        return self._made("D12", "pdff", _Drawn(np.asarray(levels.t1), levels.t1_draws), levels, unit="percent")

    def _made(self, descriptor: str, name: str, drawn: _Drawn, levels: Levels, *, unit: str = "1") -> Measurement:
        status, reason = size_status(levels.volume_ml, levels.slices, self.bench.protocol.signals)
        if status is MeasurementStatus.NOT_EVALUABLE:
            return unmeasured(descriptor, name, reason, unit)
        value = float(drawn.value)
        if not np.isfinite(value) or not np.all(np.isfinite(drawn.draws)):
            return unmeasured(descriptor, name, "there is no signal in phase", unit)
        low, high = interval(drawn.draws, level=self.bench.protocol.signals.interval_level.value)
        return Measurement(
            id=descriptor,
            name=name,
            value=value,
            ci_low=min(low, value),
            ci_high=max(high, value),
            unit=unit,
            status=status,
            reason=reason,
        )


def disler_ratio(
    opposed: ArrayLike, in_phase: ArrayLike, *, control_opposed: ArrayLike, control_in_phase: ArrayLike
) -> NDArray[np.float64]:
    """Control-normalised double ratio (D11): ``(OP_r / OP_N) / (IP_r / IP_N)`` (Disler, AJR 1997;169:1439).

    It cancels coil, flip angle and T2* between the echoes as far as the control shares them; 0.81 parted neoplastic
    marrow there, and that cut does not hold for the raw ratio.

    Examples
    --------
    >>> float(disler_ratio(1.0, 2.0, control_opposed=1.0, control_in_phase=4.0))
    2.0
    """
    return ratio(ratio(opposed, control_opposed), ratio(in_phase, control_in_phase))


def with_chemical_shift(
    signals: Signals, bench: Bench, references: References, chemical_shift: ChemicalShift | None
) -> Signals:
    """Add `sir_raw`, `sir_to_control` (D11) and `pdff` (D12) to every region, part and lesion.

    Parameters
    ----------
    signals : Signals
        What was measured on T1 and STIR.
    bench : Bench
        Core, lesions, protocol.
    references : References
        Muscle and fat, which tell units, swaps and scales; normal marrow, the control.
    chemical_shift : ChemicalShift or None
        On the T1 grid; None where the study has none, which every measurement then says.

    Returns
    -------
    Signals
        Its findings tell of the series too.
    """
    meter = None if chemical_shift is None else _meter(bench, references, chemical_shift)
    return replace(
        signals,
        whole=_with(meter, signals.whole, lambda: bench.background, 0),
        regions=_places(meter, signals.regions, bench.regions.regions, bench),
        parts=_places(meter, signals.parts, bench.regions.parts, bench),
        lesions=_foci(meter, signals.lesions, bench.lesions),
        dark_foci=_foci(meter, signals.dark_foci, None if signals.dark_labels is None else signals.dark_labels.array),
        findings=(*signals.findings, *(chemical_shift.findings if chemical_shift else ())),
    )


def _meter(bench: Bench, references: References, shift: ChemicalShift) -> _Meter:
    trusted = believed(shift, references, settings=bench.protocol.chemical_shift)
    meter = _Meter(
        bench=bench,
        shift=trusted,
        covered=shift.covered_mask,
        phases=_images(bench, trusted.opposed, trusted.in_phase),
        percent=_images(bench, trusted.percent, None),
    )
    if meter.phases is None:
        return meter
    control = (references.labels.array == NORMAL) & (bench.lesions == 0)
    return replace(meter, normal=meter.levels(meter.phases, control, NORMAL))


def _images(bench: Bench, first: NDArray[np.float32] | None, second: NDArray[np.float32] | None) -> Images | None:
    if first is None:
        return None
    return Images(
        t1=first,
        stir=second,
        spacing_mm=bench.pair.t1.geometry.spacing_mm,
        sector_mm=bench.protocol.bias.sector_size.value,
    )


def _places(
    meter: _Meter | None, measured: tuple[RegionSignals, ...], places: tuple[Region, ...], bench: Bench
) -> tuple[RegionSignals, ...]:
    return tuple(
        _with(
            meter,
            signals,
            partial(_background_of, bench, place),
            zlib.crc32(place.key.encode()) % _SEED,
        )
        for signals, place in zip(measured, places, strict=True)
    )


def _background_of(bench: Bench, place: Region) -> Mask:
    return bench.background & bench.regions.inside(place)


def _foci(
    meter: _Meter | None, foci: tuple[Lesion, ...] | None, labels: NDArray[np.uint16] | None
) -> tuple[Lesion, ...] | None:
    if foci is None or labels is None:
        return foci
    return tuple(_with(meter, focus, partial(np.equal, labels, focus.label), focus.label) for focus in foci)


def _with(meter: _Meter | None, measured: Measured, mask: Callable[[], Mask], seed: int) -> Measured:
    fat_signal = measured.measurement("fat_signal_index")
    added: tuple[Measurement, ...] = (
        _none(_NOTHING) if meter is None else meter.measure(mask(), fat_signal, _SEED + seed)
    )
    return replace(measured, measurements=tuple(sorted((*measured.measurements, *added), key=lambda m: (m.id, m.name))))


def _none(reason: str) -> tuple[Measurement, ...]:
    return (
        unmeasured("D11", "sir_raw", reason),
        unmeasured("D11", "sir_to_control", reason),
        unmeasured("D12", "pdff", reason, "percent"),
    )


def _double(region: Channels, control: Channels) -> NDArray[np.float64]:
    return disler_ratio(*region, control_opposed=control[0], control_in_phase=control[1])


def _doubted(made: Measurement, why: str) -> Measurement:
    if made.value is None:
        return made
    reason = f"{made.reason}; {why}" if made.reason else why
    return replace(made, status=MeasurementStatus.EXPLORATORY, reason=reason)
