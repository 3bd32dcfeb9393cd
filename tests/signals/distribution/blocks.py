"""A body of blocks: each part of a bone is a box of known fat signal, with its mirror image on the other side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.geometry import LabelVolume
from marrowsignal.marrow import MarrowMask, MarrowSource
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions import Midline, Region, RegionMap, Side
from marrowsignal.signals.bench import Bench
from marrowsignal.signals.bench_setup import set_bench
from tests.signals.scene import box_geometry, build_scene, references_of

SHAPE = (6, 90, 80)
GEOMETRY = box_geometry(SHAPE, (4.0, 2.0, 2.0))
MIDLINE = Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=79.0, symmetry=None, source="declared_sides")
MUSCLE, FAT, STIR = 100.0, 260.0, 100.0
HIGH = 8
SHADING = 0.02
SIDES = {Side.LEFT: slice(48, 74), Side.RIGHT: slice(6, 32)}


@dataclass(frozen=True, kw_only=True)
class Block:
    """One part of one bone, with the fat-signal index of both sides."""

    bone: str
    part: str
    left: float
    right: float


def protocol_of(name: str) -> Protocol:
    """With fewer bootstrap draws, for speed."""
    protocol = load_protocol(name)
    draws = protocol.signals.bootstrap_draws.model_copy(update={"value": 200.0})
    return protocol.model_copy(
        update={"signals": protocol.signals.model_copy(update={"bootstrap_draws": draws}), "bias": protocol.bias}
    )


def bench_of(blocks: tuple[Block, ...], protocol: Protocol, *, noise: float = 0.01, seed: int = 0) -> Bench:
    """Bench of a body of these blocks, one below the other."""
    rng = np.random.default_rng(seed)
    t1 = np.full(SHAPE, 20.0)
    labels, cells, tissue = (np.zeros(SHAPE, np.uint16) for _ in range(3))
    regions: dict[tuple[str, Side], int] = {}
    parts = []
    for row, block in enumerate(blocks):
        rows = slice(2 + row * (HIGH + 1), 2 + row * (HIGH + 1) + HIGH)
        for side, columns in SIDES.items():
            fat = block.left if side is Side.LEFT else block.right
            where = (slice(None), rows, columns)
            t1[where] = MUSCLE + fat * (FAT - MUSCLE)
            labels[where] = regions.setdefault((block.bone, side), len(regions) + 1)
            cells[where] = len(parts) + 1
            parts.append(_region(len(parts) + 1, block.part, side, parent=block.bone))
    for value, (level, columns) in enumerate(((MUSCLE, slice(34, 40)), (FAT, slice(40, 46))), 1):
        t1[:, :, columns], tissue[:, :, columns] = level, value
    tissue[labels > 0] = 3
    t1 *= rng.normal(1.0, noise, SHAPE)
    stir = STIR * rng.normal(1.0, noise, SHAPE)
    region_map = RegionMap(
        labels=LabelVolume(array=labels, geometry=GEOMETRY),
        regions=tuple(_region(label, key, side) for (key, side), label in regions.items()),
        midline=MIDLINE,
        joint_mask=None,
        joint_source="not asked",
        parts=tuple(parts),
        part_labels=LabelVolume(array=cells, geometry=GEOMETRY),
    )
    return _bench(t1, stir, region_map, tissue, protocol)


def _bench(t1: NDArray, stir: NDArray, regions: RegionMap, tissue: NDArray, protocol: Protocol) -> Bench:
    images = [image.astype(np.float32) for image in (t1, stir)]
    pair = build_scene("normal").pair
    pair = replace(
        pair,
        t1=replace(pair.t1, array=images[0], geometry=GEOMETRY),
        stir=replace(pair.stir, array=images[1], geometry=GEOMETRY),
        covered_mask=np.ones(SHAPE, bool),
        body_mask=np.ones(SHAPE, bool),
    )
    marrow = MarrowMask(labels=regions.labels, core_mask=regions.labels.mask, source=MarrowSource.SUPPLIED)
    references = replace(
        references_of(*images, LabelVolume(array=tissue, geometry=GEOMETRY)),
        t1_residual_bias_fraction=SHADING,
        stir_residual_bias_fraction=SHADING,
    )
    return set_bench(pair, marrow, regions, references, protocol)


def _region(label: int, key: str, side: Side, *, parent: str = "") -> Region:
    return Region(
        label=label,
        key=key,
        name=f"{key}, {side}",
        side=side,
        code=None,
        voxels=1,
        volume_ml=1.0,
        parent=parent,
        cells=(label,) if parent else (),
    )
