"""The list of where studies lay: for its owner only, whole at any time, and of earlier runs too."""

from __future__ import annotations

import csv
import stat
import sys
from pathlib import Path

import pytest

from marrowsignal.cohort.records import StudySource
from marrowsignal.cohort.sources_file import mended_places, write_sources
from marrowsignal.errors import OutputError


def source(key: str, *paths: str, **others: str) -> StudySource:
    return StudySource(key=key, paths=paths, **others)  # type: ignore[arg-type]


def absolute(path: str) -> str:
    return str(Path(path).absolute())


def rows_of(file: Path) -> dict[str, dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return {row["key"]: row for row in csv.DictReader(stream)}


def test_every_study_is_found_again(tmp_path: Path) -> None:
    many = tuple(f"/data/Müller, Jörg/{number}" for number in range(3))
    sources = [
        source("b" * 12, "/data/one", case="mine"),
        source("a" * 12, *many),
        source("c" * 12, "/x", problem="cut"),
    ]
    rows = rows_of(write_sources(tmp_path, sources))
    assert list(rows) == ["a" * 12, "b" * 12, "c" * 12]
    place = rows["a" * 12]
    assert (place["place"], place["paths"], place["case"]) == (absolute("/data/Müller, Jörg"), "3", "a" * 12)
    assert rows["b" * 12]["case"] == "mine"
    assert rows["c" * 12]["problem"] == "cut"


def test_earlier_studies_stay_and_others_are_renewed(tmp_path: Path) -> None:
    file = write_sources(tmp_path, [source("a" * 12, "/old"), source("b" * 12, "/b")])
    before = file.read_bytes()
    assert write_sources(tmp_path, [source("b" * 12, "/b"), source("a" * 12, "/old")]).read_bytes() == before
    write_sources(tmp_path, [source("a" * 12, "/new")])
    assert {key: row["place"] for key, row in rows_of(file).items()} == {
        "a" * 12: absolute("/new"),
        "b" * 12: absolute("/b"),
    }
    assert [entry.name for entry in file.parent.iterdir()] == ["sources.csv"]


def test_a_file_out_of_form_is_begun_anew(tmp_path: Path) -> None:
    file = write_sources(tmp_path, [source("a" * 12, "/a")])
    file.write_bytes(b"something else\n1,2\n")
    assert list(rows_of(write_sources(tmp_path, [source("b" * 12, "/b")]))) == ["b" * 12]


def test_shards_do_not_write_each_others(tmp_path: Path) -> None:
    sources = [source(f"{number:012x}", "/x") for number in range(9)]
    files = [write_sources(tmp_path, sources, shard=(number, 2)) for number in (1, 2)]
    assert [file.name for file in files] == ["sources-1-of-2.csv", "sources-2-of-2.csv"]
    assert sorted(key for file in files for key in rows_of(file)) == [one.key for one in sources]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bits")
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o755)
    file = write_sources(tmp_path, [source("a" * 12, "/a")])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "private").write_bytes(b"a file in the way")
    with pytest.raises(OutputError, match="list of sources"):
        write_sources(tmp_path, [source("a" * 12, "/a")])


def test_a_problem_that_is_gone_is_told_only_where_it_was_looked_for_again(tmp_path: Path) -> None:
    keys = tuple(letter * 12 for letter in "abcd")
    places = ("/in/broken.zip", "/in/deep/damaged", "/elsewhere/broken.zip", "/in/good")
    problems = [{"problem": "cut"}] * 3 + [{}]
    earlier = [source(key, place, **told) for key, place, told in zip(keys, places, problems, strict=True)]
    write_sources(tmp_path, earlier)
    found = [source("e" * 12, "/in/broken.zip"), earlier[1]]
    assert mended_places(tmp_path, found, [Path("/in")]) == (keys[0],), "damaged still; elsewhere not looked at; good"
    assert mended_places(tmp_path, found, [Path("/m.csv")]) == (keys[0],), "a manifest names each place"
    assert mended_places(tmp_path, [earlier[3]], [Path("/in")]) == keys[:2], "taken away"
    assert mended_places(tmp_path, found, [Path("/in")], shard=(1, 2)) == (), "another shard's"
    assert set(rows_of(write_sources(tmp_path, found, forget=keys[:1]))) == {*keys[1:], "e" * 12}
