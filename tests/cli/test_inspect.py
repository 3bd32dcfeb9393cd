"""`marrowsignal inspect` tells every series and the pair, to people and to scripts."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import marrowsignal
import marrowsignal.dicom
from marrowsignal.cli.inspect_document import to_inspect_document
from marrowsignal.cli.inspect_table import print_document
from marrowsignal.cli.inspection import InspectDocument
from tests.dicom.dicom_builder import SeriesSpec, stir_spec, uid, write_series

HOSTILE = "[red]x[/red] \x1b[2J\x07 <script> \u202e Wirbels\u00e4ule [link=file:///etc]y[/link] :smile: \x9b31m"


def write(folder: Path, *specs: SeriesSpec) -> Path:
    for spec in specs:
        write_series(folder / spec.study / spec.name, spec)
    return folder


def hips(folder: Path) -> Path:
    """Two hips, a repeat of the right one's STIR, a block of three slices in another plane."""
    wide = {"spacing_mm": (4.0, 20.0, 20.0)}
    right = [SeriesSpec(number=2, name="t1 right"), stir_spec().but(number=3, name="stir right")]
    right.append(stir_spec().but(number=4, name="stir right again"))
    left = [SeriesSpec(number=5, name="t1 left"), stir_spec().but(number=6, name="stir left")]
    few = SeriesSpec(number=7, name="few", shape=(3, 6, 5), along_columns=(0.0, 1.0, 0.0), description="t1 sag")
    return write(
        folder,
        *(spec.but(origin_mm=(-110.0, 0.0, 0.0), **wide) for spec in right),
        *(spec.but(origin_mm=(20.0, 0.0, 0.0), **wide) for spec in left),
        few,
    )


def document_of(folder: Path) -> InspectDocument:
    catalog = marrowsignal.find_series(folder)
    return to_inspect_document(catalog, marrowsignal.dicom.find_pairs(catalog))


def shown(document: InspectDocument, *, width: int, evidence: bool = False) -> str:
    to = io.StringIO()
    print_document(document, evidence=evidence, console=Console(file=to, width=width))
    return to.getvalue()


def test_json_tells_series_and_pair(run, study: Path) -> None:
    done = run("inspect", study, "--json")
    assert done.code == 0
    document = InspectDocument.model_validate_json(done.out)
    by_identity = {series.identity: series for series in document.series}
    assert document.pair is not None
    assert document.pairs == (document.pair,)
    assert document.pair.t1_series_instance_uid == by_identity["t1"].series_instance_uid
    assert document.pair.stir_series_instance_uid == by_identity["stir"].series_instance_uid
    assert document.series[document.pair.t1_index].identity == "t1"
    assert document.series[document.pair.stir_index].identity == "stir"
    assert document.pair.protocol == "pelvis_sij"
    assert all(series.usable and series.reasons for series in by_identity.values())
    for series in document.series:
        points = sum(item.points for item in series.evidence if item.identity == series.identity)
        assert points == pytest.approx(series.identity_score)
    assert (document.error, document.rejected) == (None, ())


def test_text_tells_the_same(run, study: Path) -> None:
    done = run("inspect", study)
    assert done.code == 0
    assert done.err == ""
    assert "Would be analyzed (protocol pelvis_sij)" in done.out
    rows = [line.split() for line in done.out.splitlines() if "->" in line]
    assert [row[-1] for row in rows] == ["T1", "STIR"]
    assert "points" not in done.out


def test_several_pairs_are_listed_with_what_decided(run, tmp_path: Path) -> None:
    done = run("inspect", hips(tmp_path), "--json")
    assert done.code == 0
    document = InspectDocument.model_validate_json(done.out)
    numbers = [series.number for series in document.series]
    chosen = {pair.label: (numbers[pair.t1_index], numbers[pair.stir_index or 0]) for pair in document.pairs}
    assert chosen == {"left": ("5", "6"), "right": ("2", "4")}
    assert document.pair in document.pairs
    rejected = {numbers[entry.index]: entry.reason for entry in document.rejected}
    assert set(rejected) == {"3", "7"}
    assert "later repeat" in rejected["3"]
    assert "Only 3 slice(s)" in rejected["7"]
    decided = [c.criterion for pair in document.pairs for c in pair.comparisons if c.decided]
    assert decided == ["later repeat"]


def test_text_names_the_pairs_and_evidence_adds_every_criterion(run, tmp_path: Path) -> None:
    hips(tmp_path)
    plain, full = run("inspect", tmp_path).out, run("inspect", tmp_path, "--evidence").out
    for text in (plain, full):
        assert "-> STIR left" in text
        assert "Would be analyzed, right" in text
        assert "later repeat" in text
    assert "common field of view: equal" not in plain
    assert "common field of view: equal" in full
    assert "+0.50 timing" in full
    assert str(uid("study/t1 left")) in full
    assert full == run("inspect", tmp_path, "-v").out


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int) -> None:
    document = document_of(hips(tmp_path))
    for evidence in (False, True):
        lines = shown(document, width=width, evidence=evidence).splitlines()
        assert max(map(cell_len, lines)) <= width
        assert all(letter.isascii() for letter in "".join(lines))


def test_where_there_is_room_a_series_is_one_line(tmp_path: Path) -> None:
    document = document_of(hips(tmp_path))
    (wide,) = (line for line in shown(document, width=140).splitlines() if "-> T1 left" in line)
    assert all(fact in wide for fact in ("9x6x5", "4x20x20", "550/11/-", "1.5", "0.90 +0."))
    (narrow,) = (line for line in shown(document, width=80).splitlines() if "-> T1 left" in line)
    assert "9x6x5" not in narrow
    assert shown(document, width=30)


