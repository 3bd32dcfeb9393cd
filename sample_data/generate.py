"""Write the sample studies and their checksums: ``python sample_data/generate.py -o DIR``."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path

from marrowsignal.phantom import Person, StudyOptions, all_views, make_study

# folder, phantom, seed, person
STUDIES = (
    ("reconversion_like", "symmetric_reconversion", 7, Person(sex="F", age_years=34.0)),
    ("focal_edema_like", "focal_edema", 12, Person(sex="M", age_years=29.0)),
)
# larger voxels than the usual stack keep the repository small
VIEW = replace(
    all_views()["sij"],
    slices=20,
    matrix=(256, 256),
    pixel_mm=(0.8, 0.8),
    slice_distance_mm=4.0,
    slice_thickness_mm=3.6,
)


def main() -> None:
    """Write both studies and SHA256SUMS into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    root = parser.parse_args().output
    for folder, name, seed, person in STUDIES:
        make_study(name, root / folder, seed=seed, options=StudyOptions(view=VIEW, person=person))
    files = sorted(p for folder, *_ in STUDIES for p in (root / folder).rglob("*") if p.is_file())
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(root).as_posix()}\n" for p in files]
    (root / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
