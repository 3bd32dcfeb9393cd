"""What is carried over from the headers of real life, and what never is."""

from __future__ import annotations

import io
import logging
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from marrowsignal.dicom.headers.header_values import quiet_pydicom
from marrowsignal.dicom.records import SeriesPair
from marrowsignal.errors import DicomError
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.exports.dicom_objects.carried_values import CARRIED_FROM_PATIENT_AND_STUDY, character_set_for
from marrowsignal.exports.dicom_objects.dates import series_date_and_time, set_dates
from marrowsignal.exports.dicom_objects.records import SourceImages
from marrowsignal.exports.dicom_objects.reread import object_bytes
from marrowsignal.exports.dicom_objects.segmentations import region_segmentation
from marrowsignal.exports.dicom_objects.source_images import read_source_images
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.results.study_result import StudyResult
from tests.exports.dicom_objects.stored_study import change_file, found_pair, result_on, stored_result

Edit = Callable[[Dataset], None]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return stored_result(tmp_path_factory.mktemp("study"))


@contextmanager
def edited(pair: SeriesPair, edit: Edit, *, every_file: bool, raw: bytes = b"") -> Iterator[None]:
    """Change headers for a while: of the first T1 file, which patient and study are taken from, or of all.

    `raw` then takes the place of the bytes of STAND_IN: what no library would write.
    """
    assert pair.stir is not None
    files = (*pair.t1.files, *pair.stir.files) if every_file else pair.t1.files[:1]
    kept = [path.read_bytes() for path in files]
    try:
        for path in files:
            change_file(path, edit)
            path.write_bytes(path.read_bytes().replace(STAND_IN[: len(raw)] or b"?", raw or b"?"))
        yield
    finally:
        for path, data in zip(files, kept, strict=True):
            path.write_bytes(data)


def read(result: StudyResult, edit: Edit, *, raw: bytes = b"") -> SourceImages:
    with edited(result.series, edit, every_file=not raw, raw=raw):
        return read_source_images(result.series)


def written(
    result: StudyResult, edit: Edit, *, every_file: bool = False, raw: bytes = b""
) -> tuple[Dataset, tuple[str, ...]]:
    """The marrow segmentation of a study with other headers, read from its bytes, and the codes of what was told."""
    names = [region.name for region in result.regions.regions]
    with edited(result.series, edit, every_file=every_file, raw=raw), quiet_pydicom():
        source = read_source_images(result.series, texts=names)
        made = region_segmentation(result, source)
        assert made is not None
        dataset = dcmread(io.BytesIO(object_bytes(made.dataset)))
        str(dataset)
    return dataset, tuple(finding.code for finding in source.findings)


STAND_IN = bytes(range(65, 91)) * 4


def stand_in(keyword: str, raw: bytes, **values: object) -> Edit:
    """Set an element to as many letters as `raw` has bytes."""
    return put(**values, **{keyword: STAND_IN[: len(raw)].decode()})


def put(**values: object) -> Edit:
    """Set elements, or with None remove them."""

    def edit(dataset: Dataset) -> None:
        for keyword, value in values.items():
            if value is None and keyword in dataset:
                del dataset[keyword]
            elif value is not None:
                setattr(dataset, keyword, value)

    return edit


def test_only_what_is_on_the_list_is_carried(result: StudyResult) -> None:
    def private(dataset: Dataset) -> None:
        put(InstitutionName="clinic", StationName="MR1", PatientComments="words", OperatorsName="X^Y")(dataset)
        dataset.private_block(0x0029, "MAKER", create=True).add_new(1, "LO", "secret")

    header = read(result, private).t1[0]
    of_image = {
        *("AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime", "FrameOfReferenceUID", "Modality"),
        *("LossyImageCompression", "SOPClassUID", "SOPInstanceUID", "SeriesDate", "SeriesInstanceUID", "SeriesTime"),
        "SpecificCharacterSet",
    }
    assert {element.keyword for element in header.iterall()} <= CARRIED_FROM_PATIENT_AND_STUDY | of_image
    assert header.StudyInstanceUID == result.series.t1.study_instance_uid


def test_trial_and_deidentification_are_carried_where_they_are_told(result: StudyResult) -> None:
    method = Dataset()
    method.CodeValue, method.CodingSchemeDesignator = "113100", "DCM"
    method.CodeMeaning = "Basic Application Confidentiality Profile"
    method.PatientComments = "words"
    edit = put(
        PatientIdentityRemoved="YES",
        DeidentificationMethod="by the book",
        DeidentificationMethodCodeSequence=Sequence([method]),
        ClinicalTrialSponsorName="sponsor",
        ClinicalTrialProtocolID="p1",
        ClinicalTrialSubjectID="s-007",
    )
    dataset, told = written(result, edit)
    assert (dataset.PatientIdentityRemoved, dataset.DeidentificationMethod) == ("YES", "by the book")
    (code,) = dataset.DeidentificationMethodCodeSequence
    assert code.CodeValue == "113100" and "PatientComments" not in code
    assert (dataset.ClinicalTrialSponsorName, dataset.ClinicalTrialSubjectID) == ("sponsor", "s-007")
    assert told == ()


