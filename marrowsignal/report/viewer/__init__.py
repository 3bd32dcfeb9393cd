"""The linked viewer of the page: every slice of both series with what was found in it."""

from marrowsignal.report.viewer.viewer_view import VIEWER_SCRIPTS, ViewerView, viewer_view

__all__ = ["VIEWER_SCRIPTS", "ViewerView", "viewer_view"]
