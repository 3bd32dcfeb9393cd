"""Studies as files: geometry in mm, file options, truth, command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from marrowsignal.errors import OutputError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.geometry.itk_bridge import read_label_volume
from marrowsignal.phantom import DicomOptions, PhantomTruth, StudyOptions, coronal_oblique_grid, make_study
from marrowsignal.phantom.__main__ import main

GRID = coronal_oblique_grid(shape=(6, 56, 64), spacing_mm=(13.0, 4.4, 4.1))


def options(**dicom: object) -> StudyOptions:
    base = StudyOptions(sub_slices=1)
    return replace(base, t1=replace(base.t1, geometry=GRID), dicom=DicomOptions(**dicom))


def clean(**dicom: object) -> StudyOptions:
    o = options(**dicom)
    return replace(o, t1=replace(o.t1, muscle_snr=None, bias_p5=1.0, bias_p95=1.0))


def series(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(p) for p in sorted(folder.glob("*.dcm"))]


def stack(datasets: list[pydicom.Dataset]) -> tuple[np.ndarray, VolumeGeometry]:
    """Rescaled pixels and grid from the headers alone, slices along their normal."""
    iop = np.array(datasets[0].ImageOrientationPatient, float)
    normal = np.cross(iop[:3], iop[3:])
    datasets = sorted(datasets, key=lambda d: float(np.array(d.ImagePositionPatient, float) @ normal))
    first, last = (np.array(datasets[i].ImagePositionPatient, float) for i in (0, -1))
    step = float((last - first) @ normal) / (len(datasets) - 1)
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=first,
        directions_lps=np.array([normal, iop[3:], iop[:3]]).T,
        spacing_mm=(step, *map(float, datasets[0].PixelSpacing)),
        shape=(len(datasets), datasets[0].Rows, datasets[0].Columns),
    )
    return np.stack([d.pixel_array * float(d.get("RescaleSlope", 1.0)) for d in datasets]), grid


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PhantomTruth]:
    folder = tmp_path_factory.mktemp("phantom") / "study"
    return folder, make_study("focal_edema", folder, seed=12, options=options())


def test_headers_give_the_grid_back_in_mm(study: tuple[Path, PhantomTruth]) -> None:
    _, grid = stack(series(study[0] / "dicom" / "T1"))
    assert GRID.difference(grid).within(1e-6)


def test_rows_run_left_and_columns_down_and_back(study: tuple[Path, PhantomTruth]) -> None:
    iop = [float(v) for v in series(study[0] / "dicom" / "T1")[0].ImageOrientationPatient]
    assert iop[:3] == pytest.approx([1.0, 0.0, 0.0])
    assert iop[4] > 0.5
    assert iop[5] < -0.7


def test_headers_tell_t1_from_stir(study: tuple[Path, PhantomTruth]) -> None:
    t1, stir = (series(study[0] / "dicom" / s)[0] for s in ("T1", "STIR"))
    assert (t1.RepetitionTime, t1.EchoTime, t1.EchoTrainLength) == (550, 11, 3)
    assert (stir.RepetitionTime, stir.EchoTime, stir.InversionTime, stir.EchoTrainLength) == (5000, 60, 150, 11)
    assert t1.ScanningSequence == "SE"
    assert "InversionTime" not in t1
    assert list(stir.ScanningSequence) == ["SE", "IR"]
    assert t1.StudyInstanceUID == stir.StudyInstanceUID
    assert t1.FrameOfReferenceUID == stir.FrameOfReferenceUID
    assert t1.SeriesInstanceUID != stir.SeriesInstanceUID
    assert str(t1.PatientName).startswith("PHANTOM^")
    assert (t1.BitsStored, t1.BitsAllocated, t1.file_meta.TransferSyntaxUID) == (12, 16, RLELossless)


def test_every_instance_has_its_own_uid(study: tuple[Path, PhantomTruth]) -> None:
    every = [d for s in ("T1", "STIR") for d in series(study[0] / "dicom" / s)]
    assert len({d.SOPInstanceUID for d in every}) == len(every) == 12
    assert all(d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID for d in every)


def test_truth_files_match_the_record(study: tuple[Path, PhantomTruth]) -> None:
    folder, truth = study
    marrow = read_label_volume(folder / "truth" / "marrow.nii.gz", GRID)
    np.testing.assert_array_equal(marrow.array, truth.maps.marrow.array)
    document = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert document["pattern_class"] == "FOCAL_EDEMA_LIKE"
    assert document["side"] == "left"
    assert document["lesion_total_ml"] == pytest.approx(truth.maps.lesion.mask.sum() * GRID.voxel_ml, rel=1e-3)


def test_the_same_seed_gives_the_same_files(study: tuple[Path, PhantomTruth], tmp_path: Path) -> None:
    make_study("focal_edema", tmp_path / "again", seed=12, options=options())
    for path in sorted(study[0].rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(study[0])).read_bytes()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_transfer_syntax_and_slice_order_leave_the_image(
    study: tuple[Path, PhantomTruth], tmp_path: Path, syntax: str
) -> None:
    given = options(transfer_syntax_uid=str(syntax), reverse_slices=True)
    make_study("focal_edema", tmp_path / "other", seed=12, options=given)
    datasets = series(tmp_path / "other" / "dicom" / "T1")
    assert datasets[0].file_meta.TransferSyntaxUID == syntax
    want, want_grid = stack(series(study[0] / "dicom" / "T1"))
    got, grid = stack(datasets)
    np.testing.assert_array_equal(want, got)
    assert want_grid.difference(grid).within(1e-6)
    # file 1 is now the last slice along the normal
    assert datasets[0].ImagePositionPatient[1] > datasets[-1].ImagePositionPatient[1]


def test_a_slope_for_each_slice_leaves_the_signal(study: tuple[Path, PhantomTruth], tmp_path: Path) -> None:
    make_study("focal_edema", tmp_path / "s", seed=12, options=options(rescale_slopes=(0.5, 1.5, 2.0)))
    want, _ = stack(series(study[0] / "dicom" / "T1"))
    datasets = series(tmp_path / "s" / "dicom" / "T1")
    got, _ = stack(datasets)
    assert {float(d.RescaleSlope) for d in datasets} == {0.5, 1.5, 2.0}
    # a slope of 0.5 leaves 2047 display units for the brightest voxels
    assert np.abs(np.minimum(want, 2047) - np.minimum(got, 2047)).max() <= 1.5


def test_a_mirrored_patient_is_the_mirror_image(tmp_path: Path) -> None:
    truths, arrays = [], []
    for mirrored in (False, True):
        folder = tmp_path / str(mirrored)
        truths.append(make_study("focal_edema", folder, seed=3, options=replace(clean(), mirrored=mirrored)))
        arrays.append(stack(series(folder / "dicom" / "T1"))[0])
    assert [t.side for t in truths] == ["left", "right"]
    assert [t.lesions[1].region for t in truths] == ["left_ilium", "right_ilium"]
    assert np.abs(arrays[0] - arrays[1][:, :, ::-1]).max() <= 1


def test_a_shift_moves_the_tissue_and_is_told(tmp_path: Path) -> None:
    # one row downwards, so that the moved image is the old one, one row on
    shift = tuple(float(v) for v in GRID.directions_lps[:, 1] * GRID.spacing_mm[1])
    still = replace(clean(), stir=replace(clean().t1, geometry=None))
    truth = make_study("normal", tmp_path / "m", seed=5, options=replace(still, stir_shift_lps_mm=shift))
    t1, stir = (stack(series(tmp_path / "m" / "dicom" / s))[0] for s in ("T1", "STIR"))
    assert np.abs(stir[:, 1:] - t1[:, :-1]).max() <= 1
    assert truth.t1_to_stir_lps[:3, 3] == pytest.approx(shift)


def test_a_study_is_never_overwritten(study: tuple[Path, PhantomTruth]) -> None:
    with pytest.raises(OutputError, match="already holds"):
        make_study("focal_edema", study[0], seed=12, options=options())


def test_the_command_refuses_an_unknown_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no_such", "-o", str(tmp_path / "x")]) == 2
    said = capsys.readouterr()
    assert "choose one of" in said.err
    assert not said.out
