"""The page's first screen as one picture."""

from marrowsignal.report.capture.first_screen import draw_first_screen

__all__ = ["draw_first_screen"]
