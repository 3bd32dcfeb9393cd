"""The page a radiologist reads: one HTML file, offline, without scripts."""

from marrowsignal.report.comparison_page import render_comparison
from marrowsignal.report.page import render_report

__all__ = ["render_comparison", "render_report"]
