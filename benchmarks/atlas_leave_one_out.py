"""How well an atlas of all but one labelled study segments that one, and how well it knows.

``python benchmarks/atlas_leave_one_out.py MANIFEST.csv [--rows 1,2]`` builds one atlas a study (some minutes each) and
prints true Dice, estimated Dice with its interval, and how long segmentation took.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from marrowsignal.alignment import align_pair
from marrowsignal.dicom import find_series, read_volume, select_pair
from marrowsignal.intensity import correct_bias
from marrowsignal.marrow.atlas import build_atlas, segment_with_atlas
from marrowsignal.marrow.atlas.decision import dice
from marrowsignal.marrow.atlas.manifest import ManifestRow, read_manifest
from marrowsignal.marrow.supplied import read_supplied
from marrowsignal.protocol import load_protocol


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--rows", help="numbers of the rows to leave out, from 1; all by default")
    given = parser.parse_args()
    rows = read_manifest(given.manifest)
    wanted = {int(n) for n in given.rows.split(",")} if given.rows else {row.number for row in rows}
    results = [left_out(row, rows) for row in rows if row.number in wanted]
    true, told = np.array(results).T
    off = np.abs(true - told).mean()
    sys.stdout.write(f"Dice {true.mean():.3f}, worst {true.min():.3f}; estimate off by {off:.3f}\n")


def left_out(row: ManifestRow, rows: tuple[ManifestRow, ...]) -> tuple[float, float]:
    """Build an atlas without a study, segment the study, and return true and estimated Dice."""
    others = [other for other in rows if other.number != row.number]
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "manifest.csv")
        lines = [f'"{other.t1.resolve()}","{other.marrow.resolve()}"' for other in others]
        manifest.write_text("\n".join(("t1,marrow", *lines)), encoding="utf-8")
        start = time.perf_counter()
        atlas = build_atlas(manifest, Path(folder, "atlas"))
        built = time.perf_counter() - start
    protocol = load_protocol("pelvis_sij")
    t1 = read_volume(select_pair(find_series(row.t1), allow_t1_only=True).t1)
    pair = align_pair(t1, None, same_frame_of_reference=True, settings=protocol.alignment)
    pair = correct_bias(pair, settings=protocol.bias)
    start = time.perf_counter()
    found = segment_with_atlas(pair, atlas)
    seconds = time.perf_counter() - start
    true = dice(found.labels.mask, read_supplied(row.marrow, t1.geometry).labels.mask)
    told, low, high = found.estimate or (float("nan"),) * 3
    sys.stdout.write(
        f"row {row.number}: Dice {true:.3f}, estimate {told:.3f} ({low:.3f} to {high:.3f}), {seconds:.0f} s, "
        f"built in {built:.0f} s\n"
    )
    sys.stdout.flush()
    return true, told


if __name__ == "__main__":
    main()
