"""Write the sample studies and their checksums: ``python sample_data/generate.py -o DIR``."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from marrowsignal.phantom import DicomOptions, StudyOptions, make_study

# folder, phantom, seed, age, sex
STUDIES = (
    ("reconversion_like", "symmetric_reconversion", 7, "034Y", "F"),
    ("focal_edema_like", "focal_edema", 12, "029Y", "M"),
)


def main() -> None:
    """Write both studies and SHA256SUMS into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    root = parser.parse_args().output
    for folder, name, seed, age, sex in STUDIES:
        options = StudyOptions(dicom=DicomOptions(patient_age=age, patient_sex=sex))
        make_study(name, root / folder, seed=seed, options=options)
    files = sorted(p for folder, *_ in STUDIES for p in (root / folder).rglob("*") if p.is_file())
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(root).as_posix()}\n" for p in files]
    (root / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
