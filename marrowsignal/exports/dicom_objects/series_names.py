"""Number and description of our series: they sort behind the T1 series they were made from, and tell its side."""

from __future__ import annotations

from enum import IntEnum

from marrowsignal.exports.dicom_objects.codes import laterality_code
from marrowsignal.results.study_result import StudyResult

__all__ = ["SeriesPlace", "series_description", "series_number"]

_SERIES_APART = 100
# A SeriesNumber is an IS: at most 2^31 - 1. Some archives number by date and time.
_MOST = 20_000_000


class SeriesPlace(IntEnum):
    """Place of each kind of object behind the T1 series."""

    MARROW = 1
    LESIONS = 2
    STRUCTURED_REPORT = 3
    SECONDARY_CAPTURE = 4
    DARK_FOCI = 5


def series_number(result: StudyResult, place: SeriesPlace) -> int:
    """Return 100 times the number of the T1 series, and the place.

    Parameters
    ----------
    result : StudyResult
        One analyzed study; a T1 series without a number counts as number 0.
    place : SeriesPlace
        Which object.
    """
    return abs(result.series.t1.series_number or 0) % _MOST * _SERIES_APART + place


def series_description(result: StudyResult, words: str) -> str:
    """Return the description of a series of ours, with the side where all of its marrow lies on one.

    Parameters
    ----------
    result : StudyResult
        One analyzed study; one with a pair for each hip gives two, whose series lie in one study.
    words : str
        What the series holds.
    """
    sides = {region.side for region in result.regions.regions if region.voxels}
    side = f", {sides.pop()}" if len(sides) == 1 and all(map(laterality_code, sides)) else ""
    return f"marrowsignal {words}{side} (research)"
