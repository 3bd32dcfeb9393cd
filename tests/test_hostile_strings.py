"""Whatever strings a header holds, they stay text: in the page, in result.json, in tables, on the terminal."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.config import disable_value_validation

from marrowsignal.cli.app import main
from marrowsignal.cli.terminal import say
from marrowsignal.dicom import Series, find_series
from marrowsignal.exports.tables.study_tables import regions_csv
from marrowsignal.report import render_report
from marrowsignal.results.document import to_document, to_json
from marrowsignal.results.study_result import StudyResult
from tests.dicom.dicom_builder import SeriesSpec, dataset_of, stir_spec
from tests.report.study_builder import build_result

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "attribute": "' onmouseover='alert(1)' x='",
    "closing": "</title></style></svg><svg/onload=alert(1)>-->]]>",
    "template": "{{ 7 * 7 }}{% include 'x' %}",
    "entity": "&lt;b&gt; &#x202e; %s {0}",
    "link": "javascript:alert(1)",
    "markup": "[bold red]x[/] [link=http://example.invalid]y[/link] :smile:",
    "formula": '=HYPERLINK("http://example.invalid","x")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-1+1",
    "ansi": "\x1b[31mred\x1b[0m\x07\x08\x9b2J",
    "bidi": "\u202egpj.\u2066txt\u061c\u200f",
    "breaks": "one\ttwo\x0b\x0cthree\x85four\u2028five",
    "nul": "a\x00b",
    "long": "A" * 5000,
    "tags": "\U000e0041\ufffe\ufdd0\u2060\u00ad",
    "bytes": "\udced\udca0\udc80 \udcff",
}
FIELDS = ("SeriesDescription", "ProtocolName", "Manufacturer", "PatientPosition", "BodyPartExamined", "SequenceName")
CODES = ("ImageType", "ScanOptions", "SequenceVariant", "Modality")


def write_hostile(folder: Path, text: str, *, spec: SeriesSpec | None = None, fields: tuple[str, ...] = FIELDS) -> Path:
    """Write a series with the bytes of `text` in each of the fields, behind the name where that is the sequence's."""
    spec = spec or SeriesSpec()
    folder.mkdir(parents=True, exist_ok=True)
    raw = text.encode("utf-8", "surrogateescape")
    raw += b" " * (len(raw) % 2)
    # pydicom would check and change the bytes: it writes a place holder of the same length.
    holder = "~" * len(raw)
    for index in range(spec.shape[0]):
        file = folder / f"{spec.name}{index}.dcm"
        with disable_value_validation():
            dataset = dataset_of(spec, index)
            dataset.SpecificCharacterSet = "ISO_IR 192"
            for field in fields:
                kept = f"{dataset.SequenceName} " if field == "SequenceName" else ""
                setattr(dataset, field, kept + holder)
            dataset.save_as(file, enforce_file_format=True)
        file.write_bytes(file.read_bytes().replace(holder.encode(), raw, len(fields)))
    return folder


def hostile_series(folder: Path, text: str) -> Series:
    (series,) = find_series(write_hostile(folder, text)).series
    return series


def result_with(series: Series) -> StudyResult:
    result = build_result()
    return replace(result, series=replace(result.series, t1=series, rejected=(series,), reasons=series.reasons))


class Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, in order, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))

    def handle_data(self, data: str) -> None:
        self.text += data


def is_plain(text: str) -> bool:
    """Whether no letter could steer a terminal, break a line, turn the reading direction or be lost in UTF-8."""
    return all(unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in text)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Skeleton:
    """The page of a series with harmless strings."""
    return Skeleton(render_report(result_with(hostile_series(tmp_path_factory.mktemp("plain"), "harmless"))))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_element_or_attribute_of_the_page_comes_from_a_header(name: str, tmp_path: Path, harmless: Skeleton) -> None:
    series = hostile_series(tmp_path, HOSTILE[name])
    page = render_report(result_with(series))
    read = Skeleton(page)
    assert read.elements == harmless.elements
    assert "harmless" in harmless.text and "harmless" not in read.text
    assert series.description in read.text
    assert is_plain(page.replace("\n", "").replace("\N{NO-BREAK SPACE}", ""))
    page.encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_read_is_one_plain_line_of_bounded_length(name: str, tmp_path: Path) -> None:
    series = hostile_series(tmp_path, HOSTILE[name])
    facts = series.acquisition
    names = (facts.manufacturer, facts.sequence_name, facts.body_part_examined, facts.patient_position)
    for text in (series.description, *series.reasons, *(name for name in names if name)):
        assert is_plain(text)
        assert len(text) <= 1000
    assert len(series.description) <= 256


@pytest.mark.parametrize("name", HOSTILE)
def test_result_json_holds_every_string(name: str, tmp_path: Path) -> None:
    series = hostile_series(tmp_path, HOSTILE[name])
    text = to_json(to_document(result_with(series)))
    text.encode("utf-8")
    assert json.loads(text)["series"]["t1"]["description"] == series.description
    assert is_plain(text.replace("\n", ""))


@pytest.mark.parametrize("fields", [FIELDS, CODES], ids=["texts", "codes"])
@pytest.mark.parametrize("name", HOSTILE)
def test_inspect_and_its_json_are_plain(
    name: str, fields: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_hostile(tmp_path / "in", HOSTILE[name], fields=fields)
    for options in ([], ["--json"]):
        assert main(["inspect", str(tmp_path / "in"), *options]) == 3
        said = capsys.readouterr()
        assert said.err == ""
        assert is_plain(said.out.replace("\n", ""))
        assert max(map(len, said.out.splitlines())) < 2000
    told = json.loads(said.out)["series"][0]["description"]
    assert fields is not FIELDS or told == find_series(tmp_path / "in").series[0].description


def test_markup_of_the_terminal_is_text_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["inspect", str(write_hostile(tmp_path, HOSTILE["markup"]))])
    said = "".join(capsys.readouterr().out.split())
    assert "[boldred]" in said and ":smile:" in said


@pytest.mark.parametrize("name", HOSTILE)
def test_errors_on_the_terminal_are_plain(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_hostile(tmp_path / "in", HOSTILE[name], spec=stir_spec())
    assert main(["analyze", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 3
    said = capsys.readouterr()
    assert "series 5" in said.err
    assert is_plain(said.err.replace("\n", ""))


@given(
    st.builds(str.__add__, st.sampled_from(["", " ", *"=+-@\t\r\n\0＝＋－＠'"]), st.text(st.characters(), max_size=40))
)
def test_no_cell_of_text_runs_as_a_formula(text: str) -> None:
    result = _RESULT
    region = replace(result.signals.regions[0], name=text)
    table = regions_csv(replace(result, signals=replace(result.signals, regions=(region,))))
    cell = list(csv.DictReader(io.StringIO(table)))[1]["region_name"]
    assert not cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert is_plain(table.replace("\r\n", ""))
    table.encode("utf-8")


_RESULT = build_result()


@given(st.text(st.characters(), max_size=80))
def test_nothing_that_steers_reaches_the_terminal(text: str) -> None:
    from contextlib import redirect_stdout

    stream = io.StringIO()
    with redirect_stdout(stream):
        say(text)
    assert is_plain(stream.getvalue().replace("\n", ""))
    assert stream.getvalue().count("\n") == text.count("\n") + 1
