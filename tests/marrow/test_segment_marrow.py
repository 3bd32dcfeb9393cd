"""Where marrow is: the core's geometry, supplied labels as they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from marrowsignal.alignment import AlignedPair
from marrowsignal.errors import MaskError
from marrowsignal.geometry import LabelVolume, VolumeGeometry
from marrowsignal.geometry.itk_bridge import write_nifti
from marrowsignal.marrow import MarrowMask, mask_sha256, read_supplied_marrow, segment_marrow
from marrowsignal.marrow.core import core_of
from marrowsignal.phantom import TissueMaps
from marrowsignal.protocol import Protocol, load_protocol
from tests.alignment.pelvis import FINE, GRID, aligned, image, maps


@cache
def protocol() -> Protocol:
    return load_protocol("pelvis_sij")


@cache
def pair_of(of: TissueMaps) -> AlignedPair:
    return aligned(image(of, "t1"), image(of, "stir"), of.geometry)


@cache
def supplied() -> MarrowMask:
    return segment_marrow(pair_of(maps()), protocol=protocol(), supplied=maps().marrow)


def brute_force_core(plane: np.ndarray, reach_mm: float, spacing_mm: tuple[float, float]) -> np.ndarray:
    """Voxels whose nearest voxel outside the mask is further than the reach."""
    outside = np.argwhere(~plane) * spacing_mm
    core = np.zeros_like(plane)
    for index in np.argwhere(plane):
        core[tuple(index)] = np.linalg.norm(outside - index * spacing_mm, axis=1).min() > reach_mm
    return core


@settings(max_examples=20)
@given(st.integers(0, 999), st.floats(0.1, 5.0), st.sampled_from([(1.0, 1.0), (0.5, 2.0), (1.5, 0.7)]))
def test_the_core_is_eroded_in_plane_in_millimetres(seed: int, erosion_mm: float, pixel_mm) -> None:
    mask = ndimage.binary_dilation(np.random.default_rng(seed).random((2, 14, 16)) > 0.97, np.ones((1, 7, 7)))
    mask[:, 0, 0] = False
    core = core_of(
        mask, np.ones(mask.shape, np.float32), spacing_mm=(4.0, *pixel_mm), erosion_mm=erosion_mm, void_below=0.5
    )
    for plane, found in zip(mask, core, strict=True):
        # never less than a voxel, so that the rim's partial volume is out
        np.testing.assert_array_equal(found, brute_force_core(plane, max(erosion_mm, *pixel_mm), pixel_mm))


def test_the_core_leaves_voids_out_and_nothing_darker_in() -> None:
    mask = np.zeros((1, 11, 11), bool)
    mask[0, 1:10, 1:10] = True
    t1 = np.full(mask.shape, 100.0, np.float32)
    t1[0, 5, 5], t1[0, 5, 6] = 50.0, 50.1
    core = core_of(mask, t1, spacing_mm=(4.0, 1.0, 1.0), erosion_mm=2.0, void_below=50.0)
    assert not core[0, 5, 5]
    assert core[0, 5, 6]
    assert core.sum() == 5 * 5 - 1


def test_supplied_labels_are_taken_as_they_are() -> None:
    mask = supplied()
    assert mask.labels is maps().marrow
    assert (mask.source, mask.findings) == ("supplied", ())
    assert mask.core_mask.any()
    assert not (mask.core_mask & ~mask.labels.mask).any()


def test_the_core_of_a_mask_over_the_joint_leaves_cortex_and_joint_out() -> None:
    of = maps("normal", FINE)
    reach = [ndimage.distance_transform_edt(~plane, sampling=FINE.spacing_mm[1:]) <= 5.0 for plane in of.marrow.mask]
    closed = np.stack([ndimage.distance_transform_edt(p, sampling=FINE.spacing_mm[1:]) > 5.0 for p in reach])
    assert (closed & of.joint_mask).sum() > 300
    whole = LabelVolume(array=closed.astype(np.uint16), geometry=FINE)
    core = segment_marrow(pair_of(of), protocol=protocol(), supplied=whole).core_mask
    # cartilage alone has 0.56 of marrow's T1, above the cut for void; between two cortices it is mostly darker.
    # Three people gave 0.02 to 0.08
    assert core[closed & of.joint_mask].mean() < 0.1
    assert of.marrow.mask[core].mean() > 0.97
    assert core[of.marrow.mask].mean() > 0.75


def test_the_core_stays_where_stir_has_data() -> None:
    covered = GRID.patient_axis(0) > 0
    pair = aligned(image(maps(), "t1"), image(maps(), "stir"), covered=covered)
    mask = segment_marrow(pair, protocol=protocol(), supplied=maps().marrow)
    np.testing.assert_array_equal(mask.core_mask, supplied().core_mask & covered)


def test_a_mask_file_on_another_grid_gives_the_same_core(tmp_path: Path) -> None:
    flipped = VolumeGeometry(
        affine_lps=np.column_stack(
            [
                -GRID.affine_lps[:, 0],
                GRID.affine_lps[:, 1],
                GRID.affine_lps[:, 2],
                [*GRID.to_patient([GRID.shape[0] - 1, 0, 0]), 1.0],
            ]
        ),
        shape=GRID.shape,
    )
    write_nifti(tmp_path / "marrow.nii.gz", LabelVolume(array=maps().marrow.array[::-1], geometry=flipped))
    mask = segment_marrow(
        pair_of(maps()), protocol=protocol(), supplied=read_supplied_marrow(tmp_path / "marrow.nii.gz", GRID)
    )
    np.testing.assert_array_equal(mask.labels.array, maps().marrow.array)
    np.testing.assert_array_equal(mask.core_mask, supplied().core_mask)
    assert mask_sha256(mask) == mask_sha256(supplied())


def test_the_hash_follows_the_labels() -> None:
    other = maps().marrow.array.copy()
    other[np.unravel_index(other.argmax(), other.shape)] = 0
    changed = segment_marrow(pair_of(maps()), protocol=protocol(), supplied=LabelVolume(array=other, geometry=GRID))
    assert mask_sha256(changed) != mask_sha256(supplied())


def test_labels_of_another_shape_are_refused() -> None:
    smaller = VolumeGeometry(affine_lps=GRID.affine_lps, shape=(GRID.shape[0] - 1, *GRID.shape[1:]))
    labels = LabelVolume(array=maps().marrow.array[1:], geometry=smaller)
    with pytest.raises(MaskError) as caught:
        segment_marrow(pair_of(maps()), protocol=protocol(), supplied=labels)
    assert caught.value.code == "mask_other_grid"


def test_labels_of_another_place_are_refused() -> None:
    affine = GRID.affine_lps.copy()
    affine[:3, 3] += 20.0
    labels = LabelVolume(array=maps().marrow.array, geometry=VolumeGeometry(affine_lps=affine, shape=GRID.shape))
    with pytest.raises(MaskError):
        segment_marrow(pair_of(maps()), protocol=protocol(), supplied=labels)
