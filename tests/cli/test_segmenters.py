"""`marrowsignal segmenters` lists, shows and checks descriptions, and starts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowsignal.marrow.external.tools import segmenter_names


def test_list_names_every_shipped_segmenter_and_how_to_get_it(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("segmenters", "list")
    assert done.code == 0
    assert tuple(line.split()[0] for line in done.out.splitlines() if not line.startswith(" ")) == segmenter_names()
    assert "pip install TotalSegmentator" in done.out


def test_a_folder_of_ones_own_is_listed_too(run, tmp_path: Path) -> None:
    text = run("segmenters", "show", "totalsegmentator").out.replace('"totalsegmentator"', '"our_copy"')
    (tmp_path / "ours.toml").write_text(text, encoding="utf-8")
    done = run("segmenters", "list", "--folder", tmp_path)
    assert "our_copy" in done.out


def test_what_show_prints_check_reads(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "TotalSegmentator"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "mine.toml"
    file.write_text(run("segmenters", "show", "totalsegmentator").out, encoding="utf-8")
    done = run("segmenters", "check", file)
    assert (done.code, done.err) == (0, "")
    assert "ilium:left" in done.out


def test_what_is_missing_is_5_and_what_is_malformed_is_2(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("segmenters", "check", "totalspineseg").code == 5
    assert run("segmenters", "show", "elbow").code == 2
    file = tmp_path / "mine.toml"
    file.write_text("schema_version = 1\n", encoding="utf-8")
    done = run("segmenters", "check", file)
    assert done.code == 2
    assert str(tmp_path) not in done.err
