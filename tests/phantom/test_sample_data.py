"""The shipped studies are whole, small, and what the generator makes today."""

from __future__ import annotations

import hashlib
import json
import runpy
from pathlib import Path

import numpy as np
import pydicom
import pytest

from marrowsignal.phantom import StudyOptions, make_study

STUDIES = {"reconversion_like": "SYMMETRIC_RECONVERSION_LIKE", "focal_edema_like": "FOCAL_EDEMA_LIKE"}


def test_checksums_match_and_nothing_is_unlisted(sample_data: Path) -> None:
    lines = (sample_data / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    there = {p.relative_to(sample_data).as_posix() for s in STUDIES for p in (sample_data / s).rglob("*.*")}
    assert set(listed) == there
    for name, digest in listed.items():
        assert hashlib.sha256((sample_data / name).read_bytes()).hexdigest() == digest, name
    assert sum((sample_data / name).stat().st_size for name in listed) < 12e6


@pytest.mark.parametrize("study", STUDIES)
def test_truth_names_the_class(sample_data: Path, study: str) -> None:
    truth = json.loads((sample_data / study / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert truth["pattern_class"] == STUDIES[study]


def test_the_generator_still_makes_the_shipped_files(sample_data: Path, tmp_path: Path) -> None:
    # one study stands for both: they differ in pattern, person and seed only
    generator = runpy.run_path(str(sample_data / "generate.py"))
    folder, name, seed, person = generator["STUDIES"][1]
    make_study(name, tmp_path / folder, seed=seed, options=StudyOptions(view=generator["VIEW"], person=person))
    made = sorted(p for p in (tmp_path / folder).rglob("*") if p.is_file())
    shipped = sorted(p for p in (sample_data / folder).rglob("*") if p.is_file())
    assert [p.relative_to(tmp_path) for p in made] == [p.relative_to(sample_data) for p in shipped]
    for got, want in zip(made, shipped, strict=True):
        if got.read_bytes() == want.read_bytes() or got.suffix != ".dcm":
            continue
        # another processor's cosine may round one count in a million the other way
        a, b = (pydicom.dcmread(p).pixel_array.astype(int) for p in (got, want))
        assert np.abs(a - b).max() <= 1
        assert (a != b).mean() < 1e-4
