"""The layout of BIDS derivatives: names, sidecars, and a dataset that belongs to nobody else."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.errors import OutputError, UsageError
from marrowsignal.exports import CaseOptions, Layout, write_case, write_images
from marrowsignal.exports.aligned_state import FinishedCase
from marrowsignal.exports.corrected_case import take_over
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from marrowsignal.marrow.supplied import read_label_table
from marrowsignal.results.study_result import StudyResult
from marrowsignal.signals.statistics.ratios import fat_signal_index
from tests.exports.test_aligned_state import finished, same, study
from tests.report.study_builder import build_result

BIDS = CaseOptions(layout=Layout.BIDS, dicom=False)
# Specification 1.11, derivatives: entities in their order, then a suffix of anatomical images.
NAME = re.compile(
    r"sub-(?P<sub>[A-Za-z0-9]+)(_acq-[A-Za-z0-9]+)?(_space-(individual))?(_seg-[A-Za-z0-9]+)?(_desc-[A-Za-z0-9]+)?"
    r"_(T1w|T2w|dseg)\.(nii\.gz|json|tsv)"
)


def written(result: StudyResult, out: Path) -> Path:
    return write_case(result, out, report_html="x", options=BIDS)


def relative(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def sidecar(folder: Path, end: str) -> dict:
    (file,) = folder.glob(f"anat/*_{end}.json")
    return json.loads(file.read_text(encoding="utf-8"))


def test_each_file_has_a_name_of_bids_or_is_ignored(tmp_path: Path) -> None:
    folder = written(build_result(), tmp_path)
    assert folder == tmp_path / "sub-case0001"
    ignored = (tmp_path / ".bidsignore").read_text().split()
    top = {".bidsignore", "README.md", "dataset_description.json"}
    assert top <= set(relative(tmp_path))
    for name in set(relative(tmp_path)) - top:
        subject, *folders, file = name.split("/")
        match = NAME.fullmatch(file) if folders == ["anat"] else None
        if match is None:
            # One star of .bidsignore stays within a folder.
            hits = [one for one in ignored if fnmatchcase(name, f"{one}*" if one.endswith("/") else one)]
            assert any(one.endswith("/") or one.count("/") == name.count("/") for one in hits), name
        else:
            assert f"sub-{match['sub']}" == subject == "sub-case0001"


def test_each_image_has_a_sidecar_and_each_label_map_a_table(tmp_path: Path) -> None:
    folder = written(build_result(), tmp_path) / "anat"
    images = sorted(file.name.removesuffix(".nii.gz") for file in folder.glob("*.nii.gz"))
    assert images == [
        "sub-case0001_acq-STIR_space-individual_desc-preproc_T2w",
        "sub-case0001_desc-fatSignalIndex_T1w",
        "sub-case0001_desc-preproc_T1w",
        "sub-case0001_seg-lesions_dseg",
        "sub-case0001_seg-marrow_dseg",
        "sub-case0001_seg-regions_dseg",
    ]
    for image in images:
        told = json.loads((folder / f"{image}.json").read_text(encoding="utf-8"))
        assert told["Description"] and told["Marrowsignal"]["ProtocolSHA256"]
        assert ("SkullStripped" in told) is not image.endswith("dseg"), "required of images, not of label maps"
        assert (told["SpatialReference"] == "orig") is (image == "sub-case0001_desc-preproc_T1w")
        assert (folder / f"{image}.tsv").exists() is image.endswith("dseg")
    header, *rows = (folder / "sub-case0001_seg-regions_dseg.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t")[:2] == ["index", "name"] and "color" in header.split("\t")
    told = json.loads((folder / "sub-case0001_seg-regions_dseg.json").read_text(encoding="utf-8"))
    standard = {"index", "name", "abbreviation", "color", "mapping"}
    assert set(header.split("\t")) - standard <= set(told), "columns of our own are described"
    assert len(rows) == len(read_label_table(folder / "sub-case0001_seg-regions_dseg.tsv")) == 3


def test_every_reference_leads_to_a_file(tmp_path: Path) -> None:
    folder = written(build_result(), tmp_path)
    for file in (folder / "anat").glob("*.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        for uri in (told["SpatialReference"], *told.get("Sources", ())):
            assert uri == "orig" or (tmp_path / uri.removeprefix("bids::")).is_file(), uri


def test_the_images_are_those_of_the_other_layout(tmp_path: Path) -> None:
    result = build_result()
    folder, plain = written(result, tmp_path / "bids"), tmp_path / "plain"
    plain.mkdir()
    write_images(result, plain)
    for file in plain.glob("*.nii.gz"):
        name = Layout.BIDS.image_name(folder.name, file.name.removesuffix(".nii.gz"))
        assert (folder / "anat" / f"{name}.nii.gz").read_bytes() == file.read_bytes()


def test_the_formula_in_the_sidecar_makes_the_map_again(tmp_path: Path) -> None:
    result = build_result()
    t1, levels = result.pair.t1, result.references
    index = fat_signal_index(t1.array, muscle=levels.muscle.t1, fat=levels.fat.t1)
    index = np.where(result.marrow.labels.array > 0, index, np.nan).astype(np.float32)
    folder = written(replace(result, signals=replace(result.signals, fat_signal_index=index)), tmp_path)
    told = sidecar(folder, "desc-fatSignalIndex_T1w")
    values = {name: term.get("Value") for name, term in told["FormulaTerms"].items()}
    values["T"] = voxels(folder, "desc-preproc_T1w").astype(float)
    name, formula = told["Formula"].split(" = ")
    made = eval(formula, {"__builtins__": {}}, values)
    written_map = voxels(folder, "desc-fatSignalIndex_T1w")
    inside = np.isfinite(written_map)
    assert (name, told["Units"]) == ("FSI", "1") and inside.any()
    np.testing.assert_allclose(made[inside], written_map[inside], atol=1e-5)
    method = (Path(__file__).parents[2] / "docs" / "method.md").read_text(encoding="utf-8")
    assert formula.replace(" ", "") in method.replace(" ", ""), "the method tells the same formula"
    assert "D03" in told["FormulaSource"]


def voxels(folder: Path, end: str) -> np.ndarray:
    (file,) = folder.glob(f"anat/*_{end}.nii.gz")
    return np.frombuffer(gzip.decompress(file.read_bytes())[352:], "<f4")


def test_times_are_told_in_seconds(tmp_path: Path) -> None:
    told = sidecar(written(build_result(), tmp_path), "desc-preproc_T2w")
    assert (told["EchoTime"], told["InversionTime"], told["MagneticFieldStrength"]) == (0.05, 0.15, 1.5)


@pytest.mark.parametrize("source", list(MarrowSource))
def test_a_label_map_drawn_by_hand_is_told(tmp_path: Path, source: MarrowSource) -> None:
    result = build_result()
    folder = written(replace(result, marrow=replace(result.marrow, source=source)), tmp_path)
    assert sidecar(folder, "seg-marrow_dseg")["Manual"] is (source in (MarrowSource.SUPPLIED, MarrowSource.EDITED))


def test_the_dataset_is_described_once(tmp_path: Path) -> None:
    written(build_result(), tmp_path)
    description = tmp_path / "dataset_description.json"
    told = json.loads(description.read_text(encoding="utf-8"))
    assert told["DatasetType"] == "derivative" and told["Name"] and told["BIDSVersion"].startswith("1.")
    assert told["GeneratedBy"][0]["Name"] == "marrowsignal"
    assert str(tmp_path) not in description.read_text()
    mine = json.dumps({**told, "Name": "Knees of runners", "License": "CC0"})
    description.write_text(mine)
    written(replace(build_result(), case="second"), tmp_path)
    assert description.read_text() == mine
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"sub-case0001", "sub-second"}


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "no json", '{"Name": "raw", "BIDSVersion": "1.8.0"}', '{"GeneratedBy": [{"Name": "fMRIPrep"}]}',
     '{"DatasetType": "raw", "GeneratedBy": [{"Name": "marrowsignal"}]}', '{"GeneratedBy": "marrowsignal"}'],
)  # fmt: skip
def test_the_dataset_of_another_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset_description.json").write_text(text)
    with pytest.raises(OutputError, match="bids_dataset_foreign"):
        written(build_result(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset_description.json"]
    assert (tmp_path / "dataset_description.json").read_text() == text


def test_two_cases_never_share_a_subject(tmp_path: Path) -> None:
    first = replace(build_result(), case="a-1")
    folder = written(first, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in relative(tmp_path)}
    with pytest.raises(OutputError, match="bids_label_taken"):
        written(replace(first, case="a_1"), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in relative(tmp_path)} == before
    assert written(first, tmp_path) == folder
    assert {name: (tmp_path / name).read_bytes() for name in relative(tmp_path)} == before


def test_a_folder_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "sub-case0001").mkdir()
    (tmp_path / "sub-case0001" / "notes.txt").write_text("a person's")
    with pytest.raises(OutputError, match="bids_label_taken"):
        written(build_result(), tmp_path)
    assert list(relative(tmp_path)) == ["sub-case0001/notes.txt"]


def test_a_name_without_letters_and_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bids_label_empty"):
        written(replace(build_result(), case="_"), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("layout", list(Layout))
def test_a_corrected_mask_finds_its_case(tmp_path: Path, layout: Layout) -> None:
    result = study(tmp_path)
    result = replace(result, marrow=replace(result.marrow, source=MarrowSource.AUTOMATIC))
    out = tmp_path / "out"
    write_case(result, out, report_html="x", options=CaseOptions(layout=layout, dicom=False))
    drawn = Segmentation(labels=result.marrow.labels, kind=MaskKind.MARROW, source=MarrowSource.SUPPLIED)
    found = take_over(out, result.case, result.series, drawn, protocol=result.protocol)
    assert isinstance(found.pair, AlignedPair) and same(found.pair, result.pair)
    assert found.supplied.source is MarrowSource.EDITED


def test_the_pair_comes_back_bit_by_bit(tmp_path: Path) -> None:
    result = study(tmp_path)
    written(result, tmp_path / "out")
    renamed = replace(result, case=Layout.BIDS.folder_name(result.case))
    case = finished(renamed, tmp_path / "out", layout=Layout.BIDS)
    assert isinstance(case, FinishedCase) and same(case.pair, result.pair)


def test_no_file_names_a_path_of_the_input(tmp_path: Path) -> None:
    written(build_result(), tmp_path)
    assert not any(b"Doe" in (tmp_path / name).read_bytes() for name in relative(tmp_path))
