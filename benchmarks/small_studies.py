"""Small phantom studies, quick to make and to analyze: what a batch is tried on.

``python -m benchmarks.small_studies FOLDER [--count 200] [--corrupt 0.05]``
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from marrowsignal.phantom import make_study
from marrowsignal.phantom.options import StudyOptions
from marrowsignal.phantom.views import all_views

PHANTOMS = ("normal", "focal_edema", "symmetric_reconversion", "bilateral_edema", "edema_on_reconversion")


def small_studies(folder: Path, count: int, *, corrupt: float = 0.0) -> tuple[Path, ...]:
    """Make `count` studies of 10 slices of 64 x 64 below `folder`; return those damaged, evenly spread.

    Ways of damage in turn: cut short, noise behind a right beginning, no DICOM at all, no STIR.
    """
    view = replace(all_views()["sij"], slices=10, matrix=(64, 64), pixel_mm=(3.1, 3.1), slice_distance_mm=5.0)
    every = round(1 / corrupt) if corrupt else 0
    damaged = []
    for number in range(count):
        study = folder / f"site{number % 3}" / f"s{number:04d}"
        if not study.exists():
            phantom = PHANTOMS[number % len(PHANTOMS)]
            make_study(phantom, study, seed=number + 1, options=StudyOptions(view=view, sub_slices=1))
        if every and number % every == every // 2:
            damage(study / "dicom", way=len(damaged) % 4)
            damaged.append(study)
    return tuple(damaged)


def damage(dicom: Path, *, way: int) -> None:
    """Damage every file of a study in one of four ways."""
    for number, file in enumerate(sorted(one for one in dicom.rglob("*") if one.is_file())):
        content = file.read_bytes()
        if way == 0:
            file.write_bytes(content[: len(content) // 3])
        elif way == 1:
            file.write_bytes(content[:200] + bytes((number + place * 7) % 256 for place in range(4000)))
        elif way == 2:
            file.write_bytes(b"not an image\n" * 40)
        elif "stir" in file.parent.name.lower():
            file.unlink()


def main() -> None:
    """Make them and say how many."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--corrupt", type=float, default=0.0)
    asked = parser.parse_args()
    damaged = small_studies(asked.folder, asked.count, corrupt=asked.corrupt)
    sys.stdout.write(f"{asked.count} studies, {len(damaged)} of them damaged\n")


if __name__ == "__main__":
    main()
