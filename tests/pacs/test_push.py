"""Objects pushed to a real PACS are there, once, and equal; what is not is told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from marrowsignal.dicom.headers.header_values import quiet_pydicom
from marrowsignal.errors import InputError, PacsError
from marrowsignal.pacs import Pacs, push_cases
from marrowsignal.pacs.multipart import one_part
from marrowsignal.pacs.records import InstanceAddress, PushOutcome
from marrowsignal.pacs.same_object import changed_elements, split_coerced
from tests.pacs.conftest import FORGOTTEN, HASTY, Orthanc, Wire
from tests.pacs.scripted_server import Answer, serving

pytestmark = pytest.mark.usefixtures("known")


@pytest.fixture
def case(case_folder: Path, orthanc: Orthanc, tmp_path: Path) -> Iterator[Path]:
    """A copy of the case, nothing of which is in the PACS before or after."""
    folder = tmp_path / "case" / "dicom"
    folder.mkdir(parents=True)
    for file in (case_folder / "dicom").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    yield folder.parent
    for file in (case_folder / "dicom").iterdir():
        orthanc.delete(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)


def names(case: Path) -> list[str]:
    return sorted(file.name for file in (case / "dicom").iterdir())


def held(pacs: Pacs, file: Path) -> pydicom.Dataset:
    mine, stream = pydicom.dcmread(file), io.BytesIO()
    place = InstanceAddress(
        study_instance_uid=mine.StudyInstanceUID,
        series_instance_uid=mine.SeriesInstanceUID,
        sop_instance_uid=mine.SOPInstanceUID,
    )
    pacs.retrieve(place, stream)
    stream.seek(0)
    return pydicom.dcmread(stream)


def outcomes(pacs: Pacs, *cases: Path) -> list[PushOutcome]:
    return [sent.outcome for sent in push_cases(pacs, cases).objects]


def change(file: Path, **elements: object) -> None:
    dataset = pydicom.dcmread(file)
    with quiet_pydicom():
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.save_as(file)


def test_what_was_pushed_is_there_and_equal(pacs: Pacs, orthanc: Orthanc, case: Path) -> None:
    before = orthanc.count()
    report = push_cases(pacs, [case])
    assert [(sent.case, sent.file, sent.outcome) for sent in report.objects] == [
        (1, name, PushOutcome.STORED) for name in names(case)
    ]
    assert orthanc.count() == before + len(names(case))
    for name in names(case):
        assert held(pacs, case / "dicom" / name) == pydicom.dcmread(case / "dicom" / name)


def test_a_second_push_adds_nothing(pacs: Pacs, orthanc: Orthanc, case: Path) -> None:
    push_cases(pacs, [case])
    count = orthanc.count()
    assert outcomes(pacs, case) == [PushOutcome.ALREADY_THERE] * len(names(case))
    assert orthanc.count() == count


def test_a_push_that_was_cut_off_goes_on(pacs: Pacs, wire: Wire, orthanc: Orthanc, case: Path) -> None:
    before = orthanc.count()
    size = sum(file.stat().st_size for file in (case / "dicom").iterdir())
    wire.budget = size // 2
    with Pacs(f"http://127.0.0.1:{wire.port}/dicom-web", patience=HASTY) as broken, pytest.raises(PacsError):
        push_cases(broken, [case])
    told = outcomes(pacs, case)
    assert set(told) <= {PushOutcome.STORED, PushOutcome.ALREADY_THERE}
    assert PushOutcome.ALREADY_THERE in told
    assert orthanc.count() == before + len(names(case))


def test_an_older_object_that_the_pacs_keeps_is_told(pacs: Pacs, case: Path) -> None:
    push_cases(pacs, [case])
    change(case / "dicom" / "marrow_seg.dcm", ContentDescription="another content")
    (told,) = [sent for sent in push_cases(pacs, [case]).objects if sent.file == "marrow_seg.dcm"]
    assert told.outcome is PushOutcome.REFUSED
    assert "another object under this UID" in told.reason


def test_what_the_pacs_takes_and_does_not_keep_is_told(pacs: Pacs, case: Path) -> None:
    change(case / "dicom" / "marrow_seg.dcm", SeriesDescription=FORGOTTEN)
    told = {sent.file: sent for sent in push_cases(pacs, [case]).objects}
    assert told["marrow_seg.dcm"].outcome is PushOutcome.REFUSED
    assert told["marrow_seg.dcm"].reason
    assert told["measurements_sr.dcm"].outcome is PushOutcome.STORED


def test_what_a_pacs_refuses_as_a_duplicate_of_itself_is_stored(case: Path) -> None:
    for name in names(case)[1:]:
        (case / "dicom" / name).unlink()
    body, kind = one_part((case / "dicom" / names(case)[0]).read_bytes())
    answers = [Answer(status=404), Answer(status=409, body=b""), Answer(body=body, kind=kind)]
    with serving(lambda n: answers[n]) as (port, _asked), Pacs(f"http://127.0.0.1:{port}", patience=HASTY) as pacs:
        assert outcomes(pacs, case) == [PushOutcome.STORED]


def test_an_object_whose_uid_is_none_never_gets_into_an_address(pacs: Pacs, case: Path) -> None:
    change(case / "dicom" / "marrow_seg.dcm", StudyInstanceUID="../../instances?x")
    told = {sent.file: sent for sent in push_cases(pacs, [case]).objects}
    assert told["marrow_seg.dcm"].reason == "it is no DICOM object"


def test_what_is_no_dicom_is_refused_and_the_rest_stored(pacs: Pacs, case: Path) -> None:
    (case / "dicom" / "a.dcm").write_bytes(b"no object")
    assert outcomes(pacs, case) == [PushOutcome.REFUSED, *[PushOutcome.STORED] * (len(names(case)) - 1)]


def test_a_case_without_objects_is_refused_before_anything_is_sent(
    pacs: Pacs, orthanc: Orthanc, case: Path, tmp_path: Path
) -> None:
    before = orthanc.count()
    with pytest.raises(InputError, match="case folder 2 holds no DICOM objects"):
        push_cases(pacs, [case, tmp_path / "Xqzvornik"])
    assert orthanc.count() == before


class TestSameObject:
    def read(self, case: Path, name: str = "marrow_seg.dcm") -> pydicom.Dataset:
        return pydicom.dcmread(case / "dicom" / name)

    def test_the_same(self, case: Path) -> None:
        assert changed_elements(self.read(case), self.read(case)) == ()

    def test_what_the_pacs_adds_does_not_count(self, case: Path) -> None:
        theirs = self.read(case)
        theirs.StationName = "PACS"
        theirs.SpecificCharacterSet = "ISO_IR 100"
        assert changed_elements(self.read(case), theirs) == ()

    def test_other_pixels_values_and_missing_elements_count(self, case: Path) -> None:
        theirs = self.read(case)
        theirs.PixelData = bytes(len(theirs.PixelData))
        theirs.SegmentSequence[0].SegmentLabel = "other"
        del theirs.SeriesNumber
        assert changed_elements(self.read(case), theirs) == ("SeriesNumber", "SegmentSequence", "PixelData")

    def test_another_transfer_syntax_with_the_same_pixels_is_the_same(self, case: Path) -> None:
        theirs = self.read(case, "first_screen_sc.dcm")
        theirs.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        assert changed_elements(self.read(case, "first_screen_sc.dcm"), theirs) == ()

    def test_pixels_that_cannot_be_decoded_are_not_known_to_be_the_same(self, case: Path) -> None:
        theirs = self.read(case, "first_screen_sc.dcm")
        theirs.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        theirs.PixelData = theirs.PixelData[:100]
        with quiet_pydicom():
            assert changed_elements(self.read(case, "first_screen_sc.dcm"), theirs) == ("PixelData",)

    def test_patient_and_order_may_be_coerced_and_nothing_else(self, case: Path) -> None:
        theirs = self.read(case)
        theirs.PatientName, theirs.AccessionNumber, theirs.Modality = "Other^Name", "A1", "OT"
        changed = changed_elements(self.read(case), theirs)
        assert split_coerced(changed) == (("AccessionNumber", "PatientName"), ("Modality",))
