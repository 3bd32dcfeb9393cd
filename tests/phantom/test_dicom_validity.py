"""David Clunie's dciodvfy finds nothing against the standard but what the makers are known for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from marrowsignal.phantom.dicom_files import VendorName, write_companions, write_series
from tests.phantom.dicom_kinds import ENHANCED_MAKERS, KINDS, MAKERS, header_of, oblique_grid, signal_on, write_kinds


def errors_of_dciodvfy(files: list[Path]) -> set[str]:
    """Error lines of David Clunie's validator."""
    command = shutil.which("dciodvfy")
    if command is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    found: set[str] = set()
    for path in files:
        done = subprocess.run([command, "-new", str(path)], capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        assert lines, "dciodvfy said nothing"
        found |= {f"{path.parent.name}: {line}" for line in lines if line.startswith("Error")}
    return found


@pytest.mark.parametrize("vendor", MAKERS)
def test_dciodvfy_finds_no_errors_in_classic_objects(tmp_path: Path, vendor: VendorName) -> None:
    grid = oblique_grid((1, 6, 5))
    write_kinds(vendor, tmp_path, grid, by_the_standard=True)
    header = header_of(vendor, by_the_standard=True, body_part="KNEE", laterality="L", rescale_slopes=(1.5,))
    knee = write_series(signal_on(grid), grid, header=header, folder=tmp_path / "knee")
    beside = write_companions(signal_on(grid), grid, header=header, folder=tmp_path / "beside")
    files = [*tmp_path.glob("??/*.dcm"), *knee, beside.localizer[0], beside.reformat[0], *beside.capture]
    assert len(files) == len(KINDS) + 4
    assert errors_of_dciodvfy(files) == set()


def test_an_inversion_time_where_nothing_is_inverted_is_the_only_known_error(tmp_path: Path) -> None:
    for vendor in ("ge", "philips", "hitachi"):
        write_kinds(vendor, tmp_path / vendor, oblique_grid((1, 6, 5)))
    errors = errors_of_dciodvfy(sorted(tmp_path.rglob("*.dcm")))
    assert errors
    assert all("InversionTime(0018,0082)> - Attribute present when condition unsatisfied" in line for line in errors)


@pytest.mark.parametrize("vendor", ENHANCED_MAKERS)
def test_dciodvfy_finds_no_errors_in_enhanced_objects(tmp_path: Path, vendor: VendorName) -> None:
    write_kinds(vendor, tmp_path, oblique_grid((2, 6, 5)), enhanced=True)
    assert errors_of_dciodvfy(sorted(tmp_path.rglob("*.dcm"))) == set()
