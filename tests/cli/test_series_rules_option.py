"""A site's own rules reach the series, the result and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

from tests.dicom.dicom_builder import SeriesSpec, stir_spec, write_series


def test_inspect_follows_the_sites_rules(run, tmp_path: Path) -> None:
    write_series(tmp_path / "study", SeriesSpec())
    write_series(tmp_path / "study", stir_spec())
    site = tmp_path / "site.toml"
    site.write_text("[timing]\nt1_echo_time = { high = 5, edge_high = 6 }\n", encoding="utf-8")
    shipped = json.loads(run("inspect", tmp_path / "study", "--json").out)
    own = json.loads(run("inspect", tmp_path / "study", "--json", "--series-rules", site).out)
    assert [series["identity"] for series in shipped["series"]] == ["t1", "stir"]
    assert [series["identity"] for series in own["series"]] == ["unknown", "stir"]


def test_malformed_rules_are_2_before_anything_is_read(run, tmp_path: Path) -> None:
    write_series(tmp_path / "study", SeriesSpec())
    site = tmp_path / "site.toml"
    site.write_text("[evidence]\nacept = { value = 0.8 }\n", encoding="utf-8")
    for command in (("inspect", tmp_path / "study"), ("analyze", tmp_path / "study", "-o", tmp_path / "out")):
        done = run(*command, "--series-rules", site)
        assert done.code == 2
        assert "evidence.acept" in done.err
        assert str(tmp_path) not in done.err
