"""What one SeriesInstanceUID may hold beside the slices one expects: other contrasts, runs, persons, places."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from marrowsignal.dicom import Series, find_series, read_volume
from marrowsignal.dicom.records import SeriesIdentity as Id
from marrowsignal.phantom.dicom_files import write_series
from tests.dicom.dicom_builder import STIR, SeriesSpec, dataset_of, uid
from tests.phantom.dicom_kinds import header_of, oblique_grid, signal_on

SPEC = SeriesSpec(shape=(12, 3, 3))
Change = Callable[[int, Dataset], None]


def run(change: Change = lambda index, ds: None, *, spec: SeriesSpec = SPEC) -> list[Dataset]:
    """One run of slices, each changed."""
    made = [dataset_of(spec, index) for index in range(spec.shape[0])]
    for index, ds in enumerate(made):
        change(index, ds)
    return made


def again(change: Change) -> list[Dataset]:
    """The same positions under other UIDs and with other pixels."""

    def renamed(index: int, ds: Dataset) -> None:
        ds.SOPInstanceUID = uid(f"again {index}")
        ds.PixelData = np.full((3, 3), 7, np.uint16).tobytes()
        change(index, ds)

    return run(renamed)


def found(folder: Path, slices: Iterable[Dataset]) -> tuple[Series, ...]:
    """The series of the slices, whose file names tell nothing."""
    for number, ds in enumerate(sorted(slices, key=lambda ds: str(ds.SOPInstanceUID)[::-1])):
        ds.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return find_series(folder).series


def messages(series: Series) -> str:
    """Everything it says."""
    return " ".join((*series.reasons, *(finding.message for finding in series.findings)))


def setting(since: int, **values: object) -> Change:
    """Set elements on the slices from `since` on."""

    def change(index: int, ds: Dataset) -> None:
        for keyword, value in values.items() if index >= since else ():
            setattr(ds, keyword, value)

    return change


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"ScanningSequence": "GR", "SequenceName": "*fl2d1"}, r"ScanningSequence (SE, GR)"),
        ({"SequenceName": "*fl2d1"}, "SequenceName"),
        ({"ScanOptions": "FS"}, "ScanOptions (none, FS)"),
        ({"RepetitionTime": 3000}, "TR (550 ms, 3000 ms)"),
        ({"FrameOfReferenceUID": uid("other")}, "frame of reference"),
        ({"EchoNumbers": 2}, "EchoNumbers (none, 2)"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "SOP class (MR Image Storage, Secondary Capture Image Storage)"),
        ({"SOPClassUID": "1.2.3.4"}, "SOP class (MR Image Storage, unknown)"),
        ({"ImageOrientationPatient": [0.9962, 0.0872, 0, 0, 0, -1]}, "angle (0 deg, 5 deg)"),
    ],
)
def test_slices_of_another_kind_never_join(tmp_path: Path, values: dict[str, object], told: str) -> None:
    series = found(tmp_path, run(setting(3, **values)))
    assert sorted(one.slices for one in series) == [3, 9]
    words = {messages(one) for one in series}
    first, *rest = told.split(" (")
    assert all(first in word for word in words), words
    assert not rest or all(part in next(iter(words)) for part in rest[0].rstrip(")").split(", ")), words


def test_scan_options_in_another_order_are_the_same(tmp_path: Path) -> None:
    options = (["PFP", "SFS"], ["SFS", "PFP"])
    (series,) = found(tmp_path, run(lambda index, ds: setattr(ds, "ScanOptions", options[index % 2])))
    assert series.slices == 12


def test_contrast_in_some_slices_is_contrast(tmp_path: Path) -> None:
    (series,) = found(tmp_path, run(setting(3, ContrastBolusAgent="Gadovist")))
    assert not series.usable
    assert series.acquisition.post_contrast
    assert "Contrast was given (the header names a contrast agent in 9 of 12 slices)" in messages(series)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"LossyImageCompression": "01"}, "compressed with loss in 1 of 12 slices."),
        ({"BurnedInAnnotation": "YES"}, "BurnedInAnnotation is YES in 1 of 12 slices:"),
        ({"ImageType": ["DERIVED", "PRIMARY", "M", "ND"]}, "says DERIVED in 1 of 12 slices although"),
    ],
)
def test_one_slice_is_enough_for_a_warning(tmp_path: Path, values: dict[str, object], told: str) -> None:
    (series,) = found(tmp_path, run(setting(11, **values)))
    assert series.usable
    assert told in messages(series)


@pytest.mark.parametrize(
    "values",
    [
        {"RepetitionTime": 700},
        {"AcquisitionTime": "113000"},
        {"AcquisitionNumber": 2},
        {"TemporalPositionIdentifier": 2},
    ],
)
def test_two_runs_with_the_same_numbers_are_two_stacks(tmp_path: Path, values: dict[str, object]) -> None:
    first = run(setting(0, AcquisitionNumber=1, TemporalPositionIdentifier=1))
    runs = {"AcquisitionNumber": 1, "TemporalPositionIdentifier": 1, **values}
    series = found(tmp_path, [*first, *again(setting(0, **runs))])
    assert [one.slices for one in series] == [12, 12]
    volumes = sorted((read_volume(one).array for one in series), key=np.ptp)
    assert np.all(volumes[0] == 7)
    assert np.array_equal(volumes[1], SPEC.stored())


def test_runs_counted_one_after_the_other_are_two_stacks(tmp_path: Path) -> None:
    series = found(tmp_path, [*run(), *again(lambda index, ds: setattr(ds, "InstanceNumber", 24 - index))])
    assert [(one.slices, one.usable) for one in series] == [(12, True), (12, True)]
    assert "they differ in InstanceNumber" in messages(series[0])


def test_runs_that_nothing_tells_apart_make_no_volume(tmp_path: Path) -> None:
    (series,) = found(tmp_path, [*run(), *again(lambda index, ds: None)])
    assert (series.geometry, series.usable) == (None, False)
    assert "12 of 12 slice positions are there more than once, and nothing tells the runs apart" in messages(series)


def test_numbers_that_mix_two_runs_tell_nothing(tmp_path: Path) -> None:
    one_way = run(lambda index, ds: setattr(ds, "InstanceNumber", 2 * index + 1))
    other_way = again(lambda index, ds: setattr(ds, "InstanceNumber", 24 - 2 * index))
    (series,) = found(tmp_path, [*one_way, *other_way])
    assert not series.usable


def test_a_partial_repeat_is_a_stack_of_its_own(tmp_path: Path) -> None:
    partial = again(setting(0, AcquisitionTime="113000"))[1:11]
    series = found(tmp_path, [*run(), *partial])
    assert [one.slices for one in series] == [12, 10]
    assert np.array_equal(read_volume(series[0]).array, SPEC.stored())
    assert np.all(read_volume(series[1]).array == 7)
    for one in series:
        assert {f.code for f in one.findings} == {"partial_repeat"}
        assert "10 of 12 slice positions were acquired more than once" in messages(one)


def test_acquisition_numbers_that_count_slices_tell_no_runs(tmp_path: Path) -> None:
    extra = again(setting(0, AcquisitionNumber=99, InstanceNumber=99))[4]
    counted = run(lambda index, ds: setattr(ds, "AcquisitionNumber", index + 1))
    series = found(tmp_path, [*counted, extra])
    assert [(one.slices, one.usable) for one in series] == [(12, True), (1, False)]


def test_two_persons_are_kept_apart(tmp_path: Path) -> None:
    series = found(tmp_path, run(setting(9, PatientID="H2")))
    assert sorted(one.slices for one in series) == [3, 9]
    for one in series:
        assert "several_persons" in {f.code for f in one.findings}
        assert "they differ in PatientID." in messages(one)
        assert "H2" not in messages(one)


@pytest.mark.parametrize(
    ("header", "keyword", "values"),
    [
        (SPEC.header, "EchoTime", ("11.049", "11.051", "11.050")),
        (STIR, "InversionTime", ("150.4", "150.6", "150.5")),
        (SPEC.header, "PixelSpacing", (["0.6875", "0.6875"], ["0.68749", "0.68749"], ["0.6875", "0.68749"])),
        (SPEC.header, "RepetitionTime", ("550", "549.6", "551")),
    ],
)
def test_rounding_parts_no_slices(tmp_path: Path, header: dict[str, object], keyword: str, values: tuple) -> None:
    spec = SPEC.but(header=header)
    (series,) = found(tmp_path, run(lambda index, ds: setattr(ds, keyword, values[index % 3]), spec=spec))
    assert (series.slices, series.usable) == (12, True)
    assert series.identity in (Id.T1, Id.STIR)


@pytest.mark.parametrize("digits", [1, 2])
def test_copies_with_rounded_positions_are_copies(tmp_path: Path, digits: int) -> None:
    origin, tilted = (-20.1234, 5.4321, 30.9876), (0.0, 0.342020143, -0.939692621)
    spec = SPEC.but(spacing_mm=(4.0137, 0.8, 0.5), origin_mm=origin, along_rows=tilted)
    rounded = run(spec=spec)
    for ds in rounded:
        ds.EchoTime, ds.PatientID = "11.04", ""
        ds.ImagePositionPatient = [round(float(x), digits) for x in ds.ImagePositionPatient]
    (tmp_path / "a").mkdir()
    found(tmp_path / "a", rounded)
    (tmp_path / "b").mkdir()
    found(tmp_path / "b", run(spec=spec))
    (series,) = find_series(tmp_path).series
    assert (series.slices, series.usable) == (12, True)
    assert {f.code for f in series.findings} == {"duplicate_instances"}
    assert {file.parent.name for file in series.files} == {"b"}


def test_a_repeat_shifted_by_rounding_is_a_repeat(tmp_path: Path) -> None:
    def shifted(index: int, ds: Dataset) -> None:
        ds.AcquisitionTime = "113000"
        ds.ImagePositionPatient = [float(x) + 0.02 for x in ds.ImagePositionPatient]

    series = found(tmp_path, [*run(), *again(shifted)])
    assert [(one.slices, one.usable) for one in series] == [(12, True), (12, True)]


@pytest.mark.parametrize("numbered", [True, False])
def test_shuffled_frames_are_told_apart_by_their_acquisition(tmp_path: Path, numbered: bool) -> None:
    grid = oblique_grid((9, 4, 3))
    (file,) = write_series(signal_on(grid), grid, header=header_of("siemens", enhanced=True), folder=tmp_path)
    ds, frames = dcmread(file), []
    order = [(number, time) for number in range(9) for time in ((1, 2), (2, 1))[number % 2]]
    for number, time in order:
        frames.append(deepcopy(ds.PerFrameFunctionalGroupsSequence[number]))
        content = frames[-1].FrameContentSequence[0]
        content.FrameAcquisitionNumber = time if numbered else 1
        if "TemporalPositionIndex" in content:
            del content.TemporalPositionIndex
    ds.PerFrameFunctionalGroupsSequence, ds.NumberOfFrames = frames, 18
    ds.PixelData = np.repeat([time for _, time in order], 12).astype(np.uint16).tobytes()
    ds.save_as(file)
    series = find_series(tmp_path).series
    assert [(one.slices, one.usable) for one in series] == ([(9, True)] * 2 if numbered else [(18, False)])
    if numbered:
        assert all(np.ptp(read_volume(one).array) == 0 for one in series)


def test_inner_slices_shifted_sideways_make_no_volume(tmp_path: Path) -> None:
    def shifted(index: int, ds: Dataset) -> None:
        if 4 <= index < 8:
            ds.ImagePositionPatient = [float(ds.ImagePositionPatient[0]) + 50, *ds.ImagePositionPatient[1:]]

    (series,) = found(tmp_path, run(shifted))
    assert (series.geometry, series.usable) == (None, False)
    assert "4 of 12 slices lie off the grid of the others, by up to 50.0 mm" in messages(series)


def test_slices_left_out_are_told_and_their_pixels_looked_at(tmp_path: Path) -> None:
    slices = run(spec=SPEC.but(shape=(24, 3, 3)))
    slices[20].PixelData = slices[20].PixelData[:-4]
    del slices[14]
    (series,) = found(tmp_path, slices)
    assert (series.slices, series.usable) == (14, False)
    assert "Only 14 of 23 slices are used" in " ".join(series.reasons)
    assert "1 of 23 slices cannot be read" in " ".join(series.reasons)


def test_irregular_steps_are_told_as_such(tmp_path: Path) -> None:
    def uneven(index: int, ds: Dataset) -> None:
        x, y, z = map(float, ds.ImagePositionPatient)
        ds.ImagePositionPatient = [x, y + 1.5 * (index % 2), z]

    (series,) = found(tmp_path, run(uneven))
    assert (series.slices, series.usable) == (12, False)
    assert "its slices are irregularly spaced, in steps of 2.50 to 5.50 mm" in messages(series)
    assert "missing" not in messages(series)


@pytest.mark.parametrize("position", [None, [0, 1e308, 0], [0, -1e15, 0]])
def test_one_slice_without_position_is_counted(tmp_path: Path, position: list[float] | None) -> None:
    slices = run()
    slices[5].ImagePositionPatient = position
    (series,) = found(tmp_path, slices)
    assert "1 of 12 slices have no usable position in their header" in messages(series)


def test_slices_at_one_place_are_told_as_such(tmp_path: Path) -> None:
    place = list(map(float, SPEC.origin_mm))
    (series,) = found(tmp_path, run(lambda index, ds: setattr(ds, "ImagePositionPatient", place)))
    assert not series.usable
    assert "its 12 slices lie at one place" in messages(series)
