"""``marrowsignal phantom``: the list, the parameters, a study, and clear refusals."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from marrowsignal.cli.app import main
from marrowsignal.phantom import names

SMALL = """
title = "a small stack"
pattern_class = "FOCAL_EDEMA_LIKE"
side = "left"
regions = ["sacrum", "left_ilium", "right_ilium"]
findings = [{ kind = "edema", landmark = "left_sij_sacral", size_mm = [17.0, 21.0, 15.0], peak = 0.7 }]

[view]
title = "few thick slices"
body_part_examined = "PELVIS"
plane = "coronal"
tilt_deg = 50.0
slices = 8
matrix = [64, 64]
pixel_mm = [3.2, 3.2]
slice_distance_mm = 9.0
slice_thickness_mm = 8.0
centre_mm = [0.0, 0.0, 0.0]
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


def test_without_a_name_every_phantom_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(names())


def test_show_prints_toml_that_is_a_phantom_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["phantom", "hip_osteonecrosis", "--show"]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["findings"][0]["kind"] == "osteonecrosis"


def test_landmarks_and_bones_of_a_body_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom", "--landmarks", "knee"]) == 0
    out = capsys.readouterr().out
    assert "medial_femoral_condyle" in out
    assert "22 tibia" in out
    assert main(["phantom", "--landmarks", "elbow"]) == 2


def test_a_phantom_of_ones_own_is_written_with_its_truth(
    small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["phantom", small, "-o", str(out), "--seed", "3", "--companions", "--vendor", "ge"]) == 0
    said = capsys.readouterr()
    assert not said.out
    assert "FOCAL_EDEMA_LIKE" in said.err
    truth = json.loads((out / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert (truth["name"], truth["seed"], truth["side"]) == ("small", 3, "left")
    assert len(list((out / "dicom" / "T1").iterdir())) == len(list((out / "dicom" / "STIR").iterdir())) == 8
    beside = {p.name for p in (out / "dicom").iterdir()} - {"T1", "STIR"}
    assert {"localizer", "IN_PHASE", "OPPOSED_PHASE", "PD_FS", "T2_FS", "T1_POST"} <= beside
    assert main(["inspect", "--json", str(out / "dicom")]) == 0
    series = json.loads(capsys.readouterr().out)["series"]
    taken = {s["identity"] for s in series if s["usable"]}
    assert taken == {"t1", "stir"}
    assert sum(s["usable"] for s in series) == 2
    assert main(["phantom", small, "-o", str(out)]) == 6
    assert "already holds" in capsys.readouterr().err


def test_what_makes_no_sense_is_a_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["phantom", "no_such", "-o", str(tmp_path)]) == 2
    assert "choose one of" in capsys.readouterr().err
    assert main(["phantom", "normal"]) == 2
    assert "-o DIR" in capsys.readouterr().err
    assert main(["phantom", "normal", "-o", str(tmp_path), "--vendor", "acme"]) == 2
    assert "siemens" in capsys.readouterr().err
