"""`marrowsignal protocol` lists, shows and checks."""

from __future__ import annotations

from pathlib import Path

from marrowsignal.protocol import protocol_names


def test_list_names_every_built_in_protocol(run) -> None:
    done = run("protocol", "list")
    assert done.code == 0
    assert tuple(line.split()[0] for line in done.out.splitlines()) == protocol_names()


def test_what_show_prints_check_accepts(run, tmp_path: Path) -> None:
    shown = run("protocol", "show", "generic")
    file = tmp_path / "mine.toml"
    file.write_text(shown.out, encoding="utf-8")
    checked = run("protocol", "check", file)
    assert (shown.code, checked.code) == (0, 0)
    assert "valid" in checked.out


def test_a_malformed_protocol_is_2_and_says_where(run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('extends = "generic"\n[evidence.t1_drop_support]\nvalue = "nine"\n', encoding="utf-8")
    done = run("protocol", "check", file)
    assert done.code == 2
    assert "evidence.t1_drop_support.value" in done.err
    assert str(tmp_path) not in done.err


def test_unknown_names_are_2(run, tmp_path: Path) -> None:
    assert run("protocol", "show", "elbow").code == 2
    assert run("protocol", "check", tmp_path / "none.toml").code == 2


def test_series_rules_are_shown_and_checked(run, tmp_path: Path) -> None:
    shown = run("protocol", "show", "series")
    file = tmp_path / "site.toml"
    file.write_text(shown.out, encoding="utf-8")
    assert (shown.code, run("protocol", "check", "--series", file).code) == (0, 0)
    file.write_text("[text]\nstir = '(stir'\n", encoding="utf-8")
    refused = run("protocol", "check", "--series", file)
    assert refused.code == 2
    assert "text.stir" in refused.err
