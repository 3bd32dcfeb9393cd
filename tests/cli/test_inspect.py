"""`marrowsignal inspect` tells every series and the pair, to people and to scripts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import marrowsignal
import marrowsignal.dicom
from marrowsignal.cli.inspection import InspectDocument


def test_json_tells_series_and_pair(run, study: Path) -> None:
    done = run("inspect", study, "--json")
    assert done.code == 0
    document = InspectDocument.model_validate_json(done.out)
    by_identity = {series.identity: series for series in document.series}
    assert document.pair is not None
    assert document.pair.t1_series_instance_uid == by_identity["t1"].series_instance_uid
    assert document.pair.stir_series_instance_uid == by_identity["stir"].series_instance_uid
    assert document.series[document.pair.t1_index].identity == "t1"
    assert document.series[document.pair.stir_index].identity == "stir"
    assert document.pair.protocol == "pelvis_sij"
    assert all(series.usable and series.reasons for series in by_identity.values())


def test_text_tells_the_same(run, study: Path) -> None:
    done = run("inspect", study)
    assert done.code == 0
    assert done.err == ""
    assert "T1   would be series" in done.out
    assert "STIR would be series" in done.out


def test_without_a_pair_it_is_3_and_json_says_why(run, study: Path, tmp_path: Path) -> None:
    stir = next(series for series in marrowsignal.find_series(study).series if series.identity == "stir")
    for file in stir.files:
        shutil.copy(file, tmp_path)
    done = run("inspect", tmp_path, "--json")
    assert done.code == 3
    document = json.loads(done.out)
    assert document["pair"] is None
    assert "T1" in document["pair_reason"]
    assert [series["identity"] for series in document["series"]] == ["stir"]
    assert run("inspect", tmp_path).code == 3


def test_a_hostile_description_is_text_and_nothing_more(run, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = marrowsignal.find_series(study)
    hostile = replace(catalog.series[0], description="[red]x[/red] \x1b[2J <script> \u202e Wirbels\u00e4ule")
    changed = replace(catalog, series=(hostile, *catalog.series[1:]))
    monkeypatch.setattr(marrowsignal.dicom, "find_series", lambda _path: changed)
    done = run("inspect", study)
    assert "[red]x[/red]" in done.out
    assert "Wirbels\u00e4ule" in done.out
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert json.loads(run("inspect", study, "--json").out)["series"][0]["description"] == hostile.description
