"""What a comparison leaves behind: document, tables, images and page, whole and without a date."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from marrowsignal.comparison import Comparison, LesionChangeState, compare_studies
from marrowsignal.comparison.document import comparison_json, comparison_json_schema, to_comparison_document
from marrowsignal.comparison.document_models import ComparisonDocument
from marrowsignal.errors import OutputError, UsageError
from marrowsignal.exports.comparison_folder import write_comparison
from marrowsignal.exports.tables.comparison_tables import change_lesions_csv, change_regions_csv
from marrowsignal.geometry.itk_bridge import read_image
from marrowsignal.report import render_comparison
from marrowsignal.report.pictures.comparison_pictures import outline_kind
from marrowsignal.report.views.wording import add_on_words
from tests.comparison.two_dates import compared, study


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compared(12.0, 4.0)


@pytest.fixture(scope="module")
def closed() -> Comparison:
    other = study(0.0, moved=True, days=20)
    series = other.series
    facts = replace(series.t1.acquisition, magnetic_field_strength_t=3.0)
    return compare_studies(study(0.0), replace(other, series=replace(series, t1=replace(series.t1, acquisition=facts))))


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_document_holds_what_was_found_and_no_date(comparison: Comparison) -> None:
    text = comparison_json(to_comparison_document(comparison))
    told = json.loads(text)
    assert ComparisonDocument.model_validate(told)
    assert told["schema_version"] == "1.0"
    assert told["interval_days"] == 20
    assert told["comparable"] is True
    assert [one["state"] for one in told["lesions"]][:1] == ["smaller"]
    assert told["registration"]["verdict"] in ("pass", "warn")
    assert "PRIOR_CHANGE" in told["followup_pattern"]["add_ons"]
    assert "PRIOR_CHANGE" not in comparison.followup.call.add_ons
    assert "20200" not in text
    assert "secret" not in text


def test_a_closed_comparison_says_why_and_has_no_numbers(closed: Comparison, tmp_path: Path) -> None:
    told = json.loads(comparison_json(to_comparison_document(closed)))
    assert told["comparable"] is False
    assert "3 T" in told["closed_reason"]
    assert (told["lesions"], told["registration"], told["regions"]) == (None, None, [])
    folder = write_comparison(closed, tmp_path, report_html=render_comparison(closed))
    assert not (folder / "images").exists()
    assert not (folder / "change_lesions.csv").exists()
    assert len((folder / "change_regions.csv").read_text().splitlines()) == 1
    assert "cannot be compared" in (folder / "report.html").read_text(encoding="utf-8")


def test_tables_and_document_say_the_same(comparison: Comparison) -> None:
    told = json.loads(comparison_json(to_comparison_document(comparison)))
    rows = _rows(change_regions_csv(comparison))
    flat = [change for row in told["regions"] for change in row["changes"]]
    assert len(rows) == len(flat)
    for row, change in zip(rows, flat, strict=True):
        assert row["state"] == change["state"]
        assert (row["change"] == "") is (change["change"] is None)
        assert row["reason"] or change["change"] is not None
        assert row["change"] == "" or float(row["change"]) == change["change"]
    lesions = _rows(change_lesions_csv(comparison) or "")
    count = sum(len(changes) for changes in (comparison.lesions, comparison.dark_foci) if changes is not None)
    assert len(lesions) == count
    assert lesions[0]["beyond_repeatability"] == "yes"
    assert float(lesions[0]["baseline_ml"]) > float(lesions[0]["followup_ml"])


def test_the_folder_is_whole_and_its_images_share_the_baselines_grid(comparison: Comparison, tmp_path: Path) -> None:
    folder = write_comparison(comparison, tmp_path, report_html="page")
    assert {path.name for path in folder.iterdir()} == {
        "comparison.json", "change_regions.csv", "change_lesions.csv", "columns.json", "report.html", "images",
    }  # fmt: skip
    grid = comparison.baseline.pair.t1.geometry
    images = {path.name: read_image(path) for path in (folder / "images").glob("*.nii.gz")}
    assert {"baseline_t1.nii.gz", "followup_t1_on_baseline.nii.gz", "followup_changes.nii.gz"} <= set(images)
    assert all(found.difference(grid).within(0.01) for _, found in images.values())
    # Twice the gain and another place: the same tissue in the same voxel.
    first, second = images["baseline_t1.nii.gz"][0], images["followup_t1_on_baseline.nii.gz"][0]
    inside = comparison.baseline.marrow.core_mask
    assert np.corrcoef(first[inside], second[inside])[0, 1] > 0.8
    assert np.median(second[inside] / first[inside]) == pytest.approx(2.0, rel=0.05)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    told = json.loads((folder / "columns.json").read_text(encoding="utf-8"))["tables"]
    assert [table["table"] for table in told] == ["change_regions.csv", "change_lesions.csv"]
    for table in told:
        header = [column["name"] for column in table["columns"]]
        assert header == list(_rows((folder / table["table"]).read_text(encoding="utf-8"))[0])


def test_the_analysis_of_one_study_is_never_replaced(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "result.json").write_text("{}")
    with pytest.raises(OutputError, match="analysis of one study"):
        write_comparison(replace(comparison, case="mine"), tmp_path, report_html="page")
    with pytest.raises(UsageError):
        write_comparison(replace(comparison, case="../mine"), tmp_path, report_html="page")


class _Reader(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_the_page_needs_nothing_runs_nothing_and_escapes(comparison: Comparison) -> None:
    page = render_comparison(replace(comparison, case="<script>x</script>"))
    reader = _Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    assert all(link.startswith(("data:image/png", "#")) for link in reader.links)
    assert "default-src 'none'" in unescape(page)
    assert "20 days after the baseline" in page
    assert "2020010" not in page
    assert "change-smaller" in page
    assert "Follow-up, the baseline known" in page
    assert add_on_words("PRIOR_CHANGE") in unescape(page)
    assert "improve" not in page.lower()
    assert page == render_comparison(replace(comparison, case="<script>x</script>"))


def test_the_schema_describes_the_document() -> None:
    schema = json.loads(comparison_json_schema())
    assert schema["title"].endswith("schema_version 1.0")
    assert set(ComparisonDocument.model_fields) == set(schema["properties"])


def test_the_published_schema_is_current_and_documents_keep_to_it(comparison: Comparison, closed: Comparison) -> None:
    published = (files("marrowsignal.comparison") / "comparison.schema.json").read_text(encoding="utf-8")
    assert published == comparison_json_schema()
    jsonschema.Draft202012Validator.check_schema(json.loads(published))
    for one in (comparison, closed):
        told = json.loads(comparison_json(to_comparison_document(one)))
        jsonschema.validate(told, json.loads(published), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("state", "before", "after", "counts", "kind"),
    [
        ("new", 0.0, 3.0, True, "change-new"),
        ("merged", 2.0, 4.0, True, "change-larger"),
        ("split", 4.0, 2.0, True, "change-smaller"),
        ("merged", 2.0, 2.1, False, "change-stable"),
    ],
)
def test_outlines_tell_what_became_of_a_lesion(
    comparison: Comparison, state: str, before: float, after: float, *, counts: bool, kind: str
) -> None:
    one = replace(
        comparison.lesions[0], state=LesionChangeState(state), baseline_ml=before, followup_ml=after, counts=counts
    )
    assert outline_kind(one) == kind
