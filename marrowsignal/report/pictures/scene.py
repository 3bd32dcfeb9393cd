"""What every picture of a page is drawn from, and the form it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import SignalVolume
from marrowsignal.report.pictures import figures as fig
from marrowsignal.report.pictures.orientation import DisplayOrientation, display_orientation, slice_position
from marrowsignal.results.study_result import StudyResult

__all__ = ["Panel", "Picture", "Scene", "scene_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One view of one slice.

    Attributes
    ----------
    title, alt : str
        What is shown.
    image_id : str
        Identifier of the grey image; two panels of one slice share it.
    uri : str
        The image, given by the first panel that uses `image_id`; empty in the others.
    outlines : tuple of Outline
        Lines over it.
    tags : tuple of Tag
        Numbers over it.
    """

    title: str
    alt: str
    image_id: str
    uri: str = ""
    outlines: tuple[fig.Outline, ...] = ()
    tags: tuple[fig.Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Panels of one slice that share a frame."""

    heading: str
    frame: fig.Frame
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """One series of the page: T1 first, then STIR where there is one."""

    key: str
    name: str
    title: str
    volume: SignalVolume
    window: fig.Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One result as the page shows it.

    Attributes
    ----------
    result : StudyResult
        The study.
    orientation : DisplayOrientation
        How stored slices are shown.
    lesions : ndarray of uint16, shape (slice, row, column)
        Lesion labels; all 0 where there are none.
    shown : tuple
        T1, then STIR where there is one, with the window of each.
    """

    result: StudyResult
    orientation: DisplayOrientation
    lesions: NDArray[np.uint16]
    shown: tuple[_Shown, ...]

    def levels(self, index: int) -> tuple[NDArray[np.uint8], ...]:
        """Return a slice of each series as grey levels, as it is shown."""
        return tuple(
            fig.grey_levels(self.orientation.apply(series.volume.array[index]), series.window) for series in self.shown
        )

    def heading(self, index: int, why: str) -> str:
        """Say which slice it is, where it lies and why it is shown."""
        geometry = self.result.pair.t1.geometry
        where = slice_position(geometry, index, self.orientation.plane)
        return f"Slice {index + 1} of {geometry.shape[0]}, {where}: {why}"


def scene_of(result: StudyResult) -> Scene:
    """Gather what the pictures of a study are drawn from.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    pair = result.pair
    marrow = result.marrow.labels.mask
    lesions = result.signals.lesion_labels
    return Scene(
        result=result,
        orientation=display_orientation(pair.t1.geometry),
        lesions=np.zeros(marrow.shape, np.uint16) if lesions is None else lesions.array,
        shown=_shown_series(pair, marrow),
    )


def _shown_series(pair: AlignedPair, marrow: NDArray[np.bool_]) -> tuple[_Shown, ...]:
    seen = pair.body_mask & pair.covered_mask
    return tuple(
        _Shown(key=key, name=name, title=title, volume=volume, window=fig.body_window(volume.array, where, marrow))
        for key, name, title, volume, where in (
            ("t1", "T1", "T1", pair.t1, pair.body_mask),
            ("stir", "STIR", "STIR on T1", pair.stir, seen),
        )
        if volume is not None
    )
