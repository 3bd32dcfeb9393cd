"""Which studies lie far from those they belong with, and which to look at first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.cohort.page.group_statistics import FEWEST_FOR_OUTLIERS, OUTLIER_Z, robust_z
from marrowsignal.cohort.page.measures import Measure
from marrowsignal.cohort.page.page_data import CohortData, GateOutcome, RegionValues

__all__ = ["OutlierSet", "Suspect", "find_outliers", "small_protocols", "suspects"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_COMMON_BITS = 1.0
_REGION_MEASURES = (
    ("fat", "fat-signal index"),
    ("t1", "T1 / muscle"),
    ("stir", "STIR / muscle"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutlierSet:
    """Outliers of one number.

    Attributes
    ----------
    key, title : str
        Of the number; of a region it begins with the region.
    technical : bool
        Whether it tells of acquisition, alignment or mask, and not of marrow.
    study : ndarray of int64, shape (outlier,)
        Row of the study, the farthest first.
    values, z : ndarray of float64, shape (outlier,)
        What was measured, and robust standard deviations from the median of its protocol.
    words : tuple of str
        Value and z of each.
    compared : int
        Studies or sides that were compared.
    """

    key: str
    title: str
    technical: bool
    study: Integers
    values: Floats
    z: Floats
    words: tuple[str, ...]
    compared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A study and its grounds, the rarest first; `rarest` and `rarity` are of that one and of all, in bits."""

    study: int
    grounds: tuple[str, ...]
    rarest: float
    rarity: float


def find_outliers(data: CohortData, measures: Sequence[Measure]) -> tuple[OutlierSet, ...]:
    """Find outliers of each number, studies of one protocol among themselves.

    Parameters
    ----------
    data : CohortData
        The cohort.
    measures : sequence of Measure
        Numbers of a study as a whole; those of marrow are told by region instead.

    Returns
    -------
    tuple of OutlierSet
        Those with any outlier, in the order of measures and regions.
    """
    protocols = np.asarray(data.studies.text("protocol"), dtype=object)
    everyone = np.arange(data.studies.count)
    found = [_of_measure(measure, everyone, protocols) for measure in measures if not measure.of_marrow]
    for region in data.regions:
        columns = (region.fat_signal_index, region.t1_to_muscle, region.stir_to_muscle)
        for (key, title), values in zip(_REGION_MEASURES, columns, strict=True):
            found.append(_of_region(region, f"{region.key}.{key}", title, values, protocols))
    return tuple(one for one in found if one.study.size)


def small_protocols(data: CohortData) -> tuple[str, ...]:
    """Return the protocols with too few studies to tell an outlier."""
    told = [name for name in data.studies.text("protocol") if name]
    return tuple(name for name in sorted(set(told)) if told.count(name) < FEWEST_FOR_OUTLIERS)


def suspects(data: CohortData, outliers: Sequence[OutlierSet]) -> tuple[Suspect, ...]:
    """Rank the studies that have any ground to look at them, a failed gate or an outlier, by the rarest one of each.

    A failed gate weighs -log2 p where a share p of the studies of the same protocol fails it: what fails in every
    second one tells of the protocol, not of a study, and is none. The n-th farthest outlier of a number weighs as one
    that n of those compared have, and 2 log2(z / 3.5) more for its distance, as Chebyshev's inequality bounds tails.

    Parameters
    ----------
    data : CohortData
        The cohort.
    outliers : sequence of OutlierSet
        As `find_outliers` gives them.
    """
    protocols = np.asarray(data.studies.text("protocol"), dtype=object)
    grounds: dict[int, list[tuple[float, str]]] = {}
    for gate in data.gates:
        title = f"fails: {_gate_title(gate)}"
        for protocol in sorted(set(protocols[gate.failed].tolist())):
            failed = gate.failed[protocols[gate.failed] == protocol]
            bits = math.log2(int((protocols == protocol).sum()) / failed.size)
            for at in failed.tolist() if bits > _COMMON_BITS else ():
                grounds.setdefault(at, []).append((bits, title))
    # A region that is far off is so by several numbers at once: one ground a study, the rarest.
    marrow: dict[int, tuple[float, str]] = {}
    for one in outliers:
        rows = zip(one.study.tolist(), one.z.tolist(), one.words, strict=True)
        for place, (at, z, words) in enumerate(rows, start=1):
            bits = math.log2(one.compared / place) + 2 * math.log2(abs(z) / OUTLIER_Z)
            ground = (bits, f"{one.title} {words}")
            if one.technical:
                grounds.setdefault(at, []).append(ground)
            elif ground > marrow.get(at, (-1.0, "")):
                marrow[at] = ground
    for at, ground in marrow.items():
        grounds.setdefault(at, []).append(ground)
    ranked = [
        Suspect(
            study=at,
            grounds=tuple(words for _, words in sorted(told, key=lambda one: (-one[0], one[1]))),
            rarest=max(bits for bits, _ in told),
            rarity=sum(bits for bits, _ in told),
        )
        for at, told in grounds.items()
    ]
    return tuple(sorted(ranked, key=lambda one: (-one.rarest, -one.rarity, one.study)))


def _gate_title(gate: GateOutcome) -> str:
    return f"{gate.name}, {gate.series}" if gate.series and gate.series not in gate.name else gate.name


def _of_measure(measure: Measure, study: Integers, protocols: NDArray[np.object_]) -> OutlierSet:
    z = _within(measure.values, protocols, logarithmic=measure.logarithmic)
    if measure.high_only:
        z = np.where(z > 0, z, 0.0) + np.where(np.isfinite(z), 0.0, np.nan)
    told = [measure.words(value) if np.isfinite(value) else "" for value in measure.values.tolist()]
    return _set((measure.key, measure.title), study, measure.values, z, told)


def _of_region(
    region: RegionValues, key: str, title: str, values: Floats, protocols: NDArray[np.object_]
) -> OutlierSet:
    z = _within(values, protocols[region.study])
    told = [
        f"{value:.2f}{'' if side == 'none' else f' {side}'}"
        for value, side in zip(values.tolist(), region.side, strict=True)
    ]
    found = _set((key, f"{region.name}: {title}"), region.study, values, z, told)
    return replace(found, technical=False)


def _within(values: Floats, protocols: NDArray[np.object_], *, logarithmic: bool = False) -> Floats:
    z = np.full(values.shape, np.nan)
    for protocol in sorted(set(protocols.tolist())):
        held = protocols == protocol
        z[held] = robust_z(values[held], logarithmic=logarithmic)
    return z


def _set(named: tuple[str, str], study: Integers, values: Floats, z: Floats, told: list[str]) -> OutlierSet:
    far = np.flatnonzero(np.abs(np.nan_to_num(z)) > OUTLIER_Z)
    far = far[np.lexsort((study[far], -np.abs(z[far])))]
    words = tuple(f"{told[at]} (z {z[at]:+.1f})".replace("-", "−") for at in far.tolist())
    key, title = named
    return OutlierSet(
        key=key,
        title=title,
        technical=True,
        study=study[far],
        values=values[far],
        z=z[far],
        words=words,
        compared=int(np.isfinite(z).sum()),
    )
