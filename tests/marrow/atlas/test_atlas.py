"""An atlas of phantom people segments another one; nothing but anatomy counts."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from marrowsignal.alignment import AlignedPair
from marrowsignal.errors import MaskError, OutputError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.marrow.atlas import read_atlas, read_contents, segment_with_atlas
from marrowsignal.marrow.atlas.storage import write_atlas
from marrowsignal.marrow.records import MarrowSource, MaskKind, Segmentation
from tests.alignment.pelvis import aligned, dice, image
from tests.marrow.atlas.people import GRID, NAMES, SEEDS, atlas, person

STRANGER = 5


def pair_of(t1: np.ndarray, stir: np.ndarray, grid: VolumeGeometry = GRID) -> AlignedPair:
    return aligned(t1, stir, grid)


@cache
def images() -> tuple[np.ndarray, np.ndarray]:
    return image(person(STRANGER), "t1"), image(person(STRANGER), "stir")


@cache
def segmented() -> Segmentation:
    return segment_with_atlas(pair_of(*images()), atlas())


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("atlas") / "a"
    write_atlas(atlas(), folder)
    return folder


def test_a_stranger_is_segmented_with_his_bones_and_sides() -> None:
    truth, found = person(STRANGER).marrow, segmented()
    assert dice(found.labels.mask, truth.mask) > 0.88
    assert found.labels.names == NAMES
    for value in (1, 2, 3):
        assert dice(found.labels.array == value, truth.array == value) > 0.85
    assert (found.source, found.kind) == (MarrowSource.ATLAS, MaskKind.MARROW)


def test_trees_know_more_than_votes_of_each_left_out() -> None:
    rows = atlas().left_out
    assert len(rows) == len(SEEDS)
    assert np.mean([row.dice for row in rows]) > np.mean([row.votes_dice for row in rows]) + 0.01
    assert min(row.dice for row in rows) > 0.85


def test_the_estimate_holds_the_truth() -> None:
    found, truth = segmented(), person(STRANGER).marrow.mask
    assert found.estimate is not None
    middle, low, high = found.estimate
    assert low <= dice(found.labels.mask, truth) <= high
    assert abs(middle - dice(found.labels.mask, truth)) < 0.05
    assert found.findings == ()


def test_the_probability_tells_the_mask() -> None:
    found = segmented()
    assert found.probability is not None
    assert 0.0 <= found.probability.min() < found.probability.max() <= 1.0
    inside, outside = found.probability[found.labels.mask], found.probability[~found.labels.mask]
    assert np.mean(inside) > 0.8
    assert np.mean(outside) < 0.2


def test_stored_and_read_back_it_gives_the_same_bits(stored: Path) -> None:
    again = segment_with_atlas(pair_of(*images()), read_atlas(stored))
    assert np.array_equal(again.labels.array, segmented().labels.array)
    assert np.array_equal(again.probability, segmented().probability)
    assert again.estimate == segmented().estimate


def test_gain_and_shading_of_the_study_hardly_count() -> None:
    t1, stir = images()
    ramp = np.linspace(0.7, 1.4, t1.shape[2])
    changed = segment_with_atlas(pair_of(t1 * ramp * 7.0, stir), atlas())
    assert dice(changed.labels.mask, segmented().labels.mask) > 0.96


def test_a_stack_stored_the_other_way_round_gives_the_same_mask() -> None:
    t1, stir = images()
    flips = (0, 2)
    affine = GRID.affine_lps.copy()
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (GRID.shape[axis] - 1)
        affine[:3, axis] *= -1
    grid = VolumeGeometry(affine_lps=affine, shape=GRID.shape)
    turned = segment_with_atlas(pair_of(np.flip(t1, flips), np.flip(stir, flips), grid), atlas())
    assert np.array_equal(np.flip(turned.labels.array, flips), segmented().labels.array)


def test_another_plane_is_refused() -> None:
    t1, stir = images()
    affine = GRID.affine_lps[:, [1, 0, 2, 3]]
    grid = VolumeGeometry(affine_lps=affine, shape=tuple(np.swapaxes(t1, 0, 1).shape))
    with pytest.raises(MaskError, match="another plane") as caught:
        segment_with_atlas(pair_of(np.swapaxes(t1, 0, 1), np.swapaxes(stir, 0, 1), grid), atlas())
    assert caught.value.code == "atlas_other_plane"


def test_what_looks_like_no_subject_is_told_and_has_no_lower_end() -> None:
    noise = np.random.default_rng(3).gamma(4.0, 100.0, GRID.shape)
    found = segment_with_atlas(pair_of(noise, noise), atlas())
    assert [finding.code for finding in found.findings] == ["atlas_foreign"]
    assert found.estimate is not None
    assert found.estimate[1] == 0.0


def test_a_folder_holds_no_pickles_and_no_identity(stored: Path) -> None:
    for file in stored.glob("*.npz"):
        with np.load(file, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype.kind in "uf" for name in arrays.files)
    subjects = json.loads((stored / "atlas.json").read_text())["subjects"]
    assert [subject["name"] for subject in subjects] == [f"atlas_{seed}" for seed in SEEDS]
    assert set(itertools.chain(*subjects)) == {"name", "shape", "spacing_mm", "has_stir"}
    assert isinstance(json.loads((stored / "trees.json").read_text())["threshold"][0], float)


def copied(stored: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in stored.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def edited(folder: Path, **changes: object) -> Path:
    content = json.loads((folder / "atlas.json").read_text())
    (folder / "atlas.json").write_text(json.dumps({**content, **changes}))
    return folder


def test_a_changed_missing_or_newer_atlas_is_refused(stored: Path, tmp_path: Path) -> None:
    def code(folder: Path) -> str:
        with pytest.raises(MaskError) as caught:
            read_atlas(folder)
        assert str(tmp_path) not in str(caught.value)
        return caught.value.code

    assert code(tmp_path) == "atlas_missing"
    one = copied(stored, tmp_path / "one")
    (one / "trees.json").write_text("{}")
    assert code(one) == "atlas_damaged"
    (one / "trees.json").unlink()
    assert code(one) == "atlas_damaged"
    two = copied(stored, tmp_path / "two")
    assert code(edited(two, schema_version=2)) == "atlas_newer"
    assert code(edited(two, schema_version=1, subjects=[])) == "atlas_damaged"
    assert code(edited(copied(stored, tmp_path / "three"), leave_one_out=[])) == "atlas_damaged"
    (two / "atlas.json").write_text("[[")
    assert code(two) == "atlas_damaged"


def test_an_existing_folder_is_not_written_over(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        write_atlas(atlas(), stored)
    assert caught.value.code == "atlas_exists"
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        write_atlas(atlas(), tmp_path / "file" / "a")
    assert caught.value.code == "output_not_writable"


def test_contents_tell_the_leave_one_out_table(stored: Path) -> None:
    contents = read_contents(stored)
    assert [row.dice for row in contents.leave_one_out] == [row.dice for row in atlas().left_out]
    assert contents.label_names == NAMES


def test_stir_is_used_where_the_study_has_one() -> None:
    assert atlas().stir_trees is not None
    assert atlas().stir_trees.features > atlas().trees.features
    alone = segment_with_atlas(replace(pair_of(*images()), stir=None), atlas())
    assert dice(alone.labels.mask, person(STRANGER).marrow.mask) > 0.85
    assert dice(alone.labels.mask, segmented().labels.mask) > 0.9
    assert not np.array_equal(alone.probability, segmented().probability)
