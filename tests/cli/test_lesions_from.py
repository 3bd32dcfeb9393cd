"""Lesions labelled in a manifest teach an atlas; `analyze --lesions-from` uses what it learnt and says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.geometry import LabelVolume
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.phantom import TissueMaps, coronal_oblique_grid, draw_subject, tissue_maps
from marrowsignal.phantom.dicom_files import write_series
from tests.alignment.pelvis import image
from tests.marrow.atlas.people import CHANGED
from tests.phantom.dicom_kinds import STIR, T1, header_of

GRID = coronal_oblique_grid(shape=(10, 76, 80), spacing_mm=(6.0, 3.2, 3.2))
SEEDS = (1, 2, 3)
LESIONS = {"samples": 1000.0, "trees": 8.0, "folds": 2.0}
MARROW = {**CHANGED, "samples": 1500.0, "trees": 10.0}


def person(seed: int) -> TissueMaps:
    return tissue_maps("bilateral_edema", GRID, subject=draw_subject(seed), sub_slices=1)


def write_study(folder: Path, of: TissueMaps) -> Path:
    """``T1``, ``STIR``, ``marrow.nii.gz`` and two reads of lesions; the second found nothing."""
    for name, sequence, number in (("t1", T1, 3), ("stir", STIR, 4)):
        header = header_of("siemens", sequence=sequence, series_number=number)
        write_series(image(of, name).astype(np.float32), GRID, header=header, folder=folder / name.upper())
    write_nifti(folder / "marrow.nii.gz", LabelVolume(array=of.marrow.array, geometry=GRID))
    write_nifti(folder / "read1.nii.gz", LabelVolume(array=of.lesion.array, geometry=GRID))
    write_nifti(folder / "read2.nii.gz", LabelVolume(array=np.zeros_like(of.lesion.array), geometry=GRID))
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three studies, a protocol for small people, and a manifest with lesions."""
    folder = tmp_path_factory.mktemp("site")
    lines = ["t1,marrow,stir,lesions"]
    for seed in SEEDS:
        write_study(folder / str(seed), person(seed))
        lines.append(f"{seed}/T1,{seed}/marrow.nii.gz,{seed}/STIR,{seed}/read1.nii.gz")
    lines[1] += "; 1/read2.nii.gz"
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")

    def table(name: str, values: dict[str, float]) -> str:
        rows = [f'{key} = {{ value = {value}, unit = "1", source = "small people" }}' for key, value in values.items()]
        return "\n".join((f"[{name}]", *rows))

    head = 'schema_version = 1\nextends = "generic"\nname = "small"\nversion = "1"\ntitle = "Small people"'
    text = "\n".join((head, table("atlas", MARROW), table("lesion_model", LESIONS)))
    (folder / "small.toml").write_text(text, encoding="utf-8")
    return folder


def test_lesions_are_learnt_listed_and_proposed(run, site: Path, tmp_path: Path) -> None:
    atlas = tmp_path / "a"
    built = run("atlas", "build", site / "manifest.csv", "-o", atlas, "--protocol", site / "small.toml")
    assert built.code == 0, built.err
    assert "atlas_3: lesions left out, Dice" in built.err
    listed = run("atlas", "list", atlas)
    assert listed.out == built.out
    assert "Lesions: left-out Dice" in listed.out
    assert listed.out.count("reads among each other") == 1
    (told,) = json.loads(run("atlas", "list", atlas, "--json").out)
    assert [row["name"] for row in told["lesions_leave_one_out"]] == ["atlas_1", "atlas_2", "atlas_3"]
    assert "".join(file.read_text() for file in atlas.glob("*.json")).count(str(site)) == 0
    given = ("analyze", site / "2", "-o", tmp_path / "out", "--marrow", site / "2" / "marrow.nii.gz")
    done = run(*given, "--case", "learned", "--lesions-from", f"atlas:{atlas}", "--protocol", site / "small.toml")
    assert done.code == 0, done.err
    result = json.loads((tmp_path / "out" / "learned" / "result.json").read_text(encoding="utf-8"))
    assert "voxel model of 3 labelled studies, atlas " in result["lesions_made_by"]
    assert "left-out Dice" in result["lesions_quality"]
    assert result["lesions"]
    assert "learned model" in (tmp_path / "out" / "learned" / "report.html").read_text(encoding="utf-8")


def test_what_cannot_be_used_ends_in_one_clear_error(run, site: Path, tmp_path: Path) -> None:
    def refused(*lines: str) -> tuple[int, str]:
        file = site / "bad.csv"
        file.write_text("\n".join(("t1,marrow,stir,lesions", *lines)), encoding="utf-8")
        done = run("atlas", "build", file, "-o", tmp_path / "none", "--protocol", site / "small.toml")
        assert not (tmp_path / "none").exists()
        return done.code, done.err

    row = "{0}/T1,{0}/marrow.nii.gz,{1},{2}"
    full = [row.format(seed, f"{seed}/STIR", f"{seed}/read1.nii.gz") for seed in SEEDS]
    code, err = refused(*full[:2], row.format(3, "3/STIR", ""))
    assert (code, "lesions_too_few" in err) == (5, True)
    code, err = refused(row.format(1, "", "1/read1.nii.gz"), *full[1:])
    assert (code, "row 1" in err, "lesions_no_stir" in err) == (5, True, True)
    code, err = refused(row.format(1, "1/STIR", "1/none.nii.gz"), *full[1:])
    assert (code, "row 1" in err, "lesion map is not there" in err) == (5, True, True)


def test_a_way_that_cannot_be_gone_is_refused_before_the_long_work(run, site: Path, tmp_path: Path) -> None:
    def asked(way: str) -> tuple[int, str]:
        done = run("analyze", site / "1", "-o", tmp_path / "out", "--lesions-from", way)
        assert not (tmp_path / "out").exists()
        return done.code, done.err

    for way in ("network", "atlas:", "atlas"):
        code, err = asked(way)
        assert code == 2
        assert "--lesions-from takes" in err
    code, err = asked(f"atlas:{tmp_path}")
    assert (code, "atlas_missing" in err, "atlas build -o" in err) == (5, True, True)
