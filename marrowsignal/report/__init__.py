"""The page a radiologist reads: one HTML file, offline; and its first screen as a picture."""

from marrowsignal.report.capture import draw_first_screen
from marrowsignal.report.comparison_page import render_comparison
from marrowsignal.report.page import render_report

__all__ = ["draw_first_screen", "render_comparison", "render_report"]
