"""The page of a comparison: one HTML file that needs nothing else."""

from __future__ import annotations

from marrowsignal.comparison.records import Comparison
from marrowsignal.report.html import rendered_page
from marrowsignal.report.views.comparison_view import build_comparison_page

__all__ = ["render_comparison"]


def render_comparison(comparison: Comparison) -> str:
    """Render two dates of one patient as a self-contained HTML page.

    Parameters
    ----------
    comparison : Comparison
        What `compare_studies` returned.

    Returns
    -------
    str
        HTML, to be stored as UTF-8; it loads nothing, runs no script, escapes every text and prints no date.
    """
    page = build_comparison_page(comparison)
    return rendered_page("comparison.html.j2", page, styles=("page.css", "charts.css", "comparison.css"))
