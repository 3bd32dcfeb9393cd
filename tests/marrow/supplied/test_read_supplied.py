"""Labels from any program, on any grid, come to the T1 grid under the names of our regions."""

from __future__ import annotations

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from scipy.spatial.transform import Rotation

from marrowsignal.dicom.privacy.person import person_mark
from marrowsignal.errors import MaskError
from marrowsignal.findings import Severity
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.geometry.label_grid import labels_on_grid
from marrowsignal.marrow.records import MarrowSource, MaskKind
from marrowsignal.marrow.supplied import (
    DrawnLabels,
    SeriesReference,
    StudySpace,
    drawn_on_stir,
    place_labels,
    read_drawn_labels,
    read_supplied,
)
from tests.marrow.supplied.drawn import (
    FRAME_UID,
    GRID,
    STIR_UID,
    T1_UID,
    nrrd,
    seg,
    slicer_segment,
    specs,
    two_bones,
)

BOTH = ((1, "sacrum"), (2, "ilium:left"))


def reference(series: str = T1_UID, frame: str = FRAME_UID, patient: str = "P1") -> SeriesReference:
    return SeriesReference(frame_of_reference_uid=frame, series_instance_uids=(series,), person=person_mark(patient))


def space(**changes: object) -> StudySpace:
    return replace(StudySpace(t1=GRID, t1_reference=reference()), **changes)


def codes(found: object) -> list[str]:
    return [finding.code for finding in found.findings]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_label_map_of_any_format_with_its_table(tmp_path: Path, suffix: str) -> None:
    write_nifti(tmp_path / f"m{suffix}", LabelVolume(array=two_bones(), geometry=GRID))
    (tmp_path / "t.txt").write_text("1 sacrum\n2 left hip\n")
    read = read_supplied(tmp_path / f"m{suffix}", GRID, kind=MaskKind.BONE, table=tmp_path / "t.txt", specs=specs())
    np.testing.assert_array_equal(read.labels.array, two_bones())
    assert (read.labels.names, read.kind, read.source) == (BOTH, MaskKind.BONE, MarrowSource.SUPPLIED)
    assert read.findings == ()


def totalsegmentator(folder: Path, array: np.ndarray, *names: str) -> Path:
    """A label map with the names of its values in its header."""
    write_nifti(folder / "plain.nii", LabelVolume(array=array, geometry=GRID))
    plain = bytearray((folder / "plain.nii").read_bytes())
    labels = "\n".join(
        f'<Label Key="{value}" Red="1" Green="0" Blue="0" Alpha="1"><![CDATA[{name}]]></Label>'
        for value, name in enumerate(names, 1)
    )
    table = f'<VolumeInformation Index="0"><LabelTable>{labels}</LabelTable></VolumeInformation>'
    xml = f'<?xml version="1.0"?> <CaretExtension>{table}</CaretExtension>'.encode()
    xml += b"\0" * (-(len(xml) + 8) % 16)
    struct.pack_into("<f", plain, 108, 352.0 + 8 + len(xml))
    extension = b"\1\0\0\0" + struct.pack("<2i", 8 + len(xml), 0) + xml
    path = folder / "named.nii.gz"
    path.write_bytes(gzip.compress(bytes(plain[:348]) + extension + bytes(plain[352:])))
    return path


def with_more(*values: int) -> np.ndarray:
    """Two bones, and a block of each of these values beside them."""
    array = two_bones()
    for place, value in enumerate(values):
        array[3, 10:, place * 3 : place * 3 + 2] = value
    return array


def test_the_names_totalsegmentator_writes_into_its_nifti_are_read(tmp_path: Path) -> None:
    read = read_supplied(totalsegmentator(tmp_path, two_bones(), "sacrum", "hip_left"), GRID, specs=specs())
    np.testing.assert_array_equal(read.labels.array, two_bones())
    assert (read.labels.names, read.findings) == (BOTH, ())


def test_what_a_segmenter_names_beside_bones_is_left_out_and_told(tmp_path: Path) -> None:
    array = with_more(3, 4, 5)
    path = totalsegmentator(tmp_path, array, "sacrum", "hip_left", "urinary_bladder", "costal_growth", "tibia_left")
    read = read_supplied(path, GRID, specs=specs())
    np.testing.assert_array_equal(read.labels.array, np.where(np.isin(array, (3, 4)), 0, array))
    assert read.labels.names == (*BOTH, (5, "tibia:left"))
    told = read.findings[0]
    assert (told.code, told.severity) == ("labels_left_out", Severity.WARN)
    assert "urinary_bladder, costal_growth." in told.message
    # a protocol without regions knows bones all the same
    assert set(np.unique(read_supplied(path, GRID).labels.array)) == {0, 1, 2, 5}


