"""The focal edema of ``sample_data``, moved before the STIR: ``python -m ...steps.moved_study FOLDER [--quick]``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from marrowsignal.phantom import Motion, Person, StudyOptions, all_views, make_study


def moved(folder: Path, *, quick: bool = False) -> None:
    """Write a phantom with its truth; the person moved by 6 mm and 3 degrees. A quick one is coarse."""
    size = 64 if quick else 256
    view = replace(
        all_views()["sij"],
        slices=20,
        matrix=(size, size),
        pixel_mm=(204.8 / size, 204.8 / size),
        slice_distance_mm=4.0,
        slice_thickness_mm=3.6,
    )
    motion = Motion(shift_lps_mm=(2.5, -4.0, 3.5), rotation_deg=(2.0, -1.0, 2.0))
    person = Person(sex="M", age_years=29.0)
    options = StudyOptions(view=view, person=person, motion=motion)
    make_study("focal_edema", folder, seed=12, options=replace(options, sub_slices=1) if quick else options)


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    moved(given.folder, quick=given.quick)


if __name__ == "__main__":
    main()
