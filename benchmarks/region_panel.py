"""How far the borders between parts of bones lie from where the phantom drew them.

``python benchmarks/region_panel.py CACHE [NUMBER ...]`` divides the true marrow of the people of `panel_people.py` (kept
in the folder CACHE) and prints, for every part, the mean and the 95th percentile of the distance between its inner
borders, measured and true, both ways, and the Dice of the part.
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
from marrowsignal.regions.apart import sides_of, whole_bones
from marrowsignal.regions.bones import Bone
from marrowsignal.regions.joints import joint_between
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
    """Parts of the true marrow with the true midline."""
    bones = []
    for value, name in person.bones.names:
        side, _, key = name.rpartition("_")
        spec = protocol.spec((key or name).lower())
        if spec is not None and (person.bones.array == value).any():
            bones.append(Bone(spec=spec, values=(value,), side=Side(side or "none")))
    sided = tuple(
        (bone.spec, *part)
        for bone in bones
        for part in sides_of(bone.spec, bone.side, bone.mask(person.bones.array), None)
    )
    masks = {
        key: np.isin(person.bones.array, [v for b in bones if b.spec.key == key for v in b.values])
        for key in ("sacrum", "ilium")
    }
    joint = joint_between(
        masks["sacrum"],
        masks["ilium"],
        spacing_mm=person.t1_geometry.spacing_mm,
        contact_mm=protocol.joints.contact_distance.value,
    )
    return divide_bones(
        whole_bones(sided, new=False),
        geometry=person.t1_geometry,
        midline=Midline(normal_lps=(1.0, 0.0, 0.0), offset_mm=0.0, symmetry=None, source="declared_sides"),
        joint_mask=joint,
        laterality=Side.LEFT,
        protocol=protocol,
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


def compare(region: Region, parts: PartMap, truth: PartTruth, bone: Mask) -> tuple[float, float, float]:
    """Mean and 95th percentile of the distance of the borders, and Dice."""
    assert parts.labels is not None
    mine = np.isin(parts.labels.array, region.cells) & bone
    dice = 2.0 * (mine & truth.mask).sum() / (mine.sum() + truth.mask.sum())
    a, b = (faces(mask, bone, parts.labels.geometry) for mask in (mine, truth.mask))
    if not len(a) or not len(b):
        return float("nan"), float("nan"), float(dice)
    both = np.concatenate([cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]])
    return float(both.mean()), float(np.percentile(both, 95.0)), float(dice)


def one(person: Person, cache: Path) -> None:
    """Print the parts of one person."""
    scene = rendered(person, cache)
    protocol = load_protocol(scene.protocol)
    parts = divided(scene, protocol)
    subject = draw_subject(person.seed, sex=person.sex, age_years=person.age_years)  # type: ignore[arg-type]
    sys.stdout.write(f"# {person.number} {person.pattern} {person.view} {parts.reason}\n")
    for truth in part_truths(subject, scene.bones, shares_of(protocol)):
        bone = _bone(scene.bones, truth.bone)
        parents = {truth.bone.rpartition("_")[2].lower(), truth.bone.lower(), "spine"}
        region = next(
            (
                r
                for r in parts.parts
                if r.key == truth.key
                and r.side in (truth.side or "none", _bone_side(truth))
                and r.parent in parents
                and (r.parent == "spine" or _same_bone(r, truth))
            ),
            None,
        )
        ml = float(truth.mask.sum()) * scene.t1_geometry.voxel_ml
        if region is None:
            sys.stdout.write(f"{truth.bone} {truth.key} {truth.side} {ml:.1f} ml: not found\n")
            continue
        mean, worst, dice = compare(region, parts, truth, bone)
        cut = "cut" if region.cut_by_field_of_view else "whole"
        sys.stdout.write(
            f"{truth.bone:14s} {truth.key:24s} {truth.side:6s} {ml:6.1f} ml  {mean:5.2f} {worst:5.2f} mm  {dice:.3f} {cut} {region.coverage_fraction}\n"
        )
    sys.stdout.flush()


def _bone_side(truth: PartTruth) -> str:
    side = truth.bone.rpartition("_")[0]
    return side if side in ("left", "right") else "none"


def _same_bone(region: Region, truth: PartTruth) -> bool:
    return region.side in (_bone_side(truth), truth.side or "none")


def _bone(bones: LabelVolume, name: str) -> Mask:
    value = next(v for v, n in bones.names if n == name)
    return np.asarray(bones.array == value)


def main() -> int:
    """Go through the people asked for."""
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python benchmarks/region_panel.py CACHE [NUMBER ...]\n")
        return 2
    wanted = [int(word) for word in sys.argv[2:]] or range(len(PEOPLE))
    for number in wanted:
        one(PEOPLE[number], Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