def test_of_what_a_person_names_only_soft_tissue_is_left_out(tmp_path: Path) -> None:
    array = with_more(3, 4)
    write_nifti(tmp_path / "m.nii", LabelVolume(array=array, geometry=GRID))
    (tmp_path / "t.txt").write_text("1 sacrum\n2 left hip\n3 M. gluteus medius\n4 my growth\n")
    read = read_supplied(tmp_path / "m.nii", GRID, table=tmp_path / "t.txt", specs=specs())
    np.testing.assert_array_equal(read.labels.array, np.where(array == 3, 0, array))
    assert (read.labels.names, codes(read)) == ((*BOTH, (4, "my growth")), ["labels_left_out", "labels_unknown"])


def test_a_map_of_soft_tissue_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="no bone: colon, iliac_vena_left") as caught:
        read_supplied(totalsegmentator(tmp_path, two_bones(), "colon", "iliac_vena_left"), GRID, specs=specs())
    assert caught.value.code == "mask_no_bone"


@pytest.mark.parametrize(("algorithm", "left_out"), [("AUTOMATIC", True), ("MANUAL", False)])
def test_a_dicom_seg_by_a_program_has_bones_only(tmp_path: Path, algorithm: str, *, left_out: bool) -> None:
    stored = dcmread(seg(tmp_path / "seg", two_bones(), "BINARY"))
    growth = stored.SegmentSequence[0]
    growth.SegmentLabel, growth.SegmentAlgorithmType = "growth", algorithm
    growth.SegmentedPropertyTypeCodeSequence[0].CodeValue = "123"
    if algorithm == "AUTOMATIC":
        growth.SegmentAlgorithmName = "x"
    stored.save_as(tmp_path / "seg")
    read = place_labels(read_drawn_labels(tmp_path / "seg"), space(), kind=MaskKind.MARROW, specs=specs())
    assert bool((read.labels.array == 1).any()) is not left_out
    assert codes(read) == ["labels_left_out" if left_out else "labels_unknown"]


def test_segments_of_3d_slicer_in_one_layer(tmp_path: Path) -> None:
    fields = slicer_segment(0, "sacrum", 1, 0) + slicer_segment(1, "Segment_2", 2, 0, "SCT^22356005^Ilium")
    read = read_supplied(nrrd(tmp_path / "m.seg.nrrd", two_bones()[None], fields), GRID, specs=specs())
    np.testing.assert_array_equal(read.labels.array, two_bones())
    assert read.labels.names == ((1, "sacrum"), (2, "ilium"))


def test_segments_of_3d_slicer_in_layers_that_overlap(tmp_path: Path) -> None:
    array = two_bones()
    first = np.where(array == 1, 1, 0)
    second = np.where((array == 2) | ((array == 1) & (np.indices(GRID.shape)[0] == 2)), 1, 0)
    fields = slicer_segment(0, "sacrum", 1, 0) + slicer_segment(1, "hip left", 1, 1)
    read = read_supplied(nrrd(tmp_path / "m.seg.nrrd", np.stack([first, second]), fields), GRID, specs=specs())
    np.testing.assert_array_equal(read.labels.array, np.where(second, 2, first))
    assert (read.labels.names, codes(read)) == (BOTH, ["segments_overlap"])


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP", "FRACTIONAL"])
def test_a_dicom_seg_of_any_kind(tmp_path: Path, kind: str) -> None:
    array = two_bones()
    shares = np.stack([np.where(array == 1, 0.8, 0.3), np.where(array == 2, 0.6, 0.0)], axis=-1).astype(np.float32)
    path = seg(tmp_path / "seg", shares if kind == "FRACTIONAL" else array, kind)
    read = place_labels(read_drawn_labels(path), space(), kind=MaskKind.MARROW, specs=specs())
    np.testing.assert_array_equal(read.labels.array, array)
    assert read.labels.names == BOTH
    assert codes(read) == (["mask_from_shares"] if kind == "FRACTIONAL" else [])


def test_overlapping_segments_of_a_dicom_seg(tmp_path: Path) -> None:
    array = two_bones()
    both = np.stack([array > 0, array == 2], axis=-1).astype(np.uint8)
    read = read_supplied(seg(tmp_path / "seg", both, "BINARY"), GRID)
    np.testing.assert_array_equal(read.labels.array, array)
    assert codes(read) == ["segments_overlap", "labels_unknown"]


