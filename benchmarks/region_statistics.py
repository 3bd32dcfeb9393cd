"""Statistics of 40 regions on a 336 x 336 x 25 pair: how long they take, against one pass and against a loop.

``python benchmarks/region_statistics.py [--repeat N]`` prints, on one core: one pass over both images; first-order
statistics of all regions as `marrowsignal` makes them (voxels gathered once, sorted once); the same statistics as a
radiomics library makes them, which masks the whole image anew for each region, image and call; and the whole table of
regions, with every descriptor and its interval. Values of both ways are compared before times are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peers.steps.clock import repeated, tell
from peers.steps.region_levels import PERCENTS, figures, looped
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.geometry.acquisition import AcquisitionFacts
from marrowsignal.intensity import References, ReferenceTissue, ReferenceVerdict
from marrowsignal.marrow import MarrowMask
from marrowsignal.protocol import load_protocol
from marrowsignal.regions import Region, RegionMap, Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.bench_setup import set_bench
from marrowsignal.signals.gathered import LabelIndex, gather, rim_of
from marrowsignal.signals.region_table import region_signals
from marrowsignal.signals.statistics.order import percentiles, robust_spread

SHAPE, SPACING_MM, REGIONS = (25, 336, 336), (4.0, 0.6, 0.6), 40
_MIDDLE = PERCENTS.index(50.0)


def make_bench(seed: int = 1) -> Bench:
    """Forty ellipsoids of marrow with texture and noise, muscle on one side, fat on the other."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.uint16)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    for k in range(REGIONS):
        row, column = divmod(k, 8)
        at = (12.0, 40.0 + 62.0 * row, 24.0 + 41.0 * column)
        inside = ((z - at[0]) / 11.0) ** 2 + ((y - at[1]) / 18.0) ** 2 + ((x - at[2]) / 14.0) ** 2 <= 1.0
        labels[inside] = k + 1
    texture = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (0.5, 2.0, 2.0))
    t1, stir = (level * np.exp(0.5 * texture + 0.08 * rng.standard_normal(SHAPE)) for level in (900.0, 300.0))
    tissue = np.zeros(SHAPE, np.uint16)
    tissue[:, :12], tissue[:, -12:] = 1, 2
    t1[tissue == 1], t1[tissue == 2] = 600.0, 1500.0
    core = ndimage.binary_erosion(labels > 0, np.ones((1, 7, 7), bool))
    tissue[core & (rng.random(SHAPE) < 0.3)] = 3
    directions = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    geometry = VolumeGeometry.from_axes(
        origin_lps_mm=(0, 0, 0), directions_lps=directions, spacing_mm=SPACING_MM, shape=SHAPE
    )
    facts = AcquisitionFacts(
        repetition_time_ms=5000, echo_time_ms=60, inversion_time_ms=150, magnetic_field_strength_t=1.5
    )
    volumes = [SignalVolume(array=a.astype(np.float32), geometry=geometry, acquisition=facts) for a in (t1, stir)]
    everywhere = np.ones(SHAPE, bool)
    pair = AlignedPair(
        t1=volumes[0],
        stir=volumes[1],
        covered_mask=everywhere,
        body_mask=everywhere,
        t1_to_stir_lps=np.eye(4),
        quality=None,
    )
    regions = tuple(_region(label, int((labels == label).sum()), geometry) for label in range(1, REGIONS + 1))
    return set_bench(
        pair,
        MarrowMask(labels=LabelVolume(array=labels, geometry=geometry), core_mask=core, source="automatic"),
        RegionMap(
            labels=LabelVolume(array=labels, geometry=geometry),
            regions=regions,
            midline=None,
            joint_mask=None,
            joint_source="not known",
        ),
        _references(LabelVolume(array=tissue, geometry=geometry)),
        load_protocol("generic"),
    )


