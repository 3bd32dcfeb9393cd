"""From a study to the votes of an atlas: placed, each subject warped, votes fused."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from marrowsignal.marrow.atlas.features import Seen
from marrowsignal.marrow.atlas.frame import centred_image
from marrowsignal.marrow.atlas.fusion import Votes, Warped, fuse
from marrowsignal.marrow.atlas.placing import Region, Tilt, correlation, moved, place
from marrowsignal.marrow.atlas.study_view import Study, StudyView
from marrowsignal.marrow.atlas.template import Template
from marrowsignal.marrow.atlas.warping import deform
from marrowsignal.protocol.schema import AtlasSettings
from marrowsignal.threads import pool_threads

__all__ = ["Ballot", "Voter", "hold_ballot", "most_reach", "most_tilt"]

# The field of the deformation must reach beyond the voxels it is asked for.
_MARGIN_VOXELS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voter:
    """One labelled subject ready to vote.

    Attributes
    ----------
    view : StudyView
        Its images.
    labels : ndarray of uint16, shape (slice, row, column)
        The expert's.
    number : int
        Its place in the template.
    """

    view: StudyView
    labels: NDArray[np.uint16]
    number: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ballot:
    """The votes over one study.

    Attributes
    ----------
    box : tuple of slice
        The part of the study's grid that votes are about; there is no marrow outside.
    seen : Seen
        The study and the votes in the box.
    placed : float
        Correlation with the template.
    """

    box: tuple[slice, slice, slice]
    seen: Seen
    placed: float

    @property
    def votes(self) -> Votes:
        """The votes in the box."""
        return self.seen.votes


def hold_ballot(
    study: Study,
    voters: Sequence[Voter],
    template: Template,
    *,
    settings: AtlasSettings,
    left_out: int | None = None,
) -> Ballot:
    """Let an atlas vote over a study; the same bits whatever the number of threads.

    Parameters
    ----------
    study : Study
        On the atlas' axes.
    voters : sequence of Voter
        Subjects that may vote; the most alike are taken.
    template : Template
        Where the voters lie.
    settings : AtlasSettings
        Of the atlas.
    left_out : int, optional
        The subject that is the study itself.
    """
    view = study.view
    target = template.without(left_out)
    to_template, placed = place(
        Region.whole(view.coarse), target, reach_mm=most_reach(settings), tilt=most_tilt(settings, template)
    )
    prior = template.prior(left_out)
    box = _box(moved(prior, view.full, to_template) > 0, view, settings)
    grid, working = _cut(view, box)
    chosen = _most_alike(view, voters, template, to_template, settings)

    def warp(voter: Voter) -> Warped:
        start = _chain(to_template, template.to_subject[voter.number])
        return _warped(voter, grid, deform(working, voter.view.working, start))

    with ThreadPoolExecutor(pool_threads()) as pool:
        warped = list(pool.map(warp, chosen))
    votes = fuse(
        study.contrasts[0][box],
        warped,
        window=_window(view, settings.fusion_window.value),
        floor=settings.fusion_floor.value,
        power=settings.fusion_power.value,
    )
    seen = Seen(
        contrasts=tuple(contrast[box] for contrast in study.contrasts),
        wide=study.wide[box],
        votes=votes,
        prior=moved(prior, grid, to_template).astype(np.float32),
        place_mm=_places(grid, to_template),
        bones=tuple(share[box] for share in study.bones),
        spacing_mm=view.spacing_mm,
    )
    return Ballot(box=box, seen=seen, placed=placed)


def most_reach(settings: AtlasSettings) -> tuple[float, float, float]:
    """Largest shift that is looked for, by slice, row, column, mm."""
    return settings.search_slices.value, settings.search_in_plane.value, settings.search_in_plane.value


def most_tilt(settings: AtlasSettings, template: Template) -> Tilt:
    """Rotations about the patient's transverse axis that are tried."""
    most = settings.search_tilt.value
    return Tilt(axis=template.transverse_axis, degrees=(-most, -most / 2, 0.0, most / 2, most))


def _chain(first: sitk.AffineTransform, then: sitk.AffineTransform) -> sitk.AffineTransform:
    chain = sitk.AffineTransform(3)
    a, b = (np.asarray(t.GetMatrix()).reshape(3, 3) for t in (first, then))
    chain.SetMatrix((b @ a).ravel().tolist())
    chain.SetTranslation((b @ np.asarray(first.GetTranslation()) + np.asarray(then.GetTranslation())).tolist())
    return chain


