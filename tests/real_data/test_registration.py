"""A known motion and a new grid put on real STIR: registration finds that motion beyond the patient's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

import marrowsignal as ms
from marrowsignal.alignment import align_pair
from marrowsignal.geometry import SignalVolume, VolumeGeometry
from marrowsignal.geometry.itk_bridge import affine_transform, array_to_itk
from marrowsignal.geometry.label_files import read_label_volume
from marrowsignal.protocol import load_protocol

pytestmark = pytest.mark.real_data

# turn about x, y, z in degrees, shift in mm, tilt of the new grid in degrees
_MOTIONS = {
    "1013": ((3.0, -2.0, 1.5), (4.0, -5.0, 3.0), (2.0, -1.0, 3.0)),
    "1007": ((-1.0, 4.0, 2.0), (-6.0, 2.0, 7.0), (-3.0, 2.0, 1.0)),
}


def _moved(stir: SignalVolume, motion: np.ndarray, tilt: np.ndarray) -> SignalVolume:
    """The same tissue after `motion`, on a coarser grid that is tilted against the old one."""
    old = stir.geometry
    spacing = np.asarray(old.spacing_mm) * [1.1, 1.25, 1.3]
    shape = np.ceil(np.asarray(old.shape) * old.spacing_mm / spacing).astype(int)
    axes = tilt @ old.directions_lps
    middle = motion @ np.append(old.to_patient((np.asarray(old.shape) - 1) / 2), 1.0)
    grid = VolumeGeometry.from_axes(
        origin_lps_mm=middle[:3] - axes @ (spacing * (shape - 1) / 2),
        directions_lps=axes,
        spacing_mm=spacing,
        shape=(int(shape[0]), int(shape[1]), int(shape[2])),
    )
    image = sitk.Resample(
        array_to_itk(stir.array, old),
        array_to_itk(np.zeros(grid.shape, np.uint8), grid),
        affine_transform(np.linalg.inv(motion)),
        sitk.sitkBSpline,
        0.0,
    )
    array = np.maximum(sitk.GetArrayFromImage(image), 0.0)
    return SignalVolume(array=array, geometry=grid, acquisition=stir.acquisition)


@pytest.mark.parametrize("name", sorted(_MOTIONS))
def test_a_known_motion_is_found_at_marrow(real_data: Path, name: str) -> None:
    study = real_data / "sij" / name
    if not (study / "dicom").is_dir():
        pytest.skip(f"the study sij/{name} is not among the real studies")
    series = ms.select_pair(ms.find_series(study / "dicom"))
    t1, stir = ms.read_volume(series.t1), ms.read_volume(series.stir)
    marrow = read_label_volume(study / "masks" / "marrow.nii.gz", t1.geometry)
    turn, shift, tilt = _MOTIONS[name]
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    middle = t1.geometry.to_patient((np.asarray(t1.geometry.shape) - 1) / 2)
    motion[:3, 3] = middle + shift - motion[:3, :3] @ middle
    oblique = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix()
    rules = load_protocol("pelvis_sij").alignment
    # without this a pair that lies within half a pixel stays, and its own motion would count as error
    always = rules.model_copy(update={"keep_grid_below": rules.keep_grid_below.model_copy(update={"value": 0.0})})
    own, found = (
        align_pair(t1, volume, same_frame_of_reference=True, settings=always).t1_to_stir_lps
        for volume in (stir, _moved(stir, motion, oblique))
    )
    points = t1.geometry.to_patient(np.argwhere(marrow.mask)[::97])
    missed = points @ (found - motion @ own)[:3, :3].T + (found - motion @ own)[:3, 3]
    in_plane = np.linalg.norm((missed @ motion[:3, :3] @ t1.geometry.directions_lps)[:, 1:], axis=1)
    assert np.median(in_plane) <= 0.3
    assert np.quantile(in_plane, 0.95) <= 0.8
