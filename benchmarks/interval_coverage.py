"""How often the intervals of region descriptors hold the truth, and how wide they are, on the phantom cohort.

``python benchmarks/interval_coverage.py CACHE [--first N] [--last N] [--whole]`` renders the noise-free images of each
study of `pattern_cohort` that is in CACHE, measures its regions and parts, and prints coverage at nominal 90 %, bias,
standard deviation of the error and median half-width, by descriptor and field strength; then the fat-signal index
against the fat fraction, and excess water of marrow without edema. The truth of a region is the median of noise-free
signal over its core, as SCIENCE 3 defines a region, or with ``--whole`` over all its marrow; that of muscle and fat is
the median over the pure tissue.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pattern_cohort import FIELDS_T, SIZE, CohortStudy, load_study, plan

from marrowsignal.phantom.catalogue import load_spec
from marrowsignal.phantom.study import clean_image, tissue_maps
from marrowsignal.phantom.subject import draw_subject
from marrowsignal.phantom.truth import reference_fat, reference_muscle
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import Region
from marrowsignal.signals.bench_setup import set_bench
from marrowsignal.signals.records import Measurement
from marrowsignal.signals.region_table import region_signals

_LEAST_VOXELS = 50
_NAMES = (
    "t1_marrow_to_muscle",
    "t1_marrow_to_fat",
    "fat_signal_index",
    "stir_marrow_to_muscle",
    "stir_marrow_to_normal",
    "fat_water_ratio",
    "fat_water_ratio_to_normal",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Clean:
    """Noise-free signal over that of lean muscle, and the fat fraction of marrow."""

    t1: NDArray[np.float64]
    stir: NDArray[np.float64]
    t1_fat: float
    fat_fraction: NDArray[np.float32]
    lesion: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One descriptor of one region."""

    level: str
    field_t: float
    name: str
    truth: float
    value: float
    low: float
    high: float
    fat_fraction: float


def render_clean(number: int) -> Clean:
    """Render one study of the cohort again, without noise, shading and limits of resolution."""
    name, seed, options = plan(number)
    person = options.person or load_spec(name).person
    view = options.view or load_spec(name).stack
    subject = draw_subject(seed, sex=person.sex, age_years=person.age_years, mirrored=options.mirrored)
    profile = view.profile(samples=options.sub_slices)
    maps = tissue_maps(name, view.geometry, subject=subject, pose=np.eye(4), profile=profile)
    t1, stir = (clean_image(maps, series.sequence) for series in (options.t1, options.stir) if series is not None)
    muscle, fat = reference_muscle(maps), reference_fat(maps)
    unit = float(np.median(t1[muscle]))
    return Clean(
        t1=t1 / unit,
        stir=stir / float(np.median(stir[muscle])),
        t1_fat=float(np.median(t1[fat])) / unit,
        fat_fraction=maps.fat_fraction,
        lesion=maps.lesion.mask,
    )


def measure(study: CohortStudy, clean: Clean, *, whole: bool) -> Iterator[Row]:
    """Measure every region and part of one study."""
    bench = set_bench(study.pair, study.marrow, study.regions, study.references, load_protocol("pelvis_sij"))
    normal = study.references.labels.array == 3
    for level, regions in (("region", study.regions.regions), ("part", study.regions.parts)):
        for region in regions:
            inside = _inside(study, clean, region, whole=whole)
            if inside.sum() < _LEAST_VOXELS:
                continue
            truth = _truth(clean, inside, normal)
            for found in region_signals(bench, region, None).measurements:
                if found.name in truth and found.value is not None:
                    fat_fraction = float(clean.fat_fraction[inside].mean(dtype=float))
                    yield _row(level, study.magnetic_field_strength_t, found, (truth[found.name], fat_fraction))


def _inside(study: CohortStudy, clean: Clean, region: Region, *, whole: bool) -> NDArray[np.bool_]:
    inside = study.regions.inside(region) & ~clean.lesion
    return inside if whole else inside & study.marrow.core_mask


def _truth(clean: Clean, inside: NDArray[np.bool_], normal: NDArray[np.bool_]) -> dict[str, float]:
    t1, stir = float(np.median(clean.t1[inside])), float(np.median(clean.stir[inside]))
    own = np.median(clean.t1[normal]), np.median(clean.stir[normal])
    values = (
        t1,
        t1 / clean.t1_fat,
        (t1 - 1) / (clean.t1_fat - 1),
        stir,
        stir / own[1],
        t1 / clean.t1_fat / stir,
        t1 / stir / (own[0] / own[1]),
    )
    found = {name: float(value) for name, value in zip(_NAMES, values, strict=True)}
    return found | {"excess_water": 1.0}


def _row(level: str, field_t: float, found: Measurement, truth: tuple[float, float]) -> Row:
    value = float(found.value or 0.0)
    return Row(
        level=level,
        field_t=min(FIELDS_T, key=lambda field: abs(field - field_t)),
        name=found.name,
        truth=truth[0],
        value=value,
        low=value if found.ci_low is None else found.ci_low,
        high=value if found.ci_high is None else found.ci_high,
        fat_fraction=truth[1],
    )


def _coverage(rows: list[Row]) -> str:
    truth, value, low, high = np.array([[r.truth, r.value, r.low, r.high] for r in rows]).T
    if rows[0].name == "fat_signal_index":
        error, width = value - truth, 0.5 * (high - low)
    else:
        error, width = np.log(value / truth), 0.5 * np.log(high / low)
    held = np.mean((low <= truth) & (truth <= high))
    return f"{len(rows):5d} {held:5.2f} {error.mean():+6.3f} {error.std():6.3f} {np.median(width):6.3f}"


def _fat_signal(rows: list[Row]) -> str:
    value, fat = np.array([[r.value, r.fat_fraction] for r in rows]).T
    slope, start = np.polyfit(fat, value, 1)
    rmse = float(np.sqrt(np.mean(((value - start) / slope - fat) ** 2)))
    return f"{len(rows):5d}  FSI = {start:+.3f} {slope:+.3f} FF, RMSE of FF after it {rmse:.3f}"


def _table(rows: list[Row], words: str, names: tuple[str, ...], line: Callable[[list[Row]], str]) -> Iterator[str]:
    yield words
    for level in ("region", "part"):
        for name in names:
            for field in (*FIELDS_T, None):
                kept = [r for r in rows if r.level == level and r.name == name and field in (None, r.field_t)]
                if kept:
                    yield f"{level:7s} {name:26s} {'all' if field is None else f'{field:g} T':6s} {line(kept)}"


def main() -> int:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cache", type=Path, help="folder of prepared studies")
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--last", type=int, default=SIZE)
    options.add_argument("--whole", action="store_true", help="truth of all marrow of the region, not of its core")
    chosen = options.parse_args()
    rows: list[Row] = []
    for number in range(chosen.first, chosen.last):
        if (chosen.cache / f"study{number:03d}.pkl.z").exists():
            rows += measure(load_study(number, chosen.cache), render_clean(number), whole=chosen.whole)
            sys.stderr.write(f"{number} ")
            sys.stderr.flush()
    sys.stderr.write("\n")
    heading = "coverage, bias, SD of the error and half-width (log scale; FSI as it is)"
    for text in (
        *_table(rows, heading, (*_NAMES, "excess_water"), _coverage),
        *_table(rows, "fat-signal index against fat fraction", ("fat_signal_index",), _fat_signal),
    ):
        sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
