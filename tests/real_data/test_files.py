"""Real exports as they lie: compressed single files, and DICOMDIRs of several encodings."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowsignal.dicom.search.dicomdir import check_dicomdir, holds_file
from marrowsignal.dicom.search.read_headers import read_headers

pytestmark = pytest.mark.real_data


@pytest.fixture
def robust(real_data: Path) -> Path:
    folder = real_data / "robust"
    if not folder.is_dir():
        pytest.skip("the files that are hard to read are not among the real studies")
    return folder


def test_gzip_files_are_read(robust: Path) -> None:
    files = [*sorted(robust.glob("nibabel_nicom/*.gz")), robust / "pydicom_tests" / "zipMR.gz"]
    assert len(files) >= 2
    for number, file in enumerate(files):
        found = read_headers(file)
        assert (len(found.headers) >= 1, found.findings) == (True, ()), f"file {number}"


def test_dicomdirs_name_what_is_there(robust: Path) -> None:
    folder = robust / "pydicom_tests" / "dicomdirtests"
    for name in ("DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-nooffset", "DICOMDIR-reordered"):
        data = (folder / name).read_bytes()
        check = check_dicomdir(data, holds_file(folder))
        assert (check.named, check.missing, check.outside) == (31, 0, 0)
        assert check_dicomdir(data, holds_file(folder / "77654033")).missing == 31
        assert not any(f.code.startswith("dicomdir") for f in read_headers(folder / name).findings)
