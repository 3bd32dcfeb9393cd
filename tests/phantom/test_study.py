"""Studies as files: geometry in mm, file options, motion, truth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from marrowsignal.errors import OutputError, UsageError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.phantom import (
    DicomOptions,
    Metal,
    Motion,
    PhantomTruth,
    SeriesPhysics,
    StudyOptions,
    coronal_oblique_grid,
    make_study,
    simulate_study,
)
from marrowsignal.phantom.tissues import T1_TSE_1_5T

GRID = coronal_oblique_grid(shape=(6, 56, 64), spacing_mm=(13.0, 4.4, 4.1))
# every effect of the scanner off: what is left is the physics of the voxel
CLEAN_T1 = SeriesPhysics(sequence=T1_TSE_1_5T, gain=1900.0)


def options(**dicom: object) -> StudyOptions:
    return StudyOptions(geometry=GRID, sub_slices=1, dicom=DicomOptions(**dicom))


def clean(**other: object) -> StudyOptions:
    return StudyOptions(geometry=GRID, sub_slices=1, t1=CLEAN_T1, stir=CLEAN_T1, **other)


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
    assert iop[5] < -0.6


def test_headers_tell_t1_from_stir(study: tuple[Path, PhantomTruth]) -> None:
    t1, stir = (series(study[0] / "dicom" / s)[0] for s in ("T1", "STIR"))
    assert "InversionTime" not in t1
    assert stir.InversionTime > 100
    assert t1.ScanningSequence == "SE"
    assert list(stir.ScanningSequence) == ["SE", "IR"]
    assert t1.StudyInstanceUID == stir.StudyInstanceUID
    assert t1.FrameOfReferenceUID == stir.FrameOfReferenceUID
    assert t1.SeriesInstanceUID != stir.SeriesInstanceUID
    assert (t1.PatientAge, t1.PatientSex) == ("035Y", "F")
    assert t1.file_meta.TransferSyntaxUID == RLELossless


def test_every_instance_has_its_own_uid(study: tuple[Path, PhantomTruth]) -> None:
    every = [d for s in ("T1", "STIR") for d in series(study[0] / "dicom" / s)]
    assert len({d.SOPInstanceUID for d in every}) == len(every) == 12
    assert all(d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID for d in every)


def test_truth_files_match_the_record(study: tuple[Path, PhantomTruth]) -> None:
    folder, truth = study
    for name, volume in (("marrow", truth.maps.marrow), ("bones", truth.maps.bones), ("tissue", truth.maps.tissue)):
        np.testing.assert_array_equal(read_label_volume(folder / "truth" / f"{name}.nii.gz", GRID).array, volume.array)
    fat = read_label_volume(folder / "truth" / "fat_percent.nii.gz", GRID).array
    assert (fat[~truth.maps.bones.mask] == 255).all()
    np.testing.assert_allclose(
        fat[truth.maps.bones.mask], 100 * truth.maps.fat_fraction[truth.maps.bones.mask], atol=0.51
    )
    document = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert document["pattern_class"] == "FOCAL_EDEMA_LIKE"
    assert document["side"] == "left"
    ill = truth.maps.lesion.mask & truth.maps.marrow.mask
    assert document["lesion_total_ml"] == pytest.approx(ill.sum() * GRID.voxel_ml, rel=1e-3)
    assert document["bone_labels"]["left_ilium"] == 2
    assert (folder / "truth" / "stir_bias.nii.gz").is_file()


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


def test_a_mirrored_patient_is_the_mirror_image() -> None:
    straight, mirrored = (simulate_study("focal_edema", seed=3, options=clean(mirrored=m)) for m in (False, True))
    assert [s.truth.side for s in (straight, mirrored)] == ["left", "right"]
    regions = [{lesion.region for lesion in s.truth.lesions} for s in (straight, mirrored)]
    assert "left_ilium" in regions[0] - regions[1]
    assert "right_ilium" in regions[1] - regions[0]
    np.testing.assert_allclose(straight.t1.signal, mirrored.t1.signal[:, :, ::-1], atol=0.5)
    swapped = np.array([0, 1, 3, 2], np.uint16)[mirrored.truth.maps.marrow.array[:, :, ::-1]]
    np.testing.assert_array_equal(straight.truth.maps.marrow.array, swapped)


def test_a_shift_moves_the_tissue_and_is_told() -> None:
    # one row downwards, so that the moved image is the old one, one row on
    shift = tuple(float(v) for v in GRID.directions_lps[:, 1] * GRID.spacing_mm[1])
    study = simulate_study("normal", seed=5, options=clean(motion=Motion(shift_lps_mm=shift)))
    # how thick a thin septum is drawn is measured on the grid, with one-sided slopes at its border
    assert np.isclose(study.stir.signal[:, 1:], study.t1.signal[:, :-1], atol=0.5).mean() > 0.985
    assert study.truth.t1_to_stir_lps[:3, 3] == pytest.approx(shift)


def test_a_turn_is_rigid_and_takes_t1_points_to_stir_points() -> None:
    motion = Motion(shift_lps_mm=(2.0, -3.0, 5.0), rotation_deg=(4.0, -6.0, 9.0))
    rotation = motion.matrix[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    # the STIR grid turned along with the person sees what the T1 grid saw
    turned = VolumeGeometry(affine_lps=motion.matrix @ GRID.affine_lps, shape=GRID.shape)
    study = simulate_study("normal", seed=5, options=clean(motion=motion, stir_geometry=turned))
    np.testing.assert_allclose(study.stir.signal, study.t1.signal, atol=0.5)


def test_tables_with_values_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    table = 'title = "x"\npattern_class = "NORMAL_FOR_AGE"\nview = "sij"\nregions = ["sacrum"]\n'
    for line, message in (
        ('muscle_snr = "high"', "stir.muscle_snr"),
        ("gain = -3.0", "gain and signal"),
        ('phase_encoding = "AP"', "stir.phase_encoding"),
        ("coil = 5", "stir.coil"),
        ("sequence = { repetition_time_ms = 0.0 }", "TR and TE"),
        ("breathing = { pace = 3.0 }", "no 'pace' in Breathing"),
        ("metal = [{ centre_lps_mm = [1.0, 2.0], radius_mm = 5.0 }]", "stir.metal.0.centre_lps_mm"),
    ):
        path.write_text(table + f"[stir]\n{line}\n")
        with pytest.raises(UsageError, match=message):
            simulate_study(str(path), options=StudyOptions(geometry=GRID, sub_slices=1))
    path.write_text(table.replace("sacrum", "elbow"))
    with pytest.raises(UsageError, match="no bone 'elbow'"):
        simulate_study(str(path), options=StudyOptions(geometry=GRID, sub_slices=1))


def test_metal_moves_with_the_person_and_studies_that_differ_have_other_uids(tmp_path: Path) -> None:
    metal = (Metal(centre_lps_mm=(20.0, 0.0, 0.0), radius_mm=9.0),)
    loud = replace(CLEAN_T1, metal=metal, pixel_bandwidth_hz=400.0)
    motion = Motion(shift_lps_mm=(16.4, 0.0, 0.0))
    study = simulate_study(
        "normal", options=StudyOptions(geometry=GRID, sub_slices=1, t1=loud, stir=loud, motion=motion)
    )
    # 16.4 mm are four columns
    without = replace(loud, metal=())
    plain = simulate_study(
        "normal", options=StudyOptions(geometry=GRID, sub_slices=1, t1=without, stir=without, motion=motion)
    )
    pairs = ((study.t1.signal, plain.t1.signal), (study.stir.signal, plain.stir.signal))
    void = [np.argwhere(a[2] < 0.5 * b[2])[:, 1].mean() for a, b in pairs]
    assert void[1] - void[0] == pytest.approx(4.0, abs=0.5)
    uids = set()
    for name, given in (("a", options()), ("b", replace(options(), mirrored=True)), ("c", options(vendor="ge"))):
        make_study("normal", tmp_path / name, seed=4, options=given)
        uids.add(series(tmp_path / name / "dicom" / "T1")[0].SeriesInstanceUID)
    assert len(uids) == 3


def test_series_tables_of_a_phantom_change_only_what_they_name(tmp_path: Path) -> None:
    path = tmp_path / "short_ti.toml"
    table = 'title = "x"\npattern_class = "NORMAL_FOR_AGE"\nview = "sij"\nregions = ["sacrum"]\n'
    path.write_text(table + "[stir]\nmuscle_snr = 7.0\nsequence = { inversion_time_ms = 120.0 }\n")
    given = StudyOptions(geometry=GRID, sub_slices=1)
    study = simulate_study(str(path), options=given)
    usual = simulate_study("normal", options=given)
    assert study.stir_physics.muscle_snr == 7.0
    assert study.stir_physics.sequence.inversion_time_ms == 120.0
    assert study.stir_physics.coil == usual.stir_physics.coil
    assert study.t1_physics == usual.t1_physics
    path.write_text("magnetic_field_strength_t = 3.0\n" + table)
    strong = simulate_study(str(path), options=given)
    assert strong.stir_physics.sequence.magnetic_field_strength_t == 3.0
    assert strong.stir_physics.sequence.inversion_time_ms > 200.0
    path.write_text("magnetic_field_strength_t = 7.0\n" + table)
    with pytest.raises(UsageError, match="no phantom at 7 T"):
        simulate_study(str(path), options=given)
    path.write_text(table + "[stir]\nloudness = 7.0\n")
    with pytest.raises(UsageError, match="no 'loudness' in SeriesPhysics"):
        simulate_study(str(path), options=given)


def test_a_study_is_never_overwritten(study: tuple[Path, PhantomTruth]) -> None:
    with pytest.raises(OutputError, match="already holds"):
        make_study("focal_edema", study[0], seed=12, options=options())
