"""marrowsignal: T1/STIR bone-marrow signal analysis. Research use only.

`analyze_study` goes the whole way from a DICOM folder to a `StudyResult`. The steps it is made of are here
too, in their order: `find_series`, `select_pair` or `find_pairs`, `read_volume`, `align_pair`, `correct_bias`,
`segment_marrow`, `label_regions`, `find_references`, `measure_signals`, `classify`; and what follows it:
`render_report`, `write_case`. Between them `marrowsignal.intensity.mark_metal` leaves out what lies near metal, and
`marrowsignal.quality` checks the gates and withholds what they forbid. Importing this package does no work: a name is
loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marrowsignal.alignment import align_pair
    from marrowsignal.dicom import find_pairs, find_series, read_volume, select_pair
    from marrowsignal.errors import MarrowSignalError
    from marrowsignal.exports.case_folder import write_case
    from marrowsignal.intensity import correct_bias, find_references
    from marrowsignal.marrow import read_supplied_marrow, segment_marrow
    from marrowsignal.patterns import classify
    from marrowsignal.protocol import load_protocol
    from marrowsignal.regions import label_regions
    from marrowsignal.report import render_report
    from marrowsignal.results.study_result import StudyResult
    from marrowsignal.signals import measure_signals
    from marrowsignal.study import analyze_study, assemble_result

__all__ = [
    "MarrowSignalError",
    "StudyResult",
    "__version__",
    "align_pair",
    "analyze_study",
    "assemble_result",
    "classify",
    "correct_bias",
    "find_pairs",
    "find_references",
    "find_series",
    "label_regions",
    "load_protocol",
    "measure_signals",
    "read_supplied_marrow",
    "read_volume",
    "render_report",
    "segment_marrow",
    "select_pair",
    "write_case",
]

__version__ = "0.1.0"

_HOME = {
    "MarrowSignalError": "marrowsignal.errors",
    "StudyResult": "marrowsignal.results.study_result",
    "align_pair": "marrowsignal.alignment",
    "analyze_study": "marrowsignal.study",
    "assemble_result": "marrowsignal.study",
    "classify": "marrowsignal.patterns",
    "correct_bias": "marrowsignal.intensity",
    "find_pairs": "marrowsignal.dicom",
    "find_references": "marrowsignal.intensity",
    "find_series": "marrowsignal.dicom",
    "label_regions": "marrowsignal.regions",
    "load_protocol": "marrowsignal.protocol",
    "measure_signals": "marrowsignal.signals",
    "read_supplied_marrow": "marrowsignal.marrow",
    "read_volume": "marrowsignal.dicom",
    "render_report": "marrowsignal.report",
    "segment_marrow": "marrowsignal.marrow",
    "select_pair": "marrowsignal.dicom",
    "write_case": "marrowsignal.exports.case_folder",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
