"""The installed command on real studies; only read, never copied."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real_data, pytest.mark.end_to_end]


def _analyze(command: Path, dicom: Path, out: Path, *options: object) -> subprocess.CompletedProcess:
    if not dicom.is_dir():
        pytest.skip(f"the study {dicom.parent.name}/{dicom.name} is not among the real studies")
    line = [command, "analyze", dicom, "-o", out, "--case", "case", "--quiet", *options]
    return subprocess.run([str(part) for part in line], capture_output=True, text=True, check=False, cwd=out)


def test_a_large_left_edema_is_focal_edema_like(command: Path, real_data: Path, tmp_path: Path) -> None:
    study = real_data / "sij" / "1013"
    done = _analyze(
        command,
        study / "dicom",
        tmp_path,
        "--marrow",
        study / "masks" / "marrow.nii.gz",
        "--protocol",
        "pelvis_sij",
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "case" / "result.json").read_text(encoding="utf-8"))
    assert document["pattern"]["class"] == "FOCAL_EDEMA_LIKE"
    assert document["lesions"][0]["side"] == "left"


@pytest.mark.parametrize(("name", "mask"), [("AKa", "masks/vertebrae_T1.nii.gz"), ("taichi", None)])
def test_lumbar_studies_run_to_an_end(
    command: Path, real_data: Path, tmp_path: Path, name: str, mask: str | None
) -> None:
    study = real_data / "lumbar" / name
    dicom = study / "dicom" if (study / "dicom").is_dir() else study
    options = ["--marrow", study / mask] if mask else []
    done = _analyze(command, dicom, tmp_path, "--protocol", "lumbar_spine", *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "case" / "report.html").is_file()


def test_a_fat_saturated_series_is_refused_as_stir(command: Path, real_data: Path, tmp_path: Path) -> None:
    done = _analyze(command, real_data / "knee" / "flothesof", tmp_path)
    assert done.returncode == 3
    assert "not STIR" in done.stderr
    assert not (tmp_path / "case").exists()


def test_a_study_without_stir_is_refused_and_measured_when_allowed(
    command: Path, real_data: Path, tmp_path: Path
) -> None:
    study = real_data / "sij" / "1001"
    assert _analyze(command, study / "dicom", tmp_path).returncode == 3
    done = _analyze(
        command, study / "dicom", tmp_path, "--marrow", study / "masks" / "marrow.nii.gz", "--allow-t1-only"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "case" / "result.json").read_text(encoding="utf-8"))
    assert (document["pattern"]["class"], document["lesions"]) == ("CANNOT_ASSESS", None)
    # between red marrow and pure fat
    t1 = {item["name"]: item["value"] for item in document["whole"]["measurements"]}
    assert 0.4 < t1["t1_marrow_to_fat"] < 1.0


def test_a_t1_after_contrast_is_refused_and_measured_with_a_warning_when_allowed(
    command: Path, real_data: Path, tmp_path: Path
) -> None:
    dicom = real_data / "pelvis" / "case05" / "dicom"
    assert _analyze(command, dicom, tmp_path, "--protocol", "hips").returncode == 3
    done = _analyze(command, dicom, tmp_path, "--protocol", "hips", "--allow-t1-only")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "case" / "result.json").read_text(encoding="utf-8"))
    (told,) = [finding for finding in document["findings"] if finding["code"] == "t1_after_contrast"]
    assert told["severity"] == "warn"
    assert (document["pattern"]["class"], document["lesions"]) == ("CANNOT_ASSESS", None)
