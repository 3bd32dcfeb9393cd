"""The grids of real scanners survive the way to an external segmenter and back, to the voxel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from marrowsignal.dicom import find_series, read_volume
from marrowsignal.marrow.external import segment_external
from marrowsignal.protocol import load_protocol
from tests.alignment.pelvis import aligned
from tests.marrow.external.stand_in import Truth, install

pytestmark = pytest.mark.real_data


@pytest.mark.parametrize("study", ["sij/1016/dicom/T1W", "pelvis/case01", "lumbar/taichi"])
def test_labels_come_back_to_the_voxels_they_were_given_for(
    real_data: Path, study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_series(real_data / study)
    t1 = read_volume(next(series for series in found.series if series.identity == "t1"))
    x, y, z = t1.geometry.to_patient((np.array(t1.geometry.shape) - 1) / 2).tolist()
    bones = {
        "sacrum": ((x, y, z), 15.0),
        "hip_left": ((x + 20, y, z - 40), 12.0),
        "hip_right": ((x - 20, y, z - 40), 12.0),
    }
    monkeypatch.setenv("PATH", str(install(tmp_path / "bin", bones=bones).parent))
    monkeypatch.setenv("STAND_IN_LOG", str(tmp_path / "log"))
    pair = aligned(t1.array, t1.array, t1.geometry)
    segmentation = segment_external(pair, "totalsegmentator", protocol=load_protocol("pelvis_sij"))
    names = {name: value for value, name in segmentation.labels.names}
    assert segmentation.findings == ()
    for name, key in (("sacrum", "sacrum"), ("hip_left", "ilium:left"), ("hip_right", "ilium:right")):
        truth = Truth(t1.geometry, bones).bone(name)
        np.testing.assert_array_equal(segmentation.labels.array == names[key], truth)
