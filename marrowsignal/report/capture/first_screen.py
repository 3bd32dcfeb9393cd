"""The page's first screen as one picture, for a PACS that shows neither segmentations nor structured reports."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowsignal.report.capture.content import content_of
from marrowsignal.report.capture.layout import arranged
from marrowsignal.report.capture.sheet import paint
from marrowsignal.results.study_result import StudyResult

__all__ = ["draw_first_screen"]


def draw_first_screen(result: StudyResult) -> NDArray[np.uint8]:
    """Draw what the page's first screen says and shows, light on black as a PACS does.

    The same result gives the same pixels wherever the same drawing library is installed: the letters come with it, and
    no machine's own fonts are used. Nothing in the picture names the patient or the case.

    Parameters
    ----------
    result : StudyResult
        One analyzed study.

    Returns
    -------
    ndarray of uint8, shape (row, column, 3)
        RGB, 1000 rows and 1280 columns.

    Raises
    ------
    OutputError
        If the drawing library was built without scalable fonts.
    """
    return paint(arranged(content_of(result)))
