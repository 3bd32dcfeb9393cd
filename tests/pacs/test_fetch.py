"""A study fetched from a real PACS is the study that was stored, whatever the connection does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from marrowsignal.errors import PacsError, UsageError
from marrowsignal.pacs import Pacs, Patience, fetch_study
from marrowsignal.pacs.instance_file import file_name
from tests.pacs.conftest import HASTY, PASSWORD, USER, Orthanc, Study, Wire, wait_for

pytestmark = pytest.mark.usefixtures("known")


def assert_same(folder: Path, study: Study, *, count: int | None = None) -> None:
    """Every file of the folder is an instance of the study, equal in header and pixels, and none is there twice."""
    originals = {pydicom.dcmread(file).SOPInstanceUID: pydicom.dcmread(file) for file in study.files}
    files = sorted(folder.iterdir())
    assert len(files) == (len(originals) if count is None else count)
    for file in files:
        fetched = pydicom.dcmread(file)
        original = originals.pop(fetched.SOPInstanceUID)
        assert file.name == file_name(fetched.SOPInstanceUID)
        assert fetched == original
        assert fetched.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
        assert np.array_equal(fetched.pixel_array, original.pixel_array)


def test_a_fetched_study_is_the_stored_one(pacs: Pacs, study: Study, tmp_path: Path) -> None:
    told = []
    done = fetch_study(pacs, study.uid, tmp_path, on_instance=lambda *place: told.append(place))
    assert (done.fetched, done.already_there) == (40, 0)
    assert told == [(n, 40) for n in range(1, 41)]
    assert_same(tmp_path, study)


def test_only_the_series_asked_for_and_then_the_rest(pacs: Pacs, small_study: Study, tmp_path: Path) -> None:
    series = pydicom.dcmread(small_study.files[0]).SeriesInstanceUID
    assert fetch_study(pacs, small_study.uid, tmp_path, series_instance_uids=[series, series]).fetched == 12
    assert {pydicom.dcmread(file).SeriesInstanceUID for file in tmp_path.iterdir()} == {series}
    done = fetch_study(pacs, small_study.uid, tmp_path)
    assert (done.fetched, done.already_there) == (12, 12)
    assert_same(tmp_path, small_study)


def test_a_dropped_transfer_goes_on_where_it_ended(
    orthanc: Orthanc, wire: Wire, small_study: Study, tmp_path: Path
) -> None:
    size = small_study.files[0].stat().st_size
    counts = []
    for _ in range(30):
        wire.budget = 8 * size
        try:
            with Pacs(f"http://127.0.0.1:{wire.port}/dicom-web", patience=HASTY) as pacs:
                fetch_study(pacs, small_study.uid, tmp_path)
            break
        except PacsError as error:
            assert error.code == "pacs_unreachable"
            counts.append(len(list(tmp_path.iterdir())))
            assert f"{24 - counts[-1]} of 24 instances are missing" in str(error)
            assert_same(tmp_path, small_study, count=counts[-1])
    assert len(counts) > 2
    assert counts == sorted(counts)
    assert_same(tmp_path, small_study)


def test_a_killed_transfer_goes_on_where_it_ended(orthanc: Orthanc, pacs: Pacs, study: Study, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "marrowsignal", "fetch", "--dicomweb", orthanc.dicomweb, "--study", study.uid]
    with subprocess.Popen([*line, "-o", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: len(list(tmp_path.glob("*.dcm"))) >= 3)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    there = len(list(tmp_path.glob("*.dcm")))
    (tmp_path / ".0123.part").write_bytes(b"half an instance")
    done = fetch_study(pacs, study.uid, tmp_path)
    assert (done.fetched, done.already_there) == (40 - there, there)
    assert_same(tmp_path, study)


def test_trouble_that_passes_is_waited_out(wire: Wire, small_study: Study, tmp_path: Path) -> None:
    wire.refuse = HASTY.attempts - 1
    with Pacs(f"http://127.0.0.1:{wire.port}/dicom-web", patience=HASTY) as pacs:
        assert fetch_study(pacs, small_study.uid, tmp_path).fetched == 24
    assert wire.connections >= HASTY.attempts


def test_patience_ends(wire: Wire, small_study: Study, tmp_path: Path) -> None:
    wire.refuse = 1000
    with (
        Pacs(f"http://127.0.0.1:{wire.port}/dicom-web", patience=HASTY) as pacs,
        pytest.raises(PacsError, match="cannot be reached"),
    ):
        fetch_study(pacs, small_study.uid, tmp_path)
    assert wire.connections == HASTY.attempts


def test_a_damaged_file_is_fetched_anew(pacs: Pacs, small_study: Study, tmp_path: Path) -> None:
    fetch_study(pacs, small_study.uid, tmp_path)
    damaged, swapped, other = sorted(tmp_path.iterdir())[:3]
    damaged.write_bytes(b"")
    swapped.write_bytes(other.read_bytes())
    assert fetch_study(pacs, small_study.uid, tmp_path).fetched == 2
    assert_same(tmp_path, small_study)


class TestRefusals:
    def test_a_folder_with_another_study(self, pacs: Pacs, small_study: Study, tmp_path: Path) -> None:
        stranger = pydicom.dcmread(small_study.files[0])
        stranger.StudyInstanceUID = "1.2.3"
        stranger.save_as(tmp_path / "a.dcm")
        with pytest.raises(UsageError, match="another study"):
            fetch_study(pacs, small_study.uid, tmp_path)

    def test_an_unknown_study(self, pacs: Pacs, tmp_path: Path) -> None:
        with pytest.raises(PacsError, match="no such study") as caught:
            fetch_study(pacs, "1.2.3.4", tmp_path)
        assert caught.value.exit_code == 5

    def test_what_is_no_uid(self, pacs: Pacs, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no DICOM UID") as caught:
            fetch_study(pacs, "Xqzvornik/../1", tmp_path)
        assert "Xqzvornik" not in str(caught.value)

    @pytest.mark.parametrize("way", ["wrong password", "no password"])
    def test_who_is_not_known(
        self, orthanc: Orthanc, small_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        for name, value in (("USER", USER), ("PASSWORD", "s3cret")):
            if way == "wrong password":
                monkeypatch.setenv(f"MARROWSIGNAL_DICOMWEB_{name}", value)
            else:
                monkeypatch.delenv(f"MARROWSIGNAL_DICOMWEB_{name}")
        with Pacs(orthanc.dicomweb, patience=HASTY) as pacs, pytest.raises(PacsError, match="401") as caught:
            fetch_study(pacs, small_study.uid, tmp_path)
        assert "s3cret" not in str(caught.value) and small_study.uid not in str(caught.value)

    def test_an_address_that_is_no_dicomweb(self, orthanc: Orthanc, small_study: Study, tmp_path: Path) -> None:
        with Pacs(f"{orthanc.url}/nothing", patience=HASTY) as pacs, pytest.raises(PacsError, match="404"):
            fetch_study(pacs, small_study.uid, tmp_path)

    def test_a_server_that_is_not_there(self, small_study: Study, tmp_path: Path, wire: Wire) -> None:
        wire.close()
        with (
            Pacs(f"http://127.0.0.1:{wire.port}/dicom-web", patience=HASTY) as pacs,
            pytest.raises(PacsError, match="cannot be reached"),
        ):
            fetch_study(pacs, small_study.uid, tmp_path)


def test_netrc_tells_who_we_are(
    orthanc: Orthanc, small_study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f'machine 127.0.0.1 login {USER} password "{PASSWORD}"\n', encoding="utf-8")
    for name in ("USER", "PASSWORD"):
        monkeypatch.delenv(f"MARROWSIGNAL_DICOMWEB_{name}")
    monkeypatch.setenv("NETRC", str(netrc))
    with Pacs(orthanc.dicomweb, patience=Patience(attempts=1)) as pacs:
        assert len(pacs.instances(small_study.uid)) == 24