def test_a_usable_series_with_warnings_is_not_called_plainly_usable(tmp_path: Path) -> None:
    cut = [stir_spec().but(number=n, name=f"cut {n}", shape=(20, 6, 5), skip=(9,)) for n in (1, 2)]
    write(tmp_path, SeriesSpec(), stir_spec().but(shape=(20, 6, 5)), *cut)
    document = document_of(tmp_path)
    text = " ".join(shown(document, width=140).split())
    assert text.count("usable*") == 2
    assert text.count("* series 1, 2: ") == 1
    assert "*" not in shown(document_of(hips(tmp_path / "plain")), width=140)


def test_stacks_of_one_series_are_told_apart(tmp_path: Path) -> None:
    shared = {"SeriesInstanceUID": uid("shared")}
    axial = {"along_rows": (0.0, 1.0, 0.0), "along_columns": (1.0, 0.0, 0.0)}
    write(tmp_path, SeriesSpec().with_header(**shared), SeriesSpec(name="ax", **axial).with_header(**shared))
    write(tmp_path, stir_spec())
    document = document_of(tmp_path)
    assert sorted(series.number for series in document.series) == ["4.1", "4.2", "5"]
    assert document.pair is not None
    assert document.series[document.pair.t1_index].orientation == "coronal"


def test_without_a_pair_it_is_3_and_json_says_why(run, study: Path, tmp_path: Path) -> None:
    stir = next(series for series in marrowsignal.find_series(study).series if series.identity == "stir")
    for file in stir.files:
        shutil.copy(file, tmp_path)
    done = run("inspect", tmp_path, "--json")
    assert done.code == 3
    document = json.loads(done.out)
    assert document["pair"] is None
    assert document["pairs"] == []
    assert "T1" in document["pair_reason"]
    assert (document["error"]["code"], document["error"]["exit_code"]) == ("no_usable_pair", 3)
    assert [series["identity"] for series in document["series"]] == ["stir"]
    assert run("inspect", tmp_path).code == 3


def test_t1_alone_is_3_unless_asked_for(run, tmp_path: Path) -> None:
    write(tmp_path, SeriesSpec())
    done = run("inspect", tmp_path)
    assert done.code == 3
    assert "--allow-t1-only" in done.out
    done = run("inspect", tmp_path, "--allow-t1-only", "--json")
    assert done.code == 0
    pair = InspectDocument.model_validate_json(done.out).pair
    assert (pair.t1_index, pair.stir_index, pair.stir_series_instance_uid) == (0, None, None)
    assert "-> T1" in run("inspect", tmp_path, "--allow-t1-only").out


def test_two_folders_pair_and_are_warned_of(run, tmp_path: Path) -> None:
    write(tmp_path, SeriesSpec(), stir_spec().but(study="another"))
    assert run("inspect", tmp_path).code == 3
    done = run("inspect", tmp_path / "study", tmp_path / "another")
    assert done.code == 0
    assert "come from different studies" in " ".join(done.out.split())


def test_several_studies_are_shown_and_refused(run, tmp_path: Path) -> None:
    write(tmp_path, *(spec.but(study=study) for study in ("one", "two") for spec in (SeriesSpec(), stir_spec())))
    done = run("inspect", tmp_path)
    assert done.code == 2
    assert "2 of the 2" in done.out
    assert done.out.count("->") == 0
    document = json.loads(run("inspect", tmp_path, "--json").out)
    assert (document["studies"], document["error"]["code"]) == (2, "several_studies")
    assert run("inspect", tmp_path, "--t1", uid("two/t1")).code == 0


def test_unreadable_input_is_5_and_json_stays_json(run, tmp_path: Path) -> None:
    done = run("inspect", tmp_path / "missing", "--json")
    assert done.code == 5
    document = InspectDocument.model_validate_json(done.out)
    assert (document.series, document.pair) == ((), None)
    assert document.error is not None
    assert document.error.exit_code == 5
    assert "Traceback" not in done.err
    assert run("inspect", tmp_path / "missing").out == ""
    (tmp_path / "notes.txt").write_text("no DICOM")
    done = run("inspect", tmp_path, "--json")
    assert done.code == 3
    assert InspectDocument.model_validate_json(done.out).series == ()
    assert "Nothing would be analyzed" in run("inspect", tmp_path).out


@pytest.mark.parametrize("options", [[], ["--evidence"]])
def test_a_hostile_description_is_text_and_nothing_more(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    catalog = marrowsignal.find_series(hips(tmp_path))
    hostile = tuple(replace(series, description=HOSTILE) for series in catalog.series)
    changed = replace(catalog, series=hostile)
    monkeypatch.setattr(marrowsignal.dicom, "find_series", lambda _path, **_options: changed)
    done = run("inspect", tmp_path, *options)
    assert done.code == 0
    assert "[red]x[/red]" in done.out
    assert "Wirbels\u00e4ule [link=file:///etc]y[/link]" in done.out
    assert ":smile:" in done.out
    assert all(letter.isprintable() or letter == "\n" for letter in done.out)
    assert json.loads(run("inspect", tmp_path, "--json").out)["series"][0]["description"] == HOSTILE


def test_a_pipe_gets_no_colours_and_no_color_takes_them_from_a_terminal(tmp_path: Path, command: Path) -> None:
    write(tmp_path, SeriesSpec(), stir_spec())
    piped = subprocess.run([command, "inspect", tmp_path], capture_output=True, check=True, timeout=60)
    assert b"\x1b" not in piped.stdout
    document = document_of(tmp_path)
    for no_color, coloured in ((False, True), (True, False)):
        to = io.StringIO()
        print_document(
            document, evidence=False, console=Console(file=to, force_terminal=True, no_color=no_color, width=100)
        )
        assert ("\x1b[1;32m" in to.getvalue()) is coloured
