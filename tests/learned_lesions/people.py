"""Phantom people whose lesions two readers marked, as subjects of a voxel model."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from marrowsignal.learned_lesions import propose_lesions
from marrowsignal.learned_lesions.learn import learn_lesions
from marrowsignal.learned_lesions.records import LabelledLesions, LesionModel
from marrowsignal.learned_lesions.storage import StoredModel
from marrowsignal.learned_lesions.studies import subject_of
from marrowsignal.learned_lesions.view import LesionView, view_lesions
from marrowsignal.protocol import load_protocol
from marrowsignal.protocol.schema import LesionModelSettings
from marrowsignal.signals.records import LesionProposal
from tests.signals.scene import GRID, Scene, build_scene

PEOPLE = (("focal_edema", 1), ("bilateral_edema", 2), ("focal_edema", 3))
STRANGER = ("focal_edema", 7)
NOISE = 0.03
LEAST_ML = 0.1


@cache
def settings() -> LesionModelSettings:
    """The shipped settings with fewer samples and trees, for speed."""
    shipped = load_protocol("generic").lesion_model
    small = {"samples": 2000.0, "trees": 15.0, "folds": 2.0}
    return shipped.model_copy(
        update={key: getattr(shipped, key).model_copy(update={"value": value}) for key, value in small.items()}
    )


@cache
def noisy(name: str, seed: int) -> Scene:
    """A person with noise: without it normal marrow has hardly a spread."""
    scene = build_scene(name, seed=seed)
    assert scene.pair.stir is not None
    rng = np.random.default_rng(seed)
    t1, stir = (
        np.abs(image * (1 + NOISE * rng.standard_normal(image.shape))).astype(np.float32)
        for image in (scene.pair.t1.array, scene.pair.stir.array)
    )
    return scene.with_signal(t1, stir)


def true_lesions(scene: Scene) -> NDArray[np.bool_]:
    return scene.maps.lesion.mask & scene.marrow.labels.mask


def view_of(scene: Scene) -> LesionView:
    view = view_lesions(
        scene.pair, scene.marrow, scene.regions, scene.references, protocol=scene.protocol, settings=settings()
    )
    assert view is not None
    return view


def subject(number: int, name: str, seed: int) -> LabelledLesions:
    """Two reads: the truth, and the truth without its lowest slice."""
    scene = noisy(name, seed)
    one = true_lesions(scene)
    other = one.copy()
    other[np.flatnonzero(one.any(axis=(1, 2)))[0]] = False
    return subject_of(f"atlas_{number}", view_of(scene), np.stack([one, other]), voxel_ml=GRID.voxel_ml)


@cache
def subjects() -> tuple[LabelledLesions, ...]:
    return tuple(subject(number, *who) for number, who in enumerate(PEOPLE, start=1))


@cache
def model() -> LesionModel:
    return learn_lesions(subjects(), settings=settings(), least_ml=LEAST_ML, tell=lambda _line: None)


def stored(of: LesionModel) -> StoredModel:
    return StoredModel(model=of, sha256="0" * 64, version="0.0.0")


def proposed(scene: Scene, of: LesionModel) -> LesionProposal:
    found = propose_lesions(
        scene.pair, scene.marrow, scene.regions, scene.references, stored=stored(of), protocol=scene.protocol
    )
    assert found is not None
    return found