def _box(near: NDArray[np.bool_], view: StudyView, settings: AtlasSettings) -> tuple[slice, slice, slice]:
    """Bounds of what may be marrow, with a margin in plane; a whole small box where nothing may."""
    if not near.any():
        near = np.ones_like(near)
    margins = (view.spacing_mm[0], settings.contrast_reach.value, settings.contrast_reach.value)
    bounds = []
    for axis, (margin, d) in enumerate(zip(margins, view.spacing_mm, strict=True)):
        hit = np.flatnonzero(near.any(axis=tuple(a for a in range(3) if a != axis)))
        wider = round(margin / d)
        bounds.append(slice(max(0, int(hit[0]) - wider), min(near.shape[axis], int(hit[-1]) + wider + 1)))
    return bounds[0], bounds[1], bounds[2]


def _cut(view: StudyView, box: tuple[slice, slice, slice]) -> tuple[sitk.Image, sitk.Image]:
    """Cut the study's own grid to the box, and the working grid a little beyond."""
    s, r, c = box
    grid = view.full[c.start : c.stop, r.start : r.stop, s.start : s.stop]
    ends = [
        view.working.TransformPhysicalPointToContinuousIndex(grid.TransformIndexToPhysicalPoint(index))
        for index in ((0, 0, 0), tuple(n - 1 for n in grid.GetSize()))
    ]
    low, high = np.floor(np.min(ends, axis=0)), np.ceil(np.max(ends, axis=0))
    first = np.maximum(low - _MARGIN_VOXELS, 0).astype(int).tolist()
    last = np.minimum(high + _MARGIN_VOXELS + 1, view.working.GetSize()).astype(int).tolist()
    return grid, view.working[first[0] : last[0], first[1] : last[1], first[2] : last[2]]


def _most_alike(
    view: StudyView,
    voters: Sequence[Voter],
    template: Template,
    to_template: sitk.AffineTransform,
    settings: AtlasSettings,
) -> list[Voter]:
    """Choose the voters that look most like the study after affine alignment, in their own order."""
    most = int(settings.most_subjects.value)
    if len(voters) <= most:
        return list(voters)
    near = moved(template.without().mask, view.coarse, to_template, nearest=True) > 0
    still = sitk.GetArrayViewFromImage(view.coarse)

    def likeness(voter: Voter) -> float:
        start = _chain(to_template, template.to_subject[voter.number])
        return correlation(still, moved(voter.view.coarse, view.coarse, start), near)

    ranked = sorted(range(len(voters)), key=lambda n: (-likeness(voters[n]), n))
    return [voters[n] for n in sorted(ranked[:most])]


def _warped(voter: Voter, grid: sitk.Image, transform: sitk.Transform) -> Warped:
    view = voter.view
    inside = centred_image((voter.labels > 0).astype(np.float32), view.spacing_mm)
    labels = centred_image(voter.labels, view.spacing_mm)
    return Warped(
        contrast=moved(view.full, grid, transform).astype(np.float32),
        share=moved(inside, grid, transform).astype(np.float32),
        labels=moved(labels, grid, transform, nearest=True).astype(np.uint16),
        field=moved(Region.whole(view.full).mask, grid, transform, nearest=True) > 0,
    )


def _window(view: StudyView, edge_mm: float) -> tuple[int, int, int]:
    s, r, c = (2 * round(edge_mm / d / 2) + 1 for d in view.spacing_mm)
    return s, r, c


def _places(
    grid: sitk.Image, to_template: sitk.AffineTransform
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Point of the template (column, row, slice) of every voxel, mm."""
    origin, spacing = np.asarray(grid.GetOrigin()), np.asarray(grid.GetSpacing())
    columns, rows, slices = (o + np.arange(n) * d for o, n, d in zip(origin, grid.GetSize(), spacing, strict=True))
    matrix = np.asarray(to_template.GetMatrix()).reshape(3, 3)
    shift = np.asarray(to_template.GetTranslation())

    def along(axis: int) -> NDArray[np.float32]:
        a, b, c = matrix[axis]
        point = a * columns[None, None, :] + b * rows[None, :, None] + c * slices[:, None, None] + shift[axis]
        return np.asarray(point, dtype=np.float32)

    return along(0), along(1), along(2)
