"""Studies for the gates: a known pelvis, its headers, and all gates over it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.dicom.records import Series, SeriesIdentity, SeriesPair
from marrowsignal.quality import QualityReport, check_quality
from marrowsignal.signals import Signals
from tests.signals.scene import GRID, Scene, build_scene


def usual() -> Scene:
    """A pelvis with a focus of edema, some noise and air above the back; all gates pass that can."""
    scene = build_scene("focal_edema")
    return replace(scene, references=replace(scene.references, noise_t1=20.0, noise_stir=3.0))


def headers(scene: Scene) -> SeriesPair:
    """Headers that say everything."""
    made = [_series(scene, name) for name in ("T1", "STIR")]
    return SeriesPair(t1=made[0], stir=made[1], reasons=())


def told(scene: Scene) -> Scene:
    """The same with complete facts of acquisition."""
    return scene.with_acquisition(
        image_type=("ORIGINAL", "PRIMARY", "M", "NORM"), slice_thickness_mm=3.6, patient_position="HFS"
    )


def checked(scene: Scene, series: SeriesPair | None = None, signals: Signals | None = None) -> QualityReport:
    """All gates."""
    measured = scene.measure() if signals is None else signals
    steps = (scene.pair, scene.marrow, scene.regions, scene.references, measured)
    return check_quality(series, *steps, protocol=scene.protocol)


def with_images(scene: Scene, t1: NDArray | None = None, stir: NDArray | None = None) -> Scene:
    """Other images, the same references: what a gate sees must be in the image."""
    pair = scene.pair
    if t1 is not None:
        pair = replace(pair, t1=replace(pair.t1, array=t1))
    if stir is not None:
        pair = replace(pair, stir=replace(pair.stir, array=stir))
    return replace(scene, pair=pair)


def with_air(scene: Scene, *, ghost: float = 0.0, noise: float = 0.02) -> Scene:
    """The outer thirds of the columns as air with noise; a ghost of so many times muscle in some rows."""
    rng = np.random.default_rng(3)
    columns = np.arange(GRID.shape[2])
    air = np.broadcast_to((columns < 30) | (columns >= GRID.shape[2] - 30), GRID.shape)
    rows = (np.arange(GRID.shape[1]) // 8 % 5 == 0)[None, :, None]
    images = []
    for image, muscle in (
        (scene.pair.t1.array, scene.references.muscle.t1),
        (scene.pair.stir.array, scene.references.muscle.stir),
    ):
        empty = muscle * (rng.rayleigh(noise, GRID.shape) + ghost * rows)
        images.append(np.where(air, empty, image).astype(np.float32))
    spoilt = with_images(scene, *images)
    labels = np.where(air, 0, scene.references.labels.array)
    references = replace(scene.references, labels=replace(scene.references.labels, array=labels))
    return replace(spoilt, pair=replace(spoilt.pair, body_mask=~air), references=references)


def _series(scene: Scene, name: str) -> Series:
    volume = scene.pair.t1 if name == "T1" else scene.pair.stir
    return Series(
        series_instance_uid=f"2.25.{name == 'STIR':d}",
        study_instance_uid="2.25.9",
        frame_of_reference_uid="2.25.8",
        series_number=1,
        description="",
        identity=SeriesIdentity.T1 if name == "T1" else SeriesIdentity.STIR,
        identity_score=1.0,
        usable=True,
        reasons=(),
        acquisition=volume.acquisition,
        rows=GRID.shape[1],
        columns=GRID.shape[2],
        slices=GRID.shape[0],
        spacing_mm=GRID.spacing_mm,
        orientation="coronal-oblique",
        transfer_syntax="Explicit VR Little Endian",
        sources=(),
        geometry=GRID,
        laterality="B",
    )
