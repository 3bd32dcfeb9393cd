"""The follow-up brought to the baseline by the engine and the court that bring STIR to T1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.align import align_pair
from marrowsignal.alignment.blend import displaced
from marrowsignal.alignment.records import AlignedPair
from marrowsignal.comparison.records import DatesRegistration
from marrowsignal.geometry.volume import LabelVolume, VolumeGeometry
from marrowsignal.protocol.schema import AlignmentSettings, Protocol
from marrowsignal.results.study_result import StudyResult

__all__ = ["baseline_labels_on", "followup_labels_on", "register_dates"]

_INVERSIONS = 6


def register_dates(baseline: StudyResult, followup: StudyResult, *, protocol: Protocol) -> DatesRegistration:
    """Find where the baseline's tissue lies at the follow-up.

    Parameters
    ----------
    baseline, followup : StudyResult
        Analyzed; their T1 series are bias-corrected.
    protocol : Protocol
        Settings of the alignment; between dates a patient may lie far from where he lay.

    Returns
    -------
    DatesRegistration
        Rigid, with the bones that moved on their own. Where the marrow of both dates lies apart, the search starts
        from the headers' positions and from marrow on marrow, and the better match is taken.
    """
    settings = protocol.alignment.model_copy(update={"max_displacement": protocol.change.max_displacement})
    starts = [np.zeros(3)]
    apart = _middle(followup.marrow.labels) - _middle(baseline.marrow.labels)
    if np.linalg.norm(apart) > protocol.change.start_apart.value:
        starts.append(apart)
    found = [_from(baseline, followup, start, settings) for start in starts]
    return max(found, key=lambda one: one.quality.mutual_information_after)


def _from(
    baseline: StudyResult, followup: StudyResult, start_mm: NDArray[np.float64], settings: AlignmentSettings
) -> DatesRegistration:
    there = followup.pair.t1
    moved = there.geometry.affine_lps.copy()
    moved[:3, 3] -= start_mm
    near = replace(there, geometry=VolumeGeometry(affine_lps=moved, shape=there.geometry.shape))
    pair = align_pair(
        baseline.pair.t1,
        near,
        same_frame_of_reference=False,
        settings=settings,
        focus=baseline.marrow.labels if baseline.marrow.labels.mask.any() else None,
    )
    return _registration(pair, start_mm)


def _registration(pair: AlignedPair, start_mm: NDArray[np.float64]) -> DatesRegistration:
    if pair.quality is None or pair.t1_to_stir_lps is None:
        raise AssertionError("two series were aligned")
    back = np.eye(4)
    back[:3, 3] = start_mm
    matrix = back @ pair.t1_to_stir_lps
    points = pair.t1.geometry.to_patient(np.argwhere(pair.body_mask)[::4999])
    moved = displaced(points, matrix, ()) - points
    return DatesRegistration(
        baseline_to_followup_lps=matrix,
        pieces=tuple(replace(piece, t1_to_stir_lps=back @ piece.t1_to_stir_lps) for piece in pair.pieces),
        quality=pair.quality,
        moved_mm=float(np.median(np.linalg.norm(moved, axis=1))) if len(points) else 0.0,
    )


def followup_labels_on(
    grid: VolumeGeometry, labels: LabelVolume, registration: DatesRegistration
) -> NDArray[np.uint16]:
    """Labels of the follow-up on the baseline's grid, never interpolated; 0 outside."""
    array = np.zeros(grid.shape, np.uint16)
    for index in range(grid.shape[0]):
        there = displaced(_points(grid, index), registration.baseline_to_followup_lps, registration.pieces)
        array[index] = _at(labels, there).reshape(grid.shape[1:])
    return array


def baseline_labels_on(
    grid: VolumeGeometry, labels: LabelVolume, registration: DatesRegistration
) -> NDArray[np.uint16]:
    """Labels of the baseline on the follow-up's grid, never interpolated; 0 outside."""
    array = np.zeros(grid.shape, np.uint16)
    for index in range(grid.shape[0]):
        array[index] = _at(labels, _inverse(_points(grid, index), registration)).reshape(grid.shape[1:])
    return array


def _inverse(points: NDArray[np.float64], registration: DatesRegistration) -> NDArray[np.float64]:
    """Where the follow-up's points lay at baseline; pieces make it a fixed point, reached in a few steps."""
    back = np.asarray(np.linalg.inv(registration.baseline_to_followup_lps), np.float64)
    here = displaced(points, back, ())
    for _ in range(_INVERSIONS if registration.pieces else 0):
        miss = points - displaced(here, registration.baseline_to_followup_lps, registration.pieces)
        here = here + miss @ back[:3, :3].T
    return here


def _points(grid: VolumeGeometry, index: int) -> NDArray[np.float64]:
    rows, columns = np.indices(grid.shape[1:])
    return grid.to_patient(np.stack([np.full_like(rows, index), rows, columns], axis=-1).reshape(-1, 3))


def _at(labels: LabelVolume, points: NDArray[np.float64]) -> NDArray[np.uint16]:
    index = np.rint(labels.geometry.to_index(points)).astype(np.int64)
    inside = np.all((index >= 0) & (index < labels.geometry.shape), axis=1)
    found = np.zeros(len(points), np.uint16)
    found[inside] = labels.array[tuple(index[inside].T)]
    return found


def _middle(labels: LabelVolume) -> NDArray[np.float64]:
    voxels = np.argwhere(labels.mask)
    middle = voxels.mean(axis=0) if len(voxels) else (np.asarray(labels.geometry.shape) - 1) / 2
    return labels.geometry.to_patient(middle)