def test_missing_values_that_may_be_empty_are_empty(result: StudyResult) -> None:
    names = ("AccessionNumber", "PatientBirthDate", "PatientID", "PatientName", "PatientSex", "StudyDate", "StudyID")
    dataset, told = written(result, put(**dict.fromkeys(names)))
    assert all(keyword in dataset and not dataset[keyword].value for keyword in names)
    assert told == ()


@pytest.mark.parametrize(
    ("keyword", "code"),
    [("StudyInstanceUID", "study_uid_made"), ("FrameOfReferenceUID", "frame_of_reference_uid_made")],
)
def test_a_missing_uid_is_made_from_the_series_and_told(result: StudyResult, keyword: str, code: str) -> None:
    one, told = written(result, put(**{keyword: None}), every_file=True)
    other, _ = written(result, put(**{keyword: None}), every_file=True)
    assert set(told) == {code}
    assert one[keyword].value.startswith("2.25.") and one[keyword].value == other[keyword].value


def test_both_series_of_a_study_without_uid_lie_in_one_study_and_two_frames(result: StudyResult) -> None:
    source = read(result, put(StudyInstanceUID=None, FrameOfReferenceUID=None))
    assert len({header.StudyInstanceUID for header in source.all}) == 1
    assert source.t1[0].FrameOfReferenceUID != source.stir[0].FrameOfReferenceUID


@pytest.mark.parametrize("value", [None, "1.2.3"])
def test_images_that_cannot_be_referred_to_are_refused(result: StudyResult, value: str | None) -> None:
    with pytest.raises(DicomError) as caught:
        read(result, put(SOPInstanceUID=value))
    assert caught.value.code == "source_images_ambiguous"


def test_a_file_that_is_gone_costs_the_objects_and_no_more(result: StudyResult, tmp_path: Path) -> None:
    path = result.series.t1.files[0]
    kept = path.read_bytes()
    path.unlink()
    try:
        export = write_dicom_objects(result, tmp_path / "dicom", first_screen=None)
    finally:
        path.write_bytes(kept)
    assert export.files == () and not (tmp_path / "dicom").exists()
    assert [finding.code for finding in export.findings] == ["dicom_not_written"]
    assert str(path.parent) not in export.findings[0].message


NAMES = [
    ("ISO_IR 100", "Müller^Jörg", "ISO_IR 100"),
    ("ISO_IR 144", "Люкceмбypг^Ивaн", "ISO_IR 144"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小东", "ISO_IR 192"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", ["ISO 2022 IR 6", "ISO 2022 IR 87"]),
    (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "ISO_IR 192"),
    ("GB18030", "Wang^XiaoDong=王^小东", "GB18030"),
]


@pytest.mark.parametrize(("declared", "name", "kept"), NAMES)
def test_names_survive_in_their_character_set_or_in_utf_8(
    result: StudyResult, declared: str | list[str], name: str, kept: str | list[str]
) -> None:
    dataset, told = written(result, put(SpecificCharacterSet=declared, PatientName=name))
    assert str(dataset.PatientName) == name
    assert dataset.SpecificCharacterSet == kept
    assert told == ()


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8", None), ("latin-1", None), ("latin-1", "ISO_IR_100"), ("utf-8", "UTF8")]
)
def test_names_without_a_known_character_set_are_in_utf_8(
    result: StudyResult, encoding: str, declared: str | None
) -> None:
    raw = "Müller^Jörg".encode(encoding)
    edit = stand_in("PatientName", raw, SpecificCharacterSet=declared)
    dataset, _ = written(result, edit, raw=raw)
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert declared == "UTF8" or str(dataset.PatientName) == "Müller^Jörg"


def test_a_protocol_in_another_script_than_the_patient_leaves_both_readable(result: StudyResult) -> None:
    first, *others = result.regions.regions
    regions = replace(result.regions, regions=(replace(first, name="крестец, слева"), *others))
    edit = put(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    dataset, _ = written(replace(result, regions=regions), edit)
    assert dataset.SegmentSequence[0].SegmentLabel == "крестец, слева"
    assert str(dataset.PatientName) == "Müller^Jörg"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "19701345"),
        ("StudyDate", "1.1.2019"),
        ("StudyTime", "quarter past"),
        ("PatientSex", "female"),
        ("PatientAge", "51 years"),
    ],
)
def test_values_that_are_none_are_left_out_and_told(result: StudyResult, keyword: str, value: str) -> None:
    dataset, told = written(result, put(**{keyword: value}))
    assert not dataset.get(keyword)
    assert told == ("source_values_emptied",)


def test_dates_as_old_writers_wrote_them_are_understood(result: StudyResult) -> None:
    header = read(result, put(StudyDate="2019.03.04", StudyTime="10:11:12.5")).t1[0]
    assert (header.StudyDate, header.StudyTime) == ("20190304", "101112.5")


