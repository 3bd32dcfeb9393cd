"""A mask of ours that came back from an editor."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.marrow.editing import as_edit
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation, ToolMask
from marrowsignal.protocol import load_protocol

GRID = VolumeGeometry.from_axes(
    origin_lps_mm=(0.0, 0.0, 0.0),
    directions_lps=np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    spacing_mm=(4.0, 1.0, 1.0),
    shape=(4, 20, 20),
)
NAMES = ((1, "sacrum"), (2, "ilium:left"))


def ours() -> np.ndarray:
    array = np.zeros(GRID.shape, np.uint16)
    array[1:3, 4:12, 5:15] = 1
    array[1:3, 12:16, 5:15] = 2
    return array


@pytest.mark.parametrize(
    ("drawn", "names", "renamed"),
    [
        (ours(), NAMES, 0),
        ((ours() > 0).astype(np.uint16), (), 0),  # saved as one value: no bone's name is right for it
        (np.where(ours() == 1, 1, 0), NAMES[:1], 0),  # one bone taken out
        (np.where(ours() == 2, 3, ours()), NAMES[:1], 80),
    ],
)
def test_a_name_stays_with_its_bone(drawn: np.ndarray, names: tuple[tuple[int, str], ...], renamed: int) -> None:
    own = ToolMask(
        labels=LabelVolume(array=ours(), geometry=GRID, names=NAMES), source=MarrowSource.AUTOMATIC, made_by="x"
    )
    supplied = Segmentation(
        labels=LabelVolume(array=drawn, geometry=GRID), kind=MaskKind.MARROW, source=MarrowSource.SUPPLIED
    )
    found = as_edit(supplied, own, settings=load_protocol("pelvis_sij").marrow)
    assert found is not None and found.edit is not None
    assert (found.labels.names, found.edit.renamed_voxels) == (names, renamed)
