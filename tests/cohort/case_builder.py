"""Case folders as `write_case` leaves them, without images: what a cohort reads, and a case's own tables beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from marrowsignal.exports.layout import Layout
from marrowsignal.exports.tables.study_tables import write_tables
from marrowsignal.results.document import to_document, to_json
from marrowsignal.results.study_result import StudyResult
from tests.report.study_builder import build_result


def write_case_folder(
    out: Path, case: str, *, result: StudyResult | None = None, folder: str = "", layout: Layout = Layout.CASE
) -> Path:
    """Write the folder of a case; `folder` is its name where that is not the layout's."""
    named = replace(result or build_result(), case=case)
    place = out / (folder or layout.folder_name(case))
    place.mkdir(parents=True)
    write_tables(named, place)
    (place / "result.json").write_text(to_json(to_document(named)), encoding="utf-8")
    (place / "report.html").write_text("<p>page", encoding="utf-8")
    return place