@pytest.mark.parametrize("tells_spacing", [True, False])
def test_a_dicom_seg_of_every_other_slice_does_not_fill_those_between(tmp_path: Path, *, tells_spacing: bool) -> None:
    array = two_bones()
    array[[2, 4]] = 0
    path = seg(tmp_path / "seg", array, "BINARY")
    if not tells_spacing:
        stored = dcmread(path)
        del stored.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
        stored.save_as(path)
    np.testing.assert_array_equal(read_supplied(path, GRID).labels.array, array)


def test_a_dicom_seg_of_others_is_refused(tmp_path: Path) -> None:
    drawn = read_drawn_labels(seg(tmp_path / "seg", two_bones(), "BINARY"))
    for other in (reference(patient="P2"), reference(series="1.9", frame="1.8")):
        with pytest.raises(MaskError) as caught:
            place_labels(drawn, space(t1_reference=other), kind=MaskKind.MARROW)
        assert caught.value.code == "mask_outside"
        assert "P1" not in str(caught.value)


def test_a_dicom_seg_of_another_series_of_the_study_is_told(tmp_path: Path) -> None:
    drawn = read_drawn_labels(seg(tmp_path / "seg", two_bones(), "BINARY"))
    read = place_labels(drawn, space(t1_reference=reference(series="1.9")), kind=MaskKind.MARROW, specs=specs())
    assert codes(read) == ["mask_other_series"]


def test_what_is_no_segmentation_is_refused(tmp_path: Path) -> None:
    for changes, words in (
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "no SEG"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.3"}, "contours"),
    ):
        with pytest.raises(MaskError, match=words):
            read_drawn_labels(seg(tmp_path / "seg", two_bones(), "BINARY", **changes))
    whole = seg(tmp_path / "seg", two_bones(), "BINARY").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MaskError) as caught:
        read_drawn_labels(tmp_path / "cut")
    assert caught.value.code == "mask_unreadable"


