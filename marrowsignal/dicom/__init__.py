"""DICOM in: find series, choose the T1 + STIR pair, read volumes."""

from marrowsignal.dicom.catalog import find_series
from marrowsignal.dicom.pairing.choice import find_pairs, select_pair
from marrowsignal.dicom.pixels.volume import read_volume
from marrowsignal.dicom.privacy.case_name import CaseKey, case_key, case_name, input_sha256, pair_case_name
from marrowsignal.dicom.records import Comparison, Series, SeriesCatalog, SeriesIdentity, SeriesPair, Verdict

__all__ = [
    "CaseKey",
    "Comparison",
    "Series",
    "SeriesCatalog",
    "SeriesIdentity",
    "SeriesPair",
    "Verdict",
    "case_key",
    "case_name",
    "find_pairs",
    "find_series",
    "input_sha256",
    "pair_case_name",
    "read_volume",
    "select_pair",
]
