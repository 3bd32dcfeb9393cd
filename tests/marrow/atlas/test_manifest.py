"""A manifest of labelled studies: what is read, and which row is blamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.errors import MarrowSignalError, MaskError, UsageError
from marrowsignal.geometry import LabelVolume
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.marrow.atlas import build_atlas
from marrowsignal.marrow.atlas.manifest import ManifestRow, read_manifest, read_studies
from marrowsignal.phantom import coronal_oblique_grid
from marrowsignal.phantom.dicom_files import write_series
from marrowsignal.protocol import load_protocol
from tests.alignment.pelvis import image
from tests.marrow.atlas.people import person
from tests.phantom.dicom_kinds import STIR, T1, header_of, oblique_grid, signal_on

GRID = oblique_grid((9, 12, 10))


def study(folder: Path, *, value: int = 1) -> Path:
    """A labelled study: ``T1``, ``STIR`` and ``marrow.nii.gz``."""
    for series, sequence, number in (("T1", T1, 3), ("STIR", STIR, 4)):
        header = header_of("siemens", sequence=sequence, series_number=number)
        write_series(signal_on(GRID), GRID, header=header, folder=folder / series)
    labels = np.zeros(GRID.shape, np.uint16)
    labels[2:4, 3:8, 3:8] = value
    write_nifti(folder / "marrow.nii.gz", LabelVolume(array=labels, geometry=GRID))
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Write three studies and a manifest of them, with columns or lines of one's own."""
    for name in "abc":
        study(tmp_path / name)

    def write(*lines: str, header: str = "t1,marrow") -> Path:
        file = tmp_path / "manifest.csv"
        rows = lines or tuple(f"{name}/T1,{name}/marrow.nii.gz" for name in "abc")
        file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
        return file

    return write


def test_relative_paths_count_from_the_manifest(manifest: Callable[..., Path]) -> None:
    rows = read_manifest(manifest())
    assert [row.number for row in rows] == [1, 2, 3]
    assert all(row.t1.is_dir() and row.marrow.is_file() and row.stir is None for row in rows)


def test_studies_come_on_common_axes_without_identity(manifest: Callable[..., Path]) -> None:
    studies = read_studies(read_manifest(manifest()), load_protocol("generic"))
    assert [subject.name for subject in studies.subjects] == ["atlas_1", "atlas_2", "atlas_3"]
    first = studies.subjects[0]
    assert first.t1.dtype == first.labels.dtype == np.uint16
    assert first.t1.max() == 65535
    assert np.count_nonzero(first.labels) == 2 * 5 * 5
    assert first.stir is None


def test_stir_is_read_when_every_row_has_one(tmp_path: Path) -> None:
    # Finer pixels than other people here: STIR is aligned on them.
    of = person(1, coronal_oblique_grid(shape=(8, 68, 72), spacing_mm=(6.0, 3.2, 3.2)))
    for series, sequence, number in (("T1", T1, 3), ("STIR", STIR, 4)):
        header = header_of("siemens", sequence=sequence, series_number=number)
        signal = image(of, series.lower()).astype(np.float32)
        write_series(signal, of.geometry, header=header, folder=tmp_path / series)
    write_nifti(tmp_path / "marrow.nii.gz", of.marrow)
    row = ManifestRow(
        number=1, t1=tmp_path / "T1", marrow=tmp_path / "marrow.nii.gz", stir=tmp_path / "STIR", labels=None
    )  # fmt: skip
    with_stir = read_studies([row], load_protocol("generic")).subjects[0]
    assert with_stir.stir is not None
    assert with_stir.stir.shape == with_stir.t1.shape
    without = read_studies([row, replace(row, stir=None)], load_protocol("generic"))
    assert all(subject.stir is None for subject in without.subjects)


def test_a_stir_that_does_not_fit_is_blamed_on_its_row(manifest: Callable[..., Path]) -> None:
    lines = [f"{n}/T1,{n}/marrow.nii.gz,{n}/STIR" for n in "abc"]
    with pytest.raises(MaskError, match="row 1 of the manifest: its STIR cannot be used"):
        read_studies(read_manifest(manifest(*lines, header="t1,marrow,stir")), load_protocol("generic"))


def test_a_label_table_names_the_labels(manifest: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("value,name\n1,sacrum\n", encoding="utf-8")
    lines = [f"{n}/T1,{n}/marrow.nii.gz,names.csv" for n in "abc"]
    rows = read_manifest(manifest(*lines, header="t1,marrow,labels"))
    assert read_studies(rows, load_protocol("pelvis_sij")).names == ((1, "sacrum"),)


@pytest.mark.parametrize(
    ("header", "lines", "words"),
    [
        ("t1,mask", ["a/T1,a/marrow.nii.gz"] * 3, "no column marrow"),
        ("t1,marrow,age", ["a/T1,a/marrow.nii.gz,7"] * 3, "a column beyond"),
        ("t1,marrow", ["a/T1,a/marrow.nii.gz", "b/T1,b/marrow.nii.gz"], "has 2 rows"),
        ("t1,marrow", ["a/T1,a/marrow.nii.gz"] * 3, "a T1 twice"),
        ("t1,marrow", ["a/T1,a/marrow.nii.gz", "b/T1,", "c/T1,c/marrow.nii.gz"], r"a row \(2\) without"),
        ("t1,marrow", ["a/T1,a/marrow.nii.gz,x", "b/T1,b", "c/T1,c"], r"a row \(1\)"),
        ("", ["x"], "no column"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(
    manifest: Callable[..., Path], header: str, lines: list[str], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_manifest(manifest(*lines, header=header))
    assert caught.value.code == "atlas_manifest"
    assert caught.value.hint


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00t1")
    for file in (tmp_path / "m.csv", tmp_path / "none.csv", tmp_path):
        with pytest.raises(UsageError) as caught:
            read_manifest(file)
        assert str(tmp_path) not in str(caught.value)


def test_a_broken_row_is_named_and_nothing_is_left_behind(manifest: Callable[..., Path], tmp_path: Path) -> None:
    def error(second: str) -> MarrowSignalError:
        file = manifest("a/T1,a/marrow.nii.gz", second, "c/T1,c/marrow.nii.gz")
        with pytest.raises(MaskError, match="row 2 of the manifest") as caught:
            build_atlas(file, tmp_path / "atlas")
        assert str(tmp_path) not in str(caught.value)
        assert caught.value.hint
        return caught.value

    assert error("gone/T1,b/marrow.nii.gz").code == "atlas_row_missing"
    assert error("b/T1,gone.nii.gz").code == "atlas_row_missing"
    (tmp_path / "text.nii.gz").write_text("no image")
    error("b/T1,text.nii.gz")
    error("b/STIR,b/marrow.nii.gz")
    (tmp_path / "empty").mkdir()
    error("empty,b/marrow.nii.gz")
    assert sorted(p.name for p in tmp_path.iterdir() if "atlas" in p.name) == []


def test_labels_that_mean_different_bones_are_refused(manifest: Callable[..., Path], tmp_path: Path) -> None:
    for name, bone in (("one", "sacrum"), ("two", "ilium")):
        (tmp_path / f"{name}.csv").write_text(f"value,name\n1,{bone}\n", encoding="utf-8")
    lines = [f"{n}/T1,{n}/marrow.nii.gz,{table}.csv" for n, table in zip("abc", ("one", "one", "two"), strict=True)]
    rows = read_manifest(manifest(*lines, header="t1,marrow,labels"))
    with pytest.raises(MaskError, match="row 3") as caught:
        read_studies(rows, load_protocol("pelvis_sij"))
    assert caught.value.code == "atlas_labels_differ"
