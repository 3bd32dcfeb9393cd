"""The page itself: one HTML file that needs nothing else."""

from __future__ import annotations

from marrowsignal.report.html import rendered_page
from marrowsignal.report.viewer import VIEWER_SCRIPTS
from marrowsignal.report.views.page_view import build_page
from marrowsignal.results.study_result import StudyResult

__all__ = ["render_report"]


def render_report(result: StudyResult) -> str:
    """Render one study as a self-contained HTML page.

    The page loads nothing from anywhere and runs no script but its own, the viewer; every text from the study is
    escaped. The same result gives the same characters: dates and timings stay in ``result.json``.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.

    Returns
    -------
    str
        HTML, to be stored as UTF-8.
    """
    styles = ("page.css", "charts.css", "viewer.css")
    return rendered_page("page.html.j2", build_page(result), styles=styles, scripts=("page.js", *VIEWER_SCRIPTS))
