"""The commands fetch, push and listen: exit codes, what they say, and what they never say."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

import marrowsignal.pacs
from marrowsignal.cli.app import main
from marrowsignal.errors import PacsError
from tests.marked_study import ACCESSION, BIRTH_DATE, FAMILY, GIVEN, PATIENT_ID, leaks_in
from tests.pacs.conftest import PASSWORD, USER, Orthanc, Study, wait_for

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call `marrowsignal` in this process: exit code, stdout, stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.mark.usefixtures("known")
class TestFetch:
    def test_it_brings_the_study_and_says_how_much(
        self, run: Run, orthanc: Orthanc, small_study: Study, tmp_path: Path
    ) -> None:
        words = ["fetch", "--dicomweb", orthanc.dicomweb, "--study", small_study.uid, "-o", tmp_path / "new"]
        assert run(*words)[:2] == (0, "24 instances: 24 fetched, 0 there before\n")
        assert run(*words, "-q") == (0, "24 instances: 0 fetched, 24 there before\n", "")

    def test_an_unknown_study_is_5(self, run: Run, orthanc: Orthanc, tmp_path: Path) -> None:
        code, out, err = run("fetch", "--dicomweb", orthanc.dicomweb, "--study", "1.2.3", "-o", tmp_path)
        assert (code, out) == (5, "")
        assert "no such study" in err and "1.2.3" not in err

    def test_a_password_in_the_address_is_2_and_not_repeated(self, run: Run, tmp_path: Path) -> None:
        code, _, err = run("fetch", "--dicomweb", "https://u:s3cret@pacs/x", "--study", "1.2", "-o", tmp_path)
        assert code == 2 and "s3cret" not in err and "MARROWSIGNAL_DICOMWEB_USER" in err


@pytest.mark.usefixtures("known")
class TestPush:
    def test_objects_are_stored_and_then_there(self, run: Run, orthanc: Orthanc, case_folder: Path) -> None:
        files = sorted((case_folder / "dicom").iterdir())
        try:
            for outcome in ("stored", "already there"):
                code, out, err = run("push", case_folder, "--dicomweb", orthanc.dicomweb)
                assert (code, err) == (0, "")
                assert out.splitlines() == [f"case 1, {file.name}: {outcome}" for file in files]
        finally:
            for file in files:
                orthanc.delete(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)

    def test_a_folder_that_is_no_case_is_5(self, run: Run, orthanc: Orthanc, tmp_path: Path) -> None:
        code, _, err = run("push", tmp_path, "--dicomweb", orthanc.dicomweb)
        assert code == 5 and "case folder 1 holds no DICOM objects" in err

    def test_refused_objects_are_6(self, run: Run, orthanc: Orthanc, tmp_path: Path) -> None:
        (tmp_path / "dicom").mkdir()
        (tmp_path / "dicom" / "a.dcm").write_bytes(b"no object")
        code, out, err = run("push", tmp_path, "--dicomweb", orthanc.dicomweb)
        assert code == 6
        assert out == "case 1, a.dcm: refused: it is no DICOM object\n"
        assert "1 of 1 objects are not in the PACS" in err


class TestListen:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--aet", "A" * 17], "AE title"),
            (["--allow-aet", "back\\slash"], "AE title"),
            (["--tls-cert", "c.pem"], "--tls-key"),
            (["--protocol", "nothing"], "protocol"),
            (["--marrow-from", "nowhere"], "marrow"),
            (["--push", "https://u:s3cret@pacs/x"], "password"),
            (["--port", "70000"], "not possible to listen"),
        ],
    )
    def test_what_makes_no_sense_is_2_at_once(self, run: Run, tmp_path: Path, options: list[str], words: str) -> None:
        code, _, err = run("listen", "-o", tmp_path, *options)
        assert code == 2 and words in err and "s3cret" not in err

    def test_a_failed_study_is_told_nothing_of_the_patient_leaves_and_sigterm_ends_it(
        self, small_series: Path, tmp_path: Path
    ) -> None:
        program = shutil.which("storescu")
        if program is None:
            pytest.skip("storescu (dcmtk) is not installed")
        sent = tmp_path / "sent.dcm"
        _marked_copy(next(small_series.rglob("*.dcm")), sent)
        line = [sys.executable, "-m", "marrowsignal", "listen", "-o", str(tmp_path / "out"), "--port", "0"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with (tmp_path / "said").open("wb") as said:
            process = subprocess.Popen([*line, "--quiet-seconds", "0.1"], stdout=said, stderr=said, env=environment)
        try:
            heard = (tmp_path / "said").read_text
            wait_for(lambda: "on port" in heard(), seconds=60)
            port = heard().partition("on port ")[2].split()[0]
            subprocess.run([program, "-aec", "MARROWSIGNAL", "127.0.0.1", port, str(sent)], check=True)
            wait_for(lambda: list((tmp_path / "out" / "inbox").glob("*/outcome.json")), seconds=60)
            (outcome,) = (tmp_path / "out" / "inbox").glob("*/outcome.json")
            assert "no usable" in outcome.read_text()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
        assert heard().endswith("stopped\n")
        assert leaks_in("said", (tmp_path / "said").read_bytes()) == []
        assert leaks_in("outcome", outcome.read_bytes()) == []
        for path in (tmp_path / "out").rglob("*"):
            assert leaks_in("a name", path.name.encode()) == []


def _marked_copy(file: Path, copy: Path) -> None:
    """A T1 image alone, so that its study has no pair, with a patient in every place that a message might quote."""
    dataset = pydicom.dcmread(file)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = f"{FAMILY}^{GIVEN}", PATIENT_ID, BIRTH_DATE
    dataset.AccessionNumber = ACCESSION
    dataset.SeriesDescription = f"t1 {FAMILY}"
    dataset.save_as(copy)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("dicomweb_client", ["fetch", "--dicomweb", "https://127.0.0.1:1/x", "--study", "1.2", "-o", "out"]),
        ("requests", ["push", ".", "--dicomweb", "https://127.0.0.1:1/x"]),
        ("pynetdicom", ["listen", "-o", "out", "--port", "70000"]),
    ],
)
def test_without_the_extra_one_line_says_how_to_install_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str, words: list[str]
) -> None:
    # What is loaded anew here is undone with the rest: later tests find the package that they have loaded.
    monkeypatch.setattr(marrowsignal, "pacs", marrowsignal.pacs)
    for name in tuple(sys.modules):
        if name.startswith(("marrowsignal.pacs", f"{missing}.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert 'pip install "marrowsignal[pacs]"' in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["fetch", "push", "listen"])
def test_help_names_where_credentials_come_from_or_how_it_ends(run: Run, way: str) -> None:
    code, out, _ = run(way, "--help")
    assert code == 0
    assert ("SIGTERM" if way == "listen" else "netrc") in out
    assert USER not in out and PASSWORD not in out


@pytest.mark.usefixtures("known")
def test_the_pipeline_ends_with_our_error_where_the_pacs_has_no_such_study(
    orthanc: Orthanc, repository: Path, tmp_path: Path
) -> None:
    script = runpy.run_path(str(repository / "pipelines" / "pacs_round_trip.py"))
    with pytest.raises(PacsError, match="no such study"):
        script["main"](orthanc.dicomweb, "1.2.3", tmp_path / "study", tmp_path / "out")
    assert not (tmp_path / "out").exists()