def stir_space(turn_deg: float = 4.0) -> StudySpace:
    """STIR on a grid of its own; the patient turned and moved by several pixels between."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec([0, 0, np.deg2rad(turn_deg)]).as_matrix()
    matrix[:3, 3] = (3.0, -2.0, 1.0)
    stir = VolumeGeometry(affine_lps=matrix @ GRID.affine_lps, shape=GRID.shape)
    return space(stir=stir, t1_to_stir_lps=matrix, stir_reference=reference(series=STIR_UID))


def test_labels_drawn_on_stir_follow_the_registration() -> None:
    whole = stir_space()
    drawn = DrawnLabels(labels=LabelVolume(array=two_bones(), geometry=whole.stir))
    assert drawn_on_stir(drawn, whole)
    read = place_labels(drawn, whole, kind=MaskKind.MARROW)
    np.testing.assert_array_equal(read.labels.array, two_bones())
    assert codes(read) == ["mask_drawn_on_stir"]
    # before the registration is known they stay where they lie in the patient
    before = place_labels(drawn, replace(whole, t1_to_stir_lps=None), kind=MaskKind.MARROW)
    assert (before.labels.array != two_bones()).any()
    assert not drawn_on_stir(DrawnLabels(labels=LabelVolume(array=two_bones(), geometry=GRID)), whole)


def test_a_series_named_by_the_labels_counts_more_than_their_grid() -> None:
    whole = stir_space()
    on_grid = LabelVolume(array=two_bones(), geometry=whole.stir)
    assert not drawn_on_stir(DrawnLabels(labels=on_grid, reference=reference(series=T1_UID)), whole)
    labels = LabelVolume(array=two_bones(), geometry=GRID)
    assert drawn_on_stir(DrawnLabels(labels=labels, reference=reference(series=STIR_UID)), whole)


def test_values_without_words_keep_no_name_and_strange_ones_their_own(tmp_path: Path) -> None:
    array = two_bones()
    array[3, 10, 1] = 7
    write_nifti(tmp_path / "m.nii", LabelVolume(array=array, geometry=GRID))
    (tmp_path / "t.txt").write_text('1 "marrow mask"\n2 "my: own   bone"\n')
    read = read_supplied(tmp_path / "m.nii", GRID, table=tmp_path / "t.txt", specs=specs())
    assert [value for value, _ in read.labels.names] == [2]
    assert dict(read.labels.names)[2] == "my own bone"
    assert codes(read) == ["labels_unknown", "labels_without_name"]
    assert read_supplied(tmp_path / "m.nii", GRID, specs=specs()).labels.names == ()


def test_what_lies_outside_is_told(tmp_path: Path) -> None:
    affine = GRID.affine_lps.copy()
    affine[:3, 3] = GRID.to_patient([-3, 0, 0])
    moved = VolumeGeometry(affine_lps=affine, shape=GRID.shape)
    write_nifti(tmp_path / "m.nii", LabelVolume(array=two_bones(), geometry=moved))
    read = read_supplied(tmp_path / "m.nii", GRID)
    np.testing.assert_array_equal(read.labels.array[:3], two_bones()[3:])
    lost = np.count_nonzero(two_bones()[:3]) * GRID.voxel_ml
    assert codes(read) == ["mask_partly_outside"]
    assert f"{lost:.1f} of" in read.findings[0].message


def nifti(path: Path, *, q_code: int, s_code: int, shift_mm: float = 0.0) -> Path:
    write_nifti(path, LabelVolume(array=two_bones(), geometry=GRID))
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, q_code, s_code)
    struct.pack_into("<f", content, 268, struct.unpack_from("<f", content, 268)[0] + shift_mm)
    path.write_bytes(bytes(content))
    return path


def test_two_positions_in_one_nifti_are_told(tmp_path: Path) -> None:
    def found(**header: float) -> list[str]:
        return codes(read_drawn_labels(nifti(tmp_path / "m.nii", **header)))

    assert found(q_code=1, s_code=1) == []
    assert found(q_code=1, s_code=1, shift_mm=3.0) == ["mask_two_positions"]
    assert found(q_code=0, s_code=1, shift_mm=3.0) == []
    assert found(q_code=0, s_code=0) == ["mask_without_position"]


@pytest.mark.parametrize("mirrored", [0, 1, 2])
def test_mirrored_axes_are_one_position(tmp_path: Path, mirrored: int) -> None:
    flip = np.eye(4)
    flip[mirrored, mirrored] = -1
    grid = VolumeGeometry(affine_lps=GRID.affine_lps @ flip, shape=GRID.shape)
    write_nifti(tmp_path / "m.nii.gz", LabelVolume(array=two_bones(), geometry=grid))
    assert read_drawn_labels(tmp_path / "m.nii.gz").findings == ()


def test_a_header_that_claims_more_than_there_can_be_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = nifti(tmp_path / "m.nii", q_code=1, s_code=1)
    content = bytearray(path.read_bytes())
    struct.pack_into("<3h", content, 42, 32000, 32000, 32000)
    path.write_bytes(bytes(content))
    with pytest.raises(MaskError) as caught:
        read_drawn_labels(path)
    assert caught.value.code == "mask_too_large"


def test_a_probability_map_is_told_from_other_images(tmp_path: Path) -> None:
    for top, words in ((1.0, "probability"), (900.5, "label map")):
        array = np.linspace(0, top, int(np.prod(GRID.shape)), dtype=np.float32).reshape(GRID.shape)
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "p.nrrd"))
        with pytest.raises(MaskError) as caught:
            read_supplied(tmp_path / "p.nrrd", GRID)
        assert caught.value.code == "mask_not_labels"
        assert words in caught.value.hint


@settings(max_examples=25)
@given(
    st.tuples(*[st.integers(1, 4)] * 3),
    st.permutations([0, 1, 2]),
    st.tuples(*[st.booleans()] * 3),
)
def test_blocks_cut_finer_and_laid_out_anew_come_back(times: tuple[int, int, int], order: list, flips: tuple) -> None:
    array = two_bones()
    for axis, n in enumerate(times):
        array = np.repeat(array, n, axis=axis)
    affine = GRID.affine_lps @ np.diag([*(1 / n for n in times), 1.0])
    affine[:3, 3] = GRID.to_patient([(1 / n - 1) / 2 for n in times])
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, axis)
    affine[:3, :3] = affine[:3, order]
    array = array.transpose(order)
    fine = LabelVolume(array=array, geometry=VolumeGeometry(affine_lps=affine, shape=array.shape))
    np.testing.assert_array_equal(labels_on_grid(fine, GRID).array, two_bones())


def test_the_volume_of_fine_labels_is_kept() -> None:
    """A ball on a grid of 0.5 mm: nearest neighbour would take one slice in eight."""
    fine = VolumeGeometry.from_axes(
        origin_lps_mm=(-30.0, -30.0, -30.0), directions_lps=np.eye(3), spacing_mm=(0.5, 0.5, 0.5), shape=(121, 121, 121)
    )
    centre = np.linalg.norm(np.indices(fine.shape) - 60.0, axis=0) * 0.5
    ball = LabelVolume(array=centre < 20.3, geometry=fine)
    coarse = VolumeGeometry.from_axes(
        origin_lps_mm=(-32.0, -31.0, -31.0), directions_lps=np.eye(3), spacing_mm=(4.0, 1.0, 1.0), shape=(17, 63, 63)
    )
    placed = labels_on_grid(ball, coarse)
    volume = np.count_nonzero(placed.array) * coarse.voxel_ml
    assert volume == pytest.approx(np.count_nonzero(ball.array) * fine.voxel_ml, rel=0.01)
