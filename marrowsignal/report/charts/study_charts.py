"""All charts of a study's page."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.report.charts.plane_chart import plane_chart
from marrowsignal.report.charts.plane_figure import PlaneChart
from marrowsignal.report.charts.side_chart import side_charts
from marrowsignal.report.charts.side_figure import SideChart
from marrowsignal.results.study_result import StudyResult

__all__ = ["StudyCharts", "study_charts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCharts:
    """Charts of one study.

    Attributes
    ----------
    plane : PlaneChart or None
        None where nothing has both ratios.
    plane_reason : str
        Why there is none; empty otherwise.
    sides : tuple of SideChart
        T1, then STIR; empty where nothing could be compared with muscle.
    lesions_told : bool
        Whether lesions were looked for.
    """

    plane: PlaneChart | None
    plane_reason: str
    sides: tuple[SideChart, ...]
    lesions_told: bool


def study_charts(result: StudyResult) -> StudyCharts:
    """Make the charts of a study.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.
    """
    plane = plane_chart(result)
    return StudyCharts(
        plane=plane,
        plane_reason="" if plane is not None else _no_plane(result),
        sides=side_charts(result),
        lesions_told=result.signals.lesions is not None,
    )


def _no_plane(result: StudyResult) -> str:
    if result.pair.stir is None:
        return "there is no STIR series"
    told = (
        m.reason for m in result.signals.whole.measurements if m.name == "stir_marrow_to_muscle" and m.value is None
    )
    return next((reason for reason in told if reason), "no region has both ratios")
