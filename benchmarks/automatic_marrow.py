"""The automatic segmentation on real studies with expert masks, and its own estimate beside the truth.

``python benchmarks/automatic_marrow.py DATA`` reads ``DATA/sij``, ``DATA/pelvis`` and ``DATA/lumbar`` (never copied)
and prints, per study, Dice of the bones as the network gives them and of the marrow that is left of them after peeling,
the estimated Dice with its interval, and seconds. Sacroiliac experts drew a region that holds joint space and cortex;
pelvic experts drew whole bones (scored eroded by a voxel); lumbar experts drew bodies from S1 upwards.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import marrowsignal as ms
from marrowsignal.alignment import AlignedPair
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.marrow.automatic import segment_automatic
from marrowsignal.marrow.peel import peel_to_marrow
from marrowsignal.marrow.records import Segmentation
from marrowsignal.protocol import Protocol

Mask = NDArray[np.bool_]
_SIJ = ("1007", "1013", "1016", "1234", "2014")
_PELVES = ("case01", "case05", "case14")
_PELVIC_BONES = ((1, "femur"), (2, "ilium"), (3, "lumbar_spine"), (4, "sacrum"))
_UPWARDS = ("s1", "l5", "l4", "l3", "l2", "l1", "t12", "t11", "t10", "t9")
_IN_PLANE = np.ones((1, 3, 3), bool)


def dice(a: Mask, b: Mask) -> float:
    """Dice of two masks."""
    return float(2.0 * (a & b).sum() / max(int(a.sum()) + int(b.sum()), 1))


def corrected(dicom: Path, protocol: Protocol) -> AlignedPair:
    """Read, align and even a study; a T1 after contrast is taken where nothing else is there."""
    catalog = ms.find_series(dicom)
    only = len(catalog.series) == 1
    series = ms.select_pair(catalog, t1_uid=catalog.series[0].series_instance_uid if only else None, allow_t1_only=only)
    pair = ms.align_pair(
        ms.read_volume(series.t1),
        None if series.stir is None else ms.read_volume(series.stir),
        same_frame_of_reference=series.same_frame_of_reference,
        settings=protocol.alignment,
    )
    return ms.correct_bias(pair, settings=protocol.bias)


def part(found: Segmentation, labels: NDArray[np.uint16], key: str) -> Mask:
    """Where a bone is, both sides of it."""
    return np.isin(labels, [value for value, name in found.labels.names if name.partition(":")[0] == key])


def score(name: str, dicom: Path, mask: Path, protocol_name: str) -> str:
    """One line about a study."""
    protocol = ms.load_protocol(protocol_name)
    pair = corrected(dicom, protocol)
    begun = time.perf_counter()
    found = segment_automatic(pair, protocol=protocol)
    seconds = time.perf_counter() - begun
    truth = read_label_volume(mask, pair.t1.geometry).array
    peeled = peel_to_marrow(
        found.labels.array,
        pair.t1.array,
        spacing_mm=pair.t1.geometry.spacing_mm,
        settings=protocol.marrow.peel,
        names=found.labels.names,
    )
    told = "none" if found.estimate is None else "{:.2f} ({:.2f}-{:.2f})".format(*found.estimate)
    values = _values(found, peeled, truth, protocol_name)
    return f"{name:8s} {seconds:5.1f} s  estimated {told}  " + "  ".join(f"{k} {v:.3f}" for k, v in values)


def _values(
    found: Segmentation, peeled: NDArray[np.uint16], truth: NDArray[np.uint16], protocol_name: str
) -> list[tuple[str, float]]:
    labels = found.labels.array
    if protocol_name == "pelvis_sij":
        return [("bone", dice(labels > 0, truth > 0)), ("peeled", dice(peeled > 0, truth > 0))]
    if protocol_name == "lumbar_spine":
        levels = [(key, dice(part(found, labels, key), truth == value)) for value, key in enumerate(_UPWARDS, 1)]
        return [("bodies", dice(labels > 0, truth > 0)), ("peeled", dice(peeled > 0, truth > 0)), *levels]
    values = []
    for value, key in _PELVIC_BONES:
        inner = ndimage.binary_erosion(truth == value, _IN_PLANE)
        own = ndimage.binary_erosion(part(found, labels, key), _IN_PLANE)
        values += [(key, dice(own, inner)), (f"{key} peeled", dice(part(found, peeled, key), inner))]
    return values


def main() -> int:
    """Score every study that is there."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python benchmarks/automatic_marrow.py DATA\n")
        return 2
    data = Path(sys.argv[1])
    studies = [
        (n, data / "sij" / n / "dicom", data / "sij" / n / "masks" / "marrow.nii.gz", "pelvis_sij") for n in _SIJ
    ]
    for name in _PELVES:
        folder = data / "pelvis" / name
        studies.append((name, folder / "dicom", folder / "masks" / "bones.nii.gz", "hips"))
    lumbar = data / "lumbar" / "AKa"
    studies.append(("AKa", lumbar / "dicom", lumbar / "masks" / "vertebrae_T1.nii.gz", "lumbar_spine"))
    for name, dicom, mask, protocol in studies:
        if dicom.is_dir():
            sys.stdout.write(score(name, dicom, mask, protocol) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
