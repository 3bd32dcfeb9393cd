"""`marrowsignal atlas` builds from a manifest of DICOM studies and tells what an atlas holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.geometry import LabelVolume
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.phantom.dicom_files import write_series
from tests.alignment.pelvis import image
from tests.marrow.atlas.people import CHANGED, GRID, person
from tests.phantom.dicom_kinds import T1, header_of


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    lines = ["t1,marrow"]
    for seed in (1, 2, 3):
        of = person(seed)
        header = header_of("siemens", sequence=T1, series_number=3)
        write_series(image(of, "t1").astype(np.float32), GRID, header=header, folder=folder / str(seed) / "T1")
        write_nifti(folder / f"{seed}.nii.gz", LabelVolume(array=of.marrow.array, geometry=GRID))
        lines.append(f"{seed}/T1,{seed}.nii.gz")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    changes = [f'{key} = {{ value = {value}, unit = "1", source = "small people" }}' for key, value in CHANGED.items()]
    head = 'schema_version = 1\nextends = "generic"\nname = "small"\nversion = "1"\ntitle = "Small people"\n[atlas]\n'
    (folder / "small.toml").write_text(head + "\n".join(changes), encoding="utf-8")
    return folder / "manifest.csv"


def test_an_atlas_is_built_and_listed(run, manifest: Path, tmp_path: Path) -> None:
    built = run("atlas", "build", manifest, "-o", tmp_path / "a", "--protocol", manifest.with_name("small.toml"))
    assert built.code == 0, built.err
    assert "atlas_3: left out, Dice" in built.err
    assert "3 subjects, T1" in built.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]
    listed = run("atlas", "list", tmp_path / "a")
    assert (listed.code, listed.out, listed.err) == (0, built.out, "")
    (told,) = json.loads(run("atlas", "list", tmp_path / "a", "--json").out)
    assert told["subjects"] == 3
    assert told["mean_dice"] > 0.8
    assert told["worst_dice"] == min(row["dice"] for row in told["leave_one_out"])
    again = run("atlas", "build", manifest, "-o", tmp_path / "a")
    assert again.code == 6
    assert "atlas_exists" in again.err
    way = f"atlas:{tmp_path / 'a'}"
    asked = run("analyze", manifest.parent / "1", "-o", tmp_path / "out", "--lesions-from", way)
    assert asked.code == 5
    assert "holds no lesion model" in asked.err and "leave --lesions-from out" in asked.err
    assert not (tmp_path / "out").exists()
    text = "".join(p.read_text() for p in (tmp_path / "a").glob("*.json"))
    assert str(manifest.parent) not in text


def test_what_cannot_be_used_ends_in_one_clear_error(run, manifest: Path, tmp_path: Path) -> None:
    assert run("atlas", "list", tmp_path).code == 5
    assert run("atlas", "list", tmp_path / "none").code == 5
    assert run("atlas", "build", tmp_path / "none.csv", "-o", tmp_path / "a").code == 5
    assert run("atlas", "build", manifest, "-o", tmp_path / "a", "--mask-kind", "fat").code == 2
    short = tmp_path / "short.csv"
    short.write_text("t1,marrow\n", encoding="utf-8")
    done = run("atlas", "build", short, "-o", tmp_path / "a")
    assert done.code == 2
    assert "0 rows" in done.err
    assert not (tmp_path / "a").exists()
