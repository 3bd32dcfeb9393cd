"""Nothing that tells who the patient is leaves: every byte of every output of a marked study is searched."""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest

from marrowsignal.cli.app import main
from marrowsignal.cli.terminal import QuietFormatter
from marrowsignal.dicom import find_series, read_volume
from marrowsignal.errors import DicomError, InputError
from marrowsignal.exports.dicom_objects.carried_values import CARRIED_FROM_PATIENT_AND_STUDY
from marrowsignal.report.pictures.png import grey_png
from tests.marked_study import ACCESSION, BIRTH_DATE, FAMILY, FOLDER, GIVEN, PATIENT_ID, leaks_in, write_marked_study


@dataclass(frozen=True)
class Analyzed:
    """A marked study, what the command said about it, and the folder it left."""

    study: Path
    out: Path
    code: int
    stdout: bytes
    stderr: bytes


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Analyzed]:
    """Analyze the study written as classic and as Enhanced files, at the same time."""
    root = tmp_path_factory.mktemp("marked")
    started = []
    for kind, options in (("classic", ["--json", "-v"]), ("enhanced", [])):
        study, out = write_marked_study(root / kind, enhanced=kind == "enhanced"), root / f"out_{kind}"
        line = [sys.executable, "-m", "marrowsignal", "analyze", str(study), "-o", str(out), *options]
        line += ["--marrow", str(root / kind / "truth" / "marrow.nii.gz")]
        started.append((kind, study, out, subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)))
    done = {}
    for kind, study, out, process in started:
        stdout, stderr = process.communicate(timeout=300)
        done[kind] = Analyzed(study, out, process.returncode, stdout, stderr)
    return done


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_no_output_of_an_analysis_tells_who_the_patient_is(analyzed: dict[str, Analyzed], kind: str) -> None:
    done = analyzed[kind]
    assert done.code == 0, done.stderr
    leaks = leaks_in("stdout", done.stdout) + leaks_in("stderr", done.stderr)
    files = [path for path in done.out.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in done.out.rglob("*"):
        leaks += leaks_in("a name", path.name.encode())
        if path.is_file() and path.suffix != ".dcm":
            leaks += leaks_in(path.name, path.read_bytes())
    assert leaks == []


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_dicom_objects_hold_patient_and_study_and_nothing_else_of_the_source(
    analyzed: dict[str, Analyzed], kind: str
) -> None:
    done = analyzed[kind]
    header = _header_of_t1(done.study)
    objects = sorted(done.out.rglob("*.dcm"))
    assert {path.parent.name for path in objects} == {"dicom"}
    (told,) = [json.loads(path.read_text(encoding="utf-8"))["dicom"] for path in done.out.rglob("result.json")]
    written = {path.name for path in objects}
    assert {"marrow_seg.dcm", "measurements_sr.dcm", "first_screen_sc.dcm"} <= written, told
    leaks = []
    for path in objects:
        stored = pydicom.dcmread(path)
        assert stored.PatientID == PATIENT_ID and stored.AccessionNumber == ACCESSION
        leaks += leaks_in(path.name, _without_patient_and_study(stored, header))
    assert leaks == []


def _header_of_t1(study: Path) -> pydicom.Dataset:
    return pydicom.dcmread(sorted(study.glob(f"{FAMILY}_T1/*.dcm"))[0], stop_before_pixels=True)


def _without_patient_and_study(stored: pydicom.Dataset, header: pydicom.Dataset) -> bytes:
    """What is left of an object without the values of the patient's and the study's modules, which are the source's."""
    of_the_series = {str(header[k].value) for k in ("SeriesDate", "SeriesTime")}
    for element in list(stored):
        if element.keyword in CARRIED_FROM_PATIENT_AND_STUDY:
            assert str(element.value or "") in ("", str(header[element.tag].value)), element.keyword
            del stored[element.tag]
        elif element.VR in ("DA", "TM"):
            assert str(element.value) in of_the_series, element.keyword
            del stored[element.tag]
    with io.BytesIO() as rest:
        stored.save_as(rest)
        return rest.getvalue()


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_no_uid_leaves_with_the_case(analyzed: dict[str, Analyzed], kind: str) -> None:
    done = analyzed[kind]
    header = pydicom.dcmread(next(done.study.rglob(f"{FAMILY}_*.dcm")), stop_before_pixels=True)
    uids = [
        str(header[k].value) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
    ]
    for path in done.out.rglob("*"):
        if path.is_file() and path.suffix != ".dcm":
            data = path.read_bytes()
            assert not any(uid.encode() in data for uid in uids), path.name


def test_what_reading_needs_does_leave(analyzed: dict[str, Analyzed]) -> None:
    document = json.loads(analyzed["classic"].stdout)
    t1 = document["series"]["t1"]
    assert t1["description"].startswith("t1_tse_cor_obl [redacted]")
    assert t1["acquisition"]["repetition_time_ms"] == 550
    assert t1["acquisition"]["patient_sex"] in ("F", "M")
    assert document["series"]["rejected"]
    (case,) = [path for path in analyzed["classic"].out.iterdir() if path.is_dir()]
    assert case.name == document["case"]


@pytest.mark.parametrize("options", [[], ["--json"], ["-v"]])
@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_no_line_of_inspect_tells_who_the_patient_is(
    analyzed: dict[str, Analyzed], kind: str, options: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["inspect", str(analyzed[kind].study), *options]) == 0
    said = capfdbinary.readouterr()
    assert b"[redacted]" in said.out
    assert leaks_in("stdout", said.out) + leaks_in("stderr", said.err) == []


def _damaged_inputs(study: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Inputs and options that end in an error, each named after the patient."""
    out = ["-o", str(folder / "out")]
    files = sorted((study / f"{FAMILY}_T1").iterdir())
    cut, short, empty = folder / FOLDER / "cut", folder / FOLDER / "short", folder / FOLDER / "empty"
    for place in (cut, short, empty):
        place.mkdir(parents=True)
    for file in [*files, *(study / f"{FAMILY}_STIR").iterdir()]:
        data = file.read_bytes()
        (cut / f"{file.name}").write_bytes(data[: len(data) - 400] if file == files[4] else data)
        (short / f"{file.name}").write_bytes(data[:3000])
    yield "truncated pixels", ["analyze", str(cut), *out, "-q"]
    yield "truncated headers", ["analyze", str(short), *out]
    yield "no files", ["analyze", str(empty), *out]
    yield "only T1", ["analyze", str(files[0].parent), *out]
    yield "one file", ["inspect", str(files[0])]
    yield "missing", ["analyze", str(folder / FOLDER / "nothing"), *out]
    yield "too many arguments", ["analyze", *FOLDER.split(), *out]
    zipped = folder / f"{FOLDER}.zip"
    zipped.write_bytes(b"PK\x03\x04" + bytes(2000))
    yield "zip", ["inspect", str(zipped)]
    mask = folder / f"{FAMILY}.nii.gz"
    mask.write_bytes(b"no mask")
    yield "mask", ["analyze", str(study), *out, "--marrow", str(mask)]
    yield "no mask", ["analyze", str(study), *out, "--marrow", f"{mask}.gone"]
    yield "output", ["analyze", str(study), "-o", str(mask / "out")]
    yield "unknown series", ["analyze", str(study), *out, "--t1", f"1.2.{BIRTH_DATE}"]


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_no_error_tells_who_the_patient_is(
    analyzed: dict[str, Analyzed], tmp_path: Path, verbose: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    leaks, codes = [], {}
    for what, arguments in _damaged_inputs(analyzed["classic"].study, tmp_path):
        codes[what] = main([*verbose, *arguments])
        said = capfdbinary.readouterr()
        leaks += leaks_in(f"{what}, stdout", said.out) + leaks_in(f"{what}, stderr", said.err)
        assert len(said.err) + len(said.out) > 20, what
    assert leaks == []
    assert set(codes.values()) <= {2, 3, 5, 6}, codes


def test_nothing_is_logged_where_the_package_is_used_as_a_library(
    analyzed: dict[str, Analyzed], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for file in (analyzed["classic"].study / f"{FAMILY}_T1").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:-400])
    (series,) = find_series(tmp_path).series
    with pytest.raises(DicomError) as caught:
        read_volume(series)
    assert leaks_in("error", str(caught.value).encode()) == []
    assert caplog.records == []


def _log_of(action: str) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(QuietFormatter())
    logger = logging.getLogger("pydicom" if action == "library" else "marrowsignal.cli")
    logger.addHandler(handler)
    try:
        if action == "library":
            logger.error("Invalid value for VR PN: %r", FAMILY)
        elif action == "ours":
            logger.error("ours, in plain words")
        else:
            try:
                _fail(FAMILY)
            except InputError as error:
                logger.error("failed", exc_info=error)
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def _fail(name: str) -> None:
    try:
        raise ValueError(f"cannot read {name}")
    except ValueError as error:
        raise InputError("it cannot be read", code="c", stage="s") from error


def test_logs_tell_where_but_not_the_words_of_libraries() -> None:
    assert "ours, in plain words" in _log_of("ours")
    library = _log_of("library")
    assert "pydicom" in library and FAMILY not in library
    failure = _log_of("failure")
    assert FAMILY not in failure
    assert "ValueError: its words are not shown" in failure
    assert "InputError: s: it cannot be read [c]" in failure
    assert "in _fail" in failure and str(Path(__file__).parent) not in failure


def test_warnings_of_libraries_are_silent_and_wordless_with_v(
    analyzed: dict[str, Analyzed], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import marrowsignal.dicom

    read = marrowsignal.dicom.find_series

    def warning(path: Path, **options: object) -> object:
        warnings.warn(f"Invalid value for VR UI: '{FAMILY}'", UserWarning, stacklevel=1)
        return read(path, **options)

    monkeypatch.setattr(marrowsignal.dicom, "find_series", warning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for options in ([], ["-v"]):
            main(["inspect", str(analyzed["classic"].study), *options])
            said = capfd.readouterr()
            assert FAMILY not in said.err
            assert ("py.warnings" in said.err) is bool(options)


@pytest.mark.parametrize(
    "hidden",
    [
        f"x {FAMILY.upper()} y".encode(),
        GIVEN.encode("utf-16-le"),
        GIVEN.encode("utf-16-be"),
        "曌龘".encode(),
        b"a" + base64.b64encode(b"." + FAMILY.encode() + b"."),
        gzip.compress(f"born {BIRTH_DATE[:4]}-02-03".encode(), mtime=0),
        b'"data:image/png;base64,'
        + base64.b64encode(grey_png(np.zeros((2, 2), np.uint8)))
        + b'" '
        + ACCESSION.encode(),
    ],
)
def test_the_search_itself_finds_what_is_hidden(hidden: bytes) -> None:
    assert leaks_in("x", hidden)
    assert leaks_in("x", b"0.194702031 nothing here 3.21947") == []