def test_an_id_longer_than_the_standard_allows_is_kept_since_archives_file_by_it(result: StudyResult) -> None:
    with disable_value_validation():
        dataset, told = written(result, put(PatientID="X" * 80))
        assert dataset.PatientID == "X" * 80
    assert told == ("source_values_too_long",)


@pytest.mark.parametrize("declared", [None, "ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"]])
@pytest.mark.parametrize(
    "raw", [bytes(range(0x80, 0xC0)), b"\xed\xa0\x80^\xff\xfe", b"\x00\x01\x1b$B\x1b(Q^=\\=\\^\r\n"]
)
def test_no_bytes_of_a_name_cost_the_objects(result: StudyResult, raw: bytes, declared: str | list[str] | None) -> None:
    edit = stand_in("PatientName", raw, SpecificCharacterSet=declared)
    dataset, _ = written(result, edit, raw=raw)
    with disable_value_validation():
        assert str(dataset.PatientName).isprintable()


def test_library_words_that_repeat_the_name_stay_silent(
    result: StudyResult, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with edited(result.series, put(PatientName="NOCARET"), every_file=False):
            write_dicom_objects(result, tmp_path, first_screen=None)
    assert "NOCARET" not in caplog.text
    assert "NOCARET" not in "".join(capfd.readouterr())


def test_dates_are_those_of_the_t1_series_wherever_it_tells_them(result: StudyResult) -> None:
    gone = dict.fromkeys(("SeriesDate", "AcquisitionDate", "ContentDate", "StudyDate"))
    full = put(SeriesDate="20190301", SeriesTime="1011", AcquisitionDate="20190302", StudyDate="20190304")
    assert series_date_and_time(read(result, full)) == ("20190301", "101100")
    assert (
        series_date_and_time(read(result, put(**(gone | {"StudyDate": "20190304"}), StudyTime="08")))[0] == "20190304"
    )
    assert series_date_and_time(read(result, put(**gone))) == ("19000101", "000000")


def test_every_moment_of_making_is_replaced(result: StudyResult) -> None:
    made = Dataset()
    put(InstanceCreationDate="20260101", DateOfSecondaryCapture="20260101", TimeOfSecondaryCapture="010203")(made)
    equipment = Dataset()
    equipment.ContributionDateTime = "20260101010203"
    made.ContributingEquipmentSequence = [equipment]
    set_dates(made, read_source_images(result.series))
    assert "2026" not in str(made)


def test_a_study_in_an_archive_serves_as_well(result: StudyResult, tmp_path: Path) -> None:
    root = result.series.t1.files[0].parents[1]
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as packed:
        for path in sorted(root.rglob("*.dcm")):
            packed.write(path, path.relative_to(root))
    export = write_dicom_objects(result_on(found_pair(tmp_path / "study.zip")), tmp_path / "a", first_screen=None)
    write_dicom_objects(result, tmp_path / "b", first_screen=None)
    assert export.findings == ()
    assert (tmp_path / "a/marrow_seg.dcm").read_bytes() == (tmp_path / "b/marrow_seg.dcm").read_bytes()


def test_a_stack_within_an_enhanced_file_refers_to_its_own_frames(tmp_path: Path) -> None:
    result = stored_result(tmp_path / "study", enhanced=True)
    series = result.series.t1
    grid = series.geometry
    assert grid is not None
    shape = (6, *grid.shape[1:])
    affine = grid.affine_lps.copy()
    affine[:3, 3] = grid.to_patient([3, 0, 0])
    stack = VolumeGeometry(affine_lps=affine, shape=shape)
    t1 = replace(series, sources=series.sources[3:9], geometry=stack, stack=2)
    labels = np.zeros(shape, np.uint16)
    labels[:, 10:30, 5:20] = 1
    regions = replace(
        result.regions,
        labels=LabelVolume(array=labels, geometry=stack),
        regions=result.regions.regions[:1],
        parts=(),
        part_labels=None,
    )
    part = replace(result, series=replace(result.series, t1=t1), regions=regions)
    write_dicom_objects(part, tmp_path / "dicom", first_screen=None)
    stored = dcmread(tmp_path / "dicom/marrow_seg.dcm")
    frames = [
        f.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for f in stored.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(frames) == sorted(source.frame + 1 for source in t1.sources)


def test_character_sets_are_kept_where_they_hold_the_words() -> None:
    assert character_set_for("", ["Miller"]) == ""
    assert character_set_for("ISO 2022 IR 100", ["Miller"]) == "ISO_IR 192"
    assert character_set_for("ISO_IR 100\\nonsense", ["Miller"]) == "ISO_IR 192"
    assert character_set_for("\\ISO 2022 IR 87", ["山田"]) == "ISO 2022 IR 6\\ISO 2022 IR 87"


def test_elements_of_the_source_are_not_changed_by_the_objects(result: StudyResult) -> None:
    source = read_source_images(result.series)
    before = [str(header) for header in source.all]
    assert region_segmentation(result, source) is not None
    assert [str(header) for header in source.all] == before
