"""A voxel model of phantom people's lesions finds those of another one; nothing but tissue and anatomy counts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from marrowsignal.errors import MaskError
from marrowsignal.geometry import VolumeGeometry
from marrowsignal.learned_lesions.learn import learn_lesions
from marrowsignal.learned_lesions.storage import model_files
from marrowsignal.marrow.atlas.trees import Trees
from marrowsignal.signals import measure_signals
from tests.learned_lesions.people import (
    LEAST_ML,
    PEOPLE,
    STRANGER,
    model,
    noisy,
    proposed,
    settings,
    subjects,
    true_lesions,
    view_of,
)
from tests.signals.scene import Scene, dice


def found_in(scene: Scene) -> np.ndarray:
    proposal = proposed(scene, model())
    return proposal.probability >= proposal.cut


def flipped(scene: Scene) -> Scene:
    """The same study with slices and rows stored the other way round."""
    old = scene.pair.t1.geometry
    affine = old.affine_lps.copy()
    for axis in (0, 1):
        affine[:3, 3] += affine[:3, axis] * (old.shape[axis] - 1)
        affine[:3, axis] *= -1
    grid = VolumeGeometry(affine_lps=affine, shape=old.shape)

    def turn(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array[::-1, ::-1])

    def on_grid(volume: object) -> object:
        return replace(volume, array=turn(volume.array), geometry=grid)

    pair = replace(
        scene.pair,
        t1=on_grid(scene.pair.t1),
        stir=on_grid(scene.pair.stir),
        covered_mask=turn(scene.pair.covered_mask),
        body_mask=turn(scene.pair.body_mask),
    )
    marrow = replace(scene.marrow, labels=on_grid(scene.marrow.labels), core_mask=turn(scene.marrow.core_mask))
    regions = replace(scene.regions, labels=on_grid(scene.regions.labels), joint_mask=turn(scene.regions.joint_mask))
    references = replace(scene.references, labels=on_grid(scene.references.labels))
    return replace(scene, pair=pair, marrow=marrow, regions=regions, references=references)


def test_a_strangers_lesions_are_found() -> None:
    scene = noisy(*STRANGER)
    assert dice(found_in(scene), true_lesions(scene)) > 0.8


def test_the_model_says_how_well_it_does_on_subjects_it_has_not_seen() -> None:
    rows = model().left_out
    assert [row.name for row in rows] == [f"atlas_{n}" for n in range(1, len(PEOPLE) + 1)]
    assert min(row.dice for row in rows) > 0.7
    assert all(row.reads_dice is not None and row.reads_dice > row.dice - 0.2 for row in rows)
    assert all(0 < row.lesions_found <= row.lesions for row in rows)
    assert all(row.found_ml == pytest.approx(row.read_ml, rel=0.5) for row in rows)


def test_a_subject_left_out_is_judged_by_a_model_that_never_saw_it() -> None:
    """Its row is the same whatever its reads say, but for the reads themselves."""
    given = subjects()
    elsewhere = replace(given[0], reads=np.ascontiguousarray(given[0].reads[:, ::-1]))
    told = learn_lesions((elsewhere, *given[1:]), settings=settings(), least_ml=LEAST_ML, tell=lambda _line: None)
    assert told.left_out[0].found_ml == model().left_out[0].found_ml
    assert told.left_out[0].dice < model().left_out[0].dice - 0.2


def test_the_same_labels_give_the_same_bits() -> None:
    again = learn_lesions(subjects(), settings=settings(), least_ml=LEAST_ML, tell=lambda _line: None)
    assert model_files(again) == model_files(model())


def test_trees_kept_as_text_judge_alike_to_the_bit() -> None:
    features = np.random.default_rng(0).normal(size=(500, model().first.features)).astype(np.float32)
    kept = Trees.from_text(model_files(model())["lesion_trees_first.json"])
    assert np.array_equal(kept.probability(features), model().first.probability(features))


@pytest.mark.parametrize("gains", [(4.0, 4.0), (0.5, 8.0)])
def test_gain_of_the_series_does_not_count(gains: tuple[float, float]) -> None:
    scene = noisy(*STRANGER)
    t1, stir = (v.array * np.float32(gain) for v, gain in zip((scene.pair.t1, scene.pair.stir), gains, strict=True))
    assert dice(found_in(scene.with_signal(t1, stir)), found_in(scene)) > 0.98


def test_order_of_slices_and_rows_does_not_count() -> None:
    scene = noisy(*STRANGER)
    assert dice(found_in(flipped(scene))[::-1, ::-1], found_in(scene)) > 0.98


def test_nothing_is_judged_outside_marrow_or_far_from_anything_bright() -> None:
    scene = noisy(*STRANGER)
    probability = proposed(scene, model()).probability
    view = view_of(scene)
    looked = np.zeros(scene.marrow.labels.mask.shape, bool)
    looked[view.box] = view.looked_at
    assert not probability[~looked].any()
    assert not (looked & ~scene.marrow.labels.mask).any()


def test_lesions_measured_are_those_proposed_and_say_so() -> None:
    scene = noisy(*STRANGER)
    proposal = proposed(scene, model())
    signals = measure_signals(
        scene.pair, scene.marrow, scene.regions, scene.references, protocol=scene.protocol, proposal=proposal
    )
    assert signals.lesion_labels is not None
    assert signals.lesions
    assert not (signals.lesion_labels.mask & (proposal.probability < proposal.cut)).any()
    assert "voxel model of 3 labelled studies" in proposal.made_by
    assert f"{model().left_out_dice:.2f} on average" in proposal.quality_note


def test_a_study_without_muscle_is_judged_with_the_usual_level() -> None:
    scene = noisy(*STRANGER).without_reference("muscle")
    assert view_of(scene).muscle is None
    assert dice(found_in(scene), true_lesions(scene)) > 0.7


def test_too_few_studies_with_lesions_are_refused() -> None:
    def code(*given: object) -> str:
        with pytest.raises(MaskError) as caught:
            learn_lesions(given, settings=settings(), least_ml=LEAST_ML, tell=lambda _line: None)
        return caught.value.code

    first, second, third = subjects()
    nothing = replace(third, reads=np.zeros_like(third.reads), read_voxels=(0, 0))
    assert code(first, second) == "lesions_too_few"
    assert code(first, second, nothing) == "lesions_too_few"
    without = [replace(s, view=replace(s.view, muscle=None)) for s in (first, second, third)]
    assert code(*without) == "lesions_no_muscle"


def test_the_files_are_text_without_identity() -> None:
    files = model_files(model())
    assert set(files) == {"lesions.json", "lesion_trees_first.json", "lesion_trees_second.json"}
    told = json.loads(files["lesions.json"])
    assert set(told) == {"schema_version", "cut", "muscle", "leave_one_out", "settings"}
    assert all(isinstance(json.loads(content), dict) for content in files.values())
