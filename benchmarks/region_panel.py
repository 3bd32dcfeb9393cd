"""How far the borders between parts of bones lie from where the phantom drew them.

``python benchmarks/region_panel.py CACHE [NUMBER ...]`` divides the true marrow of the people of `panel_people.py`
(kept in the folder CACHE) and prints, for every part, the mean and the 95th percentile of the distance between its
inner borders, measured and true, both ways, and the Dice of the part.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from panel_people import PEOPLE, Person, Rendered, rendered
from scipy.spatial import cKDTree

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.phantom import draw_subject
from marrowsignal.phantom.region_truth import BorderShares, PartTruth, part_truths
from marrowsignal.protocol import Protocol, load_protocol
from marrowsignal.regions.dividing import BonePart, BoneScene
from marrowsignal.regions.parts import PartMap, divide_bones
from marrowsignal.regions.records import Midline, Region, Side

Mask = NDArray[np.bool_]


def shares_of(protocol: Protocol) -> BorderShares:
    """Borders by convention, as the protocol has them."""
    d = protocol.divisions
    return BorderShares(
        ala_begin=d.sacral_ala_begin.value,
        quadrant_depth_mm=d.quadrant_depth.value,
        neck_border=d.neck_border.value,
        shaft_border=d.shaft_border.value,
        endplate_zone=d.endplate_zone.value,
        end_segment=d.end_segment.value,
    )


def divided(person: Rendered, protocol: Protocol) -> PartMap:
    """Parts of the true marrow with the true midline and sides."""
    bones = []
    for value, name in person.bones.names:
        side, _, key = name.rpartition("_")
        spec, mask = protocol.spec(key.lower()), person.bones.array == value
        if spec is not None and mask.any():
            bones.append(BonePart(spec=spec, side=Side(side or "none"), mask=mask))
    return divide_bones(
        BoneScene(
            bones=tuple(bones),
            geometry=person.t1_geometry,
            midline=Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=0.0, symmetry=None, source="declared_sides"),
            joint_mask=None,
            laterality=Side.LEFT,
            protocol=protocol,
        )
    )


def faces(part: Mask, bone: Mask, geometry: VolumeGeometry) -> NDArray[np.float64]:
    """Middles of the faces between voxels of the part and of the rest of its bone, LPS mm."""
    found = []
    for axis in range(3):
        low, high = (tuple(s if k == axis else slice(None) for k in range(3)) for s in (slice(-1), slice(1, None)))
        edge = bone[low] & bone[high] & (part[low] != part[high])
        middle = np.argwhere(edge).astype(float)
        middle[:, axis] += 0.5
        found.append(middle)
    return geometry.to_patient(np.concatenate(found))


def compare(region: Region, labels: LabelVolume, truth: PartTruth, bone: Mask) -> tuple[float, float, float]:
    """Mean and 95th percentile of the distance of the borders, and Dice."""
    mine = np.isin(labels.array, region.cells) & bone
    dice = 2.0 * (mine & truth.mask).sum() / (mine.sum() + truth.mask.sum())
    a, b = (faces(mask, bone, labels.geometry) for mask in (mine, truth.mask))
    if not len(a) or not len(b):
        return float("nan"), float("nan"), float(dice)
    both = np.concatenate([cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]])
    return float(both.mean()), float(np.percentile(both, 95.0)), float(dice)


def region_of(parts: PartMap, truth: PartTruth) -> Region | None:
    """Find the part that a true one stands for."""
    side, _, key = truth.bone.lower().rpartition("_")
    sides = {truth.side or "none", side or "none"} if key != "sacrum" else {truth.side}
    for region in parts.parts:
        if region.key == truth.key and region.side in sides and region.parent in (key, "spine"):
            return region
    return None


def one(person: Person, cache: Path) -> list[tuple[str, float, float]]:
    """Print the parts of one person; return key, mean distance and Dice of those of a millilitre or more."""
    scene = rendered(person, cache)
    protocol = load_protocol(scene.protocol)
    parts = divided(scene, protocol)
    subject = draw_subject(person.seed, sex=person.sex, age_years=person.age_years)  # type: ignore[arg-type]
    sys.stdout.write(f"# {person.number} {person.pattern} {person.view} {parts.reason}\n")
    rows = []
    for truth in part_truths(subject, scene.bones, shares_of(protocol)):
        region, ml = region_of(parts, truth), float(truth.mask.sum()) * scene.t1_geometry.voxel_ml
        words = f"{truth.bone:14s} {truth.key:24s} {truth.side:6s} {ml:6.1f} ml"
        if region is None or parts.labels is None:
            sys.stdout.write(f"{words}  not divided\n")
            continue
        if not (np.isin(parts.labels.array, region.cells) & truth.mask).any():
            sys.stdout.write(f"{words}  not divided\n")
            continue
        mean, worst, dice = compare(region, parts.labels, truth, _bone(scene.bones, truth.bone))
        cut = "cut" if region.cut_by_field_of_view else "whole"
        sys.stdout.write(f"{words}  {mean:5.2f} {worst:5.2f} mm  {dice:.3f} {cut} {region.coverage_fraction}\n")
        if ml >= 1.0:
            rows.append((truth.key, mean, dice))
    sys.stdout.flush()
    return rows


def _bone(bones: LabelVolume, name: str) -> Mask:
    value = next(v for v, n in bones.names if n == name)
    return np.asarray(bones.array == value)


def main() -> int:
    """Go through the people asked for."""
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python benchmarks/region_panel.py CACHE [NUMBER ...]\n")
        return 2
    wanted = [int(word) for word in sys.argv[2:]] or range(len(PEOPLE))
    rows = [row for number in wanted for row in one(PEOPLE[number], Path(sys.argv[1]))]
    sys.stdout.write("\npart, count; median and 90th percentile of the mean distance, mm; median and least Dice\n")
    for key in dict.fromkeys(key for key, _, _ in rows):
        found = np.array([(mean, dice) for k, mean, dice in rows if k == key])
        low, high = np.nanpercentile(found[:, 0], [50.0, 90.0])
        dice = f"{np.median(found[:, 1]):.3f} {found[:, 1].min():.3f}"
        sys.stdout.write(f"{key:24s} {len(found):3d}  {low:.2f} {high:.2f} mm  {dice}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