def _region(label: int, voxels: int, geometry: VolumeGeometry) -> Region:
    return Region(
        label=label,
        key=f"region{label}",
        name=f"region {label}",
        side=Side.NONE,
        code=None,
        voxels=voxels,
        volume_ml=voxels * geometry.voxel_ml,
    )


def _references(labels: LabelVolume) -> References:
    muscle, fat, normal = (
        ReferenceTissue(
            key=key,
            t1=level,
            stir=300.0,
            t1_spread_fraction=0.1,
            stir_spread_fraction=0.1,
            voxels=1,
            volume_ml=1.0,
            verdict=ReferenceVerdict.PASS,
            reason="made so",
        )
        for key, level in (("muscle", 600.0), ("fat", 1500.0), ("normal_marrow", 900.0))
    )
    return References(
        muscle=muscle,
        fat=fat,
        normal_marrow=normal,
        labels=labels,
        noise_t1=1.0,
        noise_stir=1.0,
        t1_residual_bias_fraction=0.03,
        stir_residual_bias_fraction=0.03,
    )


def one_pass(bench: Bench) -> float:
    """Read both images once."""
    return sum(float(channel.sum()) for channel in bench.images.channels)


def first_order(bench: Bench) -> NDArray[np.float64]:
    """Percentiles and robust spread of every region and image: gathered once."""
    index = LabelIndex.of(bench.regions.labels.array, bench.background)
    rows = []
    for label in range(1, REGIONS + 1):
        for channel in bench.images.channels:
            ordered = np.sort(channel.reshape(-1).take(index.voxels(label)))
            found = percentiles(ordered, PERCENTS)
            rows.append([*found, robust_spread(ordered, found[_MIDDLE])])
    return np.array(rows)


def masked_anew(bench: Bench) -> NDArray[np.float64]:
    """Compute the same by a library's way."""
    return looped(bench.regions.labels.array, bench.background, bench.images.channels)


def save(folder: Path) -> None:
    """Leave the images, the regions and their table for readers that have no marrowsignal."""
    bench = make_bench()
    t1, stir = bench.images.channels
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "regions.npz", labels=bench.regions.labels.array, counted=bench.background, t1=t1, stir=stir)
    np.save(folder / "table.npy", masked_anew(bench))


def full_table(bench: Bench) -> int:
    """Every descriptor of every region with its interval, from the gathering on."""
    gather(bench.regions)
    rim_of(bench.marrow.core_mask, bench.marrow.labels.mask)
    return sum(len(region_signals(bench, region, None).measurements) for region in bench.regions.regions)


def _best(work: Callable[[Bench], object], bench: Bench, repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work(bench)
        times.append(time.process_time() - start)
    return min(times)


def main() -> int:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeat", type=int, default=5, help="the best of so many")
    options.add_argument("--save", type=Path, help="write images, regions and their table into this folder, no times")
    options.add_argument("--step", type=Path, help="time the first of these ways alone, against that folder's table")
    given = options.parse_args()
    if given.save is not None:
        save(given.save)
        return 0
    if given.step is not None:
        whole = make_bench()
        table, times = repeated(lambda: first_order(whole), repeats=given.repeat)
        tell(times, figures(given.step, table))
        return 0
    repeat = given.repeat
    bench = make_bench()
    np.testing.assert_allclose(first_order(bench), masked_anew(bench), rtol=1e-5)
    base = _best(one_pass, bench, repeat)
    rows = [("one pass over both images", base)]
    rows += [
        (name, _best(work, bench, repeat))
        for name, work in (
            ("first-order statistics, gathered once", first_order),
            ("the same, every region masks the image", masked_anew),
            ("all descriptors with intervals", full_table),
        )
    ]
    out = sys.stdout.write
    out(f"{REGIONS} regions, {int(bench.background.sum())} voxels of core, CPU time, best of {repeat}\n")
    for name, seconds in rows:
        out(f"{name:42s} {1000 * seconds:9.1f} ms {seconds / base:8.1f} x\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
