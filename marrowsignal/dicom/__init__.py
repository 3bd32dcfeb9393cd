"""DICOM in: find series, choose the T1 + STIR pair, read volumes."""

from marrowsignal.dicom.case_name import case_name, input_sha256
from marrowsignal.dicom.catalog import find_series
from marrowsignal.dicom.pair_choice import select_pair
from marrowsignal.dicom.pixels import read_volume
from marrowsignal.dicom.records import Series, SeriesCatalog, SeriesIdentity, SeriesPair

__all__ = [
    "Series",
    "SeriesCatalog",
    "SeriesIdentity",
    "SeriesPair",
    "case_name",
    "find_series",
    "input_sha256",
    "read_volume",
    "select_pair",
]
