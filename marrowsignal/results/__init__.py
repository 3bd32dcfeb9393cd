"""What a study leaves behind: the result record, its provenance and its published document."""

from marrowsignal.results.document import (
    SCHEMA_VERSION,
    ResultDocument,
    result_json_schema,
    to_document,
    to_json,
)
from marrowsignal.results.provenance import Provenance, StepTime
from marrowsignal.results.study_result import StudyResult

__all__ = [
    "SCHEMA_VERSION",
    "Provenance",
    "ResultDocument",
    "StepTime",
    "StudyResult",
    "result_json_schema",
    "to_document",
    "to_json",
]
