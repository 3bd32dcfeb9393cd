"""Segmentations of every maker's series pass David Clunie's validator, and are the same bytes each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from marrowsignal.dicom.headers.header_values import quiet_pydicom
from marrowsignal.exports.dicom_objects import write_dicom_objects
from marrowsignal.exports.dicom_objects.reread import check_segmentation, object_bytes
from marrowsignal.exports.dicom_objects.segmentations import lesion_segmentation, region_segmentation
from marrowsignal.exports.dicom_objects.source_images import read_source_images
from marrowsignal.phantom.dicom_files import VendorName
from tests.exports.dicom_objects.stored_study import stored_result
from tests.phantom.dicom_kinds import ENHANCED_MAKERS, MAKERS

KINDS = [*((maker, False) for maker in MAKERS), *((maker, True) for maker in ENHANCED_MAKERS)]
WRITE = """
import sys
from pathlib import Path
from tests.exports.dicom_objects.stored_study import found_pair, result_on
from marrowsignal.exports.dicom_objects import write_dicom_objects
write_dicom_objects(result_on(found_pair(Path(sys.argv[1]))), Path(sys.argv[2]), first_screen=None)
"""


def errors_of_dciodvfy(path: Path) -> list[str]:
    """Error lines of the validator."""
    command = shutil.which("dciodvfy")
    if command is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    done = subprocess.run([command, "-new", str(path)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert lines, "dciodvfy said nothing"
    return [line for line in lines if line.startswith("Error")]


@pytest.mark.parametrize(("vendor", "enhanced"), KINDS)
def test_dciodvfy_finds_no_errors_in_segmentations(tmp_path: Path, vendor: VendorName, enhanced: bool) -> None:
    result = stored_result(tmp_path / "study", vendor=vendor, enhanced=enhanced)
    with quiet_pydicom():
        source = read_source_images(result.series)
        assert source.findings == ()
        for make in (region_segmentation, lesion_segmentation):
            made = make(result, source)
            assert made is not None
            data = object_bytes(made.dataset)
            check_segmentation(data, made)
            path = tmp_path / "seg.dcm"
            path.write_bytes(data)
            assert errors_of_dciodvfy(path) == []


def test_errors_of_the_validator_are_seen(tmp_path: Path) -> None:
    result = stored_result(tmp_path / "study")
    with quiet_pydicom():
        made = region_segmentation(result, read_source_images(result.series))
        assert made is not None
        del made.dataset.SegmentSequence[0].SegmentAlgorithmType
        (tmp_path / "seg.dcm").write_bytes(object_bytes(made.dataset))
    assert any("SegmentAlgorithmType" in line for line in errors_of_dciodvfy(tmp_path / "seg.dcm"))


def test_the_same_result_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    result = stored_result(tmp_path / "study")
    write_dicom_objects(result, tmp_path / "here", first_screen=None)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "2")
    run = [sys.executable, "-c", WRITE, str(tmp_path / "study"), str(tmp_path / "there")]
    subprocess.run(run, env=os.environ | threads | {"PYTHONHASHSEED": "7"}, check=True)
    here, there = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("here", "there"))
    assert len(here) >= 3 and here == there
