"""The series of the viewer, with what is known about their signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.quality.records import Consequence
from marrowsignal.report.pictures.figures import Window
from marrowsignal.report.pictures.scene import scene_of
from marrowsignal.report.viewer.packed_series import PackedSeries, SourceSeries
from marrowsignal.report.views.wording import number
from marrowsignal.results.study_result import StudyResult

__all__ = ["ShownSeries", "grey_note", "shown_series"]

_MARROW_PERCENTILES = (1.0, 99.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownSeries:
    """One series of the viewer.

    Attributes
    ----------
    key, name, title : str
        Identifier and words.
    source : SourceSeries
        Its signal.
    window : Window
        That of the page's pictures.
    marrow_window : Window or None
        That of marrow alone; None without marrow.
    muscle : float or None
        Signal of muscle; None when it was not measured.
    untold : str
        Why no signal is told for single voxels; empty where it is.
    muscle_reason : str
        Why there is no signal of muscle; empty where there is.
    """

    key: str
    name: str
    title: str
    source: SourceSeries
    window: Window
    marrow_window: Window | None
    muscle: float | None
    untold: str
    muscle_reason: str


def shown_series(result: StudyResult) -> tuple[ShownSeries, ...]:
    """Return T1, then STIR where there is one.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    pair, references, marrow = result.pair, result.references, result.marrow.labels.mask
    known = {"t1": np.ones_like(pair.body_mask), "stir": pair.covered_mask}
    noise = {"t1": references.noise_t1, "stir": references.noise_stir}
    muscle = {"t1": references.muscle.t1, "stir": references.muscle.stir}
    untold = {"t1": "", "stir": pair.no_lesions or result.quality.reason_of(Consequence.NO_STIR)}
    return tuple(
        ShownSeries(
            key=one.key,
            name=one.name,
            title=one.title,
            source=SourceSeries(
                array=one.volume.array,
                known=known[one.key],
                body_range=(one.window.low, one.window.high),
                noise=noise[one.key],
            ),
            window=one.window,
            marrow_window=_marrow_window(one.volume.array, marrow & known[one.key]),
            muscle=muscle[one.key],
            untold=untold[one.key],
            muscle_reason="" if muscle[one.key] is not None else references.muscle.reason,
        )
        for one in scene_of(result).shown
    )


def grey_note(series: ShownSeries, packed: PackedSeries) -> str:
    """Say what one grey level stands for.

    Parameters
    ----------
    series : ShownSeries
        A series.
    packed : PackedSeries
        Its slices.
    """
    scale = packed.scale
    noise = "" if packed.noise_share is None else f", {packed.noise_share:.1f} of the noise"
    even = scale.even_to >= scale.signals[-1]
    reach = "" if even else f" up to {number(scale.even_to)}, in proportion to signal above"
    return f"{series.name} in steps of {number(scale.step)} signal units{noise}{reach}"


def _marrow_window(array: NDArray[np.float32], marrow: NDArray[np.bool_]) -> Window | None:
    values = array[marrow]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = np.percentile(values, _MARROW_PERCENTILES)
    return Window(low=float(low), high=float(high)) if high > low else None
