"""The page itself: one HTML file that needs nothing else."""

from __future__ import annotations

from marrowsignal.report.html import rendered_page
from marrowsignal.report.views.page_view import build_page
from marrowsignal.results.study_result import StudyResult

__all__ = ["render_report"]


def render_report(result: StudyResult) -> str:
    """Render one study as a self-contained HTML page.

    The page loads nothing from anywhere and runs no script; every text from the study is escaped. The same result
    gives the same characters: dates and timings stay in ``result.json``.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.

    Returns
    -------
    str
        HTML, to be stored as UTF-8.
    """
    return rendered_page("page.html.j2", build_page(result), styles=("page.css",))
