"""One phantom pelvis on two dates: the patient lies elsewhere, the gain differs, the marrow changed as asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.comparison import Comparison, compare_studies
from marrowsignal.geometry.volume import LabelVolume, SignalVolume, VolumeGeometry
from marrowsignal.patterns import classify
from marrowsignal.quality.records import QualityReport
from marrowsignal.results.provenance import Provenance
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import build_gate, build_result
from tests.signals.scene import Scene, build_scene

# Turned by three degrees about the head's axis, and moved.
LIES = np.array(
    [
        [np.cos(0.052), -np.sin(0.052), 0.0, 7.0],
        [np.sin(0.052), np.cos(0.052), 0.0, -4.0],
        [0.0, 0.0, 1.0, 5.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
_NO_PROVENANCE = Provenance(
    version="0",
    libraries=(),
    python="3",
    protocol_sha256="a",
    series_rules_sha256="b",
    input_sha256="c",
    mask_sha256=None,
    finished_at="",
    step_times=(),
)


@cache
def study(edema_ml: float = 0.0, *, fat_lost: float = 0.0, moved: bool = False, days: int = 0) -> StudyResult:
    """A normal pelvis with a ball of edema in the left half of the sacrum, or some of its marrow fat gone."""
    scene = build_scene("normal")
    if edema_ml:
        scene = scene.with_edema(ball_of_edema(scene, edema_ml))
    if fat_lost:
        scene = scene.with_less_fat(fat_lost)
    if moved:
        scene = _moved(scene)
    series = build_result().series
    seen = [
        replace(
            one, geometry=scene.pair.t1.geometry, acquisition=facts, acquired_at=f"202001{1 + days:02d}", person="p"
        )
        for one, facts in (
            (series.t1, scene.pair.t1.acquisition),
            (series.stir, scene.pair.stir.acquisition),
        )
    ]
    signals = scene.measure()
    quality = QualityReport(gates=tuple(build_gate("residual_shading", series=name) for name in ("T1", "STIR")))
    return StudyResult(
        case=f"edema{edema_ml:g}",
        protocol=scene.protocol,
        series=replace(series, t1=seen[0], stir=seen[1]),
        pair=scene.pair,
        marrow=scene.marrow,
        regions=scene.regions,
        references=scene.references,
        signals=signals,
        quality=quality,
        call=classify(scene.pair, signals, quality=quality, protocol=scene.protocol),
        provenance=_NO_PROVENANCE,
    )


@cache
def compared(first: float, second: float, *, fat_lost: float = 0.0) -> Comparison:
    """Compare two dates; the patient lies elsewhere at the second, twenty days later."""
    return compare_studies(study(first), study(second, fat_lost=fat_lost, moved=True, days=20))


def ball_of_edema(scene: Scene, volume_ml: float) -> NDArray[np.float64]:
    """Share of edema water: a ball of about that volume where the left half of the sacrum is deepest."""
    grid, mask = scene.pair.t1.geometry, scene.regions.labels.array == 1
    depth = ndimage.distance_transform_edt(scene.marrow.labels.mask, sampling=grid.spacing_mm)
    middle = grid.to_patient(np.unravel_index(np.argmax(np.where(mask, depth, 0.0)), depth.shape))
    order = np.sort(np.linalg.norm(grid.to_patient(np.argwhere(mask)) - middle, axis=1))
    radius = order[round(volume_ml / grid.voxel_ml)]
    everywhere = np.stack([grid.patient_axis(axis) for axis in range(3)], axis=-1)
    return np.where(np.linalg.norm(everywhere - middle, axis=-1) <= radius, 0.65, 0.0)


def _moved(scene: Scene) -> Scene:
    """The same voxels of a patient who lies elsewhere, at another gain."""
    there = scene.pair.t1.geometry
    grid = VolumeGeometry(affine_lps=LIES @ there.affine_lps, shape=there.shape)
    midline = scene.regions.midline
    normal = LIES[:3, :3] @ np.asarray(midline.normal_lps)

    def on(labels: LabelVolume) -> LabelVolume:
        return replace(labels, geometry=grid)

    def at(series: SignalVolume, gain: float) -> SignalVolume:
        return replace(series, array=gain * series.array, geometry=grid)

    references = scene.references
    levels = {
        key: replace(one, t1=2.0 * one.t1, stir=0.6 * one.stir)
        for key in ("muscle", "fat", "normal_marrow")
        for one in (getattr(references, key),)
    }
    return replace(
        scene,
        pair=replace(scene.pair, t1=at(scene.pair.t1, 2.0), stir=at(scene.pair.stir, 0.6)),
        marrow=replace(scene.marrow, labels=on(scene.marrow.labels)),
        regions=replace(
            scene.regions,
            labels=on(scene.regions.labels),
            midline=replace(
                midline,
                normal_lps=tuple(float(x) for x in normal),
                offset_mm=midline.offset_mm + float(normal @ LIES[:3, 3]),
            ),
        ),
        references=replace(references, labels=on(references.labels), **levels),
    )
