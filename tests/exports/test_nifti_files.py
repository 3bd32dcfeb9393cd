"""NIfTI files as their bytes tell, compared with those that SimpleITK writes itself."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from marrowsignal.exports.images.nifti_files import write_nifti_files
from marrowsignal.geometry.itk_bridge import array_to_itk, geometry_of, read_image
from marrowsignal.geometry.volume import LabelVolume, SignalVolume, VolumeGeometry
from tests.report.study_builder import build_result

T1 = build_result().pair.t1
_TYPES = {2: "uint8", 512: "uint16", 16: "float32"}


def grid(shape: tuple[int, int, int], turn: Rotation, *, mirrored: bool = False) -> VolumeGeometry:
    directions = turn.as_matrix() * (np.array([-1.0, 1.0, 1.0]) if mirrored else 1.0)
    return VolumeGeometry.from_axes(
        origin_lps_mm=(-31.5, 12.25, 400.0), directions_lps=directions, spacing_mm=(4.4, 0.6, 0.7), shape=shape
    )


def signal(array: np.ndarray, geometry: VolumeGeometry) -> SignalVolume:
    return SignalVolume(array=array, geometry=geometry, acquisition=T1.acquisition)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**16),
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    mirrored=st.booleans(),
    most=st.sampled_from([0, 5, 255, 256, 65535]),
)
def test_content_is_that_of_simpleitk(
    tmp_path: Path, seed: int, shape: tuple[int, int, int], mirrored: bool, most: int
) -> None:
    rng = np.random.default_rng(seed)
    place = grid(shape, Rotation.random(random_state=seed), mirrored=mirrored)
    labels = rng.integers(0, most, shape, endpoint=True).astype(np.uint16)
    labels.flat[0] = most
    values = rng.normal(0, 1e3, shape).astype(np.float32)
    stored = labels.astype(np.uint8) if most < 256 else labels
    for array, volume in ((stored, LabelVolume(array=labels, geometry=place)), (values, signal(values, place))):
        write_nifti_files([(tmp_path / "ours.nii.gz", volume)])
        sitk.WriteImage(array_to_itk(array, place), str(tmp_path / "itk.nii"))
        assert gzip.decompress((tmp_path / "ours.nii.gz").read_bytes()) == (tmp_path / "itk.nii").read_bytes()


@pytest.mark.parametrize("mirrored", [False, True])
def test_both_forms_of_the_place_are_set_and_agree(tmp_path: Path, mirrored: bool) -> None:
    place = grid((3, 4, 5), Rotation.from_euler("xyz", [20, -35, 70], degrees=True), mirrored=mirrored)
    write_nifti_files([(tmp_path / "a.nii.gz", signal(np.ones((3, 4, 5), np.float32), place))])
    packed = (tmp_path / "a.nii.gz").read_bytes()
    assert packed[4:8] == bytes(4), "a time stamp would make two runs differ"
    raw = gzip.decompress(packed)
    qform, sform = struct.unpack("<2h", raw[252:256])
    assert (qform, sform) == (1, 1), "scanner"
    assert raw[123] & 0x07 == 2, "millimetres"
    assert raw[344:348] == b"n+1\0" and struct.unpack("<2f", raw[112:120]) == (1.0, 0.0)
    assert struct.unpack("<8h", raw[40:56]) == (3, 5, 4, 3, 1, 1, 1, 1)
    rows = np.frombuffer(raw[280:328], "<f4").reshape(3, 4)
    np.testing.assert_allclose(_of_quaternion(raw), rows, atol=1e-3)
    # NIfTI points to the right and to the front where DICOM points to the left and to the back.
    lps = np.diag([-1.0, -1.0, 1.0]) @ rows @ np.array([4, 3, 2, 1.0])
    np.testing.assert_allclose(lps, place.to_patient((2, 3, 4)), atol=1e-3)


def _of_quaternion(raw: bytes) -> np.ndarray:
    """Affine of the qform, by the NIfTI-1 standard: method 2."""
    b, c, d, *offset = struct.unpack("<6f", raw[256:280])
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    sign, dx, dy, dz = struct.unpack("<4f", raw[76:92])
    turned = Rotation.from_quat([b, c, d, a]).as_matrix() * (dx, dy, dz * (sign or 1.0))
    return np.column_stack([turned, offset])


def test_what_is_no_number_stays_so(tmp_path: Path) -> None:
    values = np.full((2, 3, 4), np.nan, np.float32)
    values[1, 1, 1] = 0.5
    write_nifti_files([(tmp_path / "a.nii.gz", signal(values, grid((2, 3, 4), Rotation.identity())))])
    raw = gzip.decompress((tmp_path / "a.nii.gz").read_bytes())
    np.testing.assert_array_equal(np.frombuffer(raw[352:], "<f4").reshape(2, 3, 4), values)


def test_many_files_hold_each_its_own(tmp_path: Path) -> None:
    place = grid((4, 5, 6), Rotation.identity())
    files = {tmp_path / f"{n}.nii.gz": LabelVolume(array=np.full((4, 5, 6), n), geometry=place) for n in (1, 2, 300)}
    write_nifti_files(list(files.items()))
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in files}
    for file, volume in files.items():
        array, found = read_image(file)
        np.testing.assert_array_equal(array, volume.array)
        assert found.difference(place).within(1e-3)
        assert geometry_of(sitk.ReadImage(str(file))).shape == (4, 5, 6)
        kind = struct.unpack("<h", gzip.decompress(file.read_bytes())[70:72])[0]
        assert _TYPES[kind] == ("uint16" if volume.array.max() > 255 else "uint8")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises((OSError, RuntimeError)):
        write_nifti_files([(tmp_path / "none" / "a.nii.gz", T1)])
