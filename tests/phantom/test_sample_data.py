"""The shipped studies are whole, small, and what the generator makes today."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from marrowsignal.phantom import DicomOptions, StudyOptions, make_study

STUDIES = {"reconversion_like": "SYMMETRIC_RECONVERSION_LIKE", "focal_edema_like": "FOCAL_EDEMA_LIKE"}


def pixel_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    datasets = [pydicom.dcmread(p) for p in folder.glob("*.dcm")]
    for ds in sorted(datasets, key=lambda d: float(d.SliceLocation)):
        digest.update(ds.pixel_array.astype("<u2").tobytes())
    return digest.hexdigest()


def truth_of(folder: Path) -> dict[str, object]:
    return json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))


def test_checksums_match_and_nothing_is_unlisted(sample_data: Path) -> None:
    lines = (sample_data / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    there = {p.relative_to(sample_data).as_posix() for s in STUDIES for p in (sample_data / s).rglob("*.*")}
    assert set(listed) == there
    for name, digest in listed.items():
        assert hashlib.sha256((sample_data / name).read_bytes()).hexdigest() == digest, name
    assert sum((sample_data / name).stat().st_size for name in listed) < 12e6


@pytest.mark.parametrize("study", STUDIES)
def test_truth_names_the_class_and_the_pixels(sample_data: Path, study: str) -> None:
    truth = truth_of(sample_data / study)
    assert truth["pattern_class"] == STUDIES[study]
    assert truth["t1_pixels_sha256"] == pixel_hash(sample_data / study / "dicom" / "T1")
    assert truth["stir_pixels_sha256"] == pixel_hash(sample_data / study / "dicom" / "STIR")


def test_the_generator_still_makes_the_shipped_pixels(sample_data: Path, tmp_path: Path) -> None:
    # one study stands for both: they differ in pattern and seed only
    given = StudyOptions(dicom=DicomOptions(patient_age="029Y", patient_sex="M"))
    truth = make_study("focal_edema", tmp_path / "again", seed=12, options=given)
    shipped = truth_of(sample_data / "focal_edema_like")
    if truth.t1_pixels_sha256 == shipped["t1_pixels_sha256"]:
        assert truth.stir_pixels_sha256 == shipped["stir_pixels_sha256"]
        return
    # another processor's cosine may round one count in a million the other way
    for series in ("T1", "STIR"):
        for path in (sample_data / "focal_edema_like" / "dicom" / series).glob("*.dcm"):
            want = pydicom.dcmread(path).pixel_array.astype(int)
            got = pydicom.dcmread(tmp_path / "again" / "dicom" / series / path.name).pixel_array.astype(int)
            assert np.abs(want - got).max() <= 1
            assert (want != got).mean() < 1e-4
