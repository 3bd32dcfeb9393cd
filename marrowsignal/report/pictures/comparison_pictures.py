"""Slices of both dates side by side, lesions outlined by what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.comparison.records import CommonSpace, Comparison, LesionChange, LesionChangeState
from marrowsignal.geometry.volume import LabelVolume, SignalVolume
from marrowsignal.report.pictures import figures as fig
from marrowsignal.report.pictures.orientation import DisplayOrientation, display_orientation, slice_position
from marrowsignal.report.pictures.scene import Panel, Picture
from marrowsignal.report.pictures.slices import SliceChoice, choose_slices

__all__ = ["comparison_pictures", "outline_kind"]

_STATES = (
    LesionChangeState.NEW,
    LesionChangeState.LARGER,
    LesionChangeState.GONE,
    LesionChangeState.SMALLER,
)
Labels = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shown:
    """One series of one date."""

    key: str
    title: str
    volume: SignalVolume
    window: fig.Window
    lesions: Labels


def comparison_pictures(comparison: Comparison) -> tuple[Picture, ...]:
    """Make the pictures of a comparison; none where it was closed before the registration.

    Parameters
    ----------
    comparison : Comparison
        Two dates.

    Returns
    -------
    tuple of Picture
        On the baseline's slices: T1 of both dates, then STIR of both, each date with its own lesions.
    """
    space = comparison.space
    if space is None:
        return ()
    marrow = space.regions.mask
    shown = _shown(comparison.baseline.pair, space, marrow)
    changed = _both(space, marrow.shape)
    orientation = display_orientation(comparison.baseline.pair.t1.geometry)
    where = marrow if marrow.any() else comparison.baseline.pair.body_mask
    crop = fig.crop_around(where, orientation)
    kinds = {one.number: outline_kind(one) for one in comparison.lesions or ()}
    return tuple(
        _picture(comparison, choice, shown, (orientation, crop), kinds) for choice in choose_slices(marrow, changed)
    )


def outline_kind(one: LesionChange) -> str:
    """Return the class of a lesion's outline: its state where it is a change beyond repeatability, else stable.

    Lesions that merged or split are outlined by what became of their volume.
    """
    if not one.counts:
        return "change-stable"
    if one.state in _STATES:
        return f"change-{one.state.value}"
    return "change-larger" if (one.followup_ml or 0.0) > (one.baseline_ml or 0.0) else "change-smaller"


def _both(space: CommonSpace, shape: tuple[int, ...]) -> Labels:
    """Lesions of either date by number: what the slices are chosen by."""
    changed = np.zeros(shape, np.uint16)
    for labels in (space.baseline_changes, space.followup_changes):
        if labels is not None:
            changed = np.where(labels.array > 0, labels.array, changed)
    return changed


def _shown(here: AlignedPair, space: CommonSpace, marrow: NDArray[np.bool_]) -> tuple[_Shown, ...]:
    dates = (
        ("baseline", "baseline", here, space.baseline_changes),
        ("followup", "follow-up", space.followup, space.followup_changes),
    )
    return tuple(
        _Shown(
            key=f"{date}-{series}",
            title=f"{name}, {words}",
            volume=volume,
            window=fig.body_window(volume.array, pair.body_mask & pair.covered_mask, marrow),
            lesions=_array(labels, marrow.shape),
        )
        for series, name in (("t1", "T1"), ("stir", "STIR"))
        for date, words, pair, labels in dates
        for volume in (pair.t1 if series == "t1" else pair.stir,)
        if volume is not None
    )


def _array(labels: LabelVolume | None, shape: tuple[int, ...]) -> Labels:
    return np.zeros(shape, np.uint16) if labels is None else labels.array


def _picture(
    comparison: Comparison,
    choice: SliceChoice,
    shown: tuple[_Shown, ...],
    shown_as: tuple[DisplayOrientation, fig.Crop],
    kinds: dict[int, str],
) -> Picture:
    orientation, crop = shown_as
    geometry = comparison.baseline.pair.t1.geometry
    index = choice.index
    where = slice_position(geometry, index, orientation.plane)
    panels = []
    for series in shown:
        plane = series.lesions[index]
        levels = fig.grey_levels(orientation.apply(series.volume.array[index]), series.window)
        panels.append(
            Panel(
                title=series.title,
                alt=f"{series.title}, slice {index + 1}, lesions outlined by what became of them",
                image_id=f"{series.key}-{index}",
                uri=fig.image_uri(levels, crop),
                outlines=_outlines(plane, kinds, shown_as),
                tags=fig.lesion_tags(plane, orientation, crop),
            )
        )
    return Picture(
        heading=f"Slice {index + 1} of {geometry.shape[0]}, {where}: {choice.reason}",
        frame=fig.frame_of(orientation, crop),
        panels=tuple(panels),
    )


def _outlines(
    plane: Labels, kinds: dict[int, str], shown_as: tuple[DisplayOrientation, fig.Crop]
) -> tuple[fig.Outline, ...]:
    orientation, crop = shown_as
    present = [int(number) for number in np.unique(plane) if number > 0]
    lines = (
        fig.Outline(kind=kinds.get(number, "change-stable"), path=fig.contour_path(plane == number, orientation, crop))
        for number in present
    )
    return tuple(line for line in lines if line.path)
