"""The harness of `make bench` runs, tells what it cannot measure, and its yardsticks are true. No time is asserted."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.__main__ import main
from benchmarks.peers.measured import Comparison, Measured, Quality, Spread, Way
from benchmarks.peers.steps.accuracy import registration_figures, shading_figures
from benchmarks.peers.steps.region_levels import by_regionprops, looped
from benchmarks.peers.studies import real_studies, sample_studies
from benchmarks.peers.table import lines_of, markdown_of
from benchmarks.peers.turns import ROOT, compare
from benchmarks.steady_state import Case, report


def told(*, wall: float = 0.5, cpu: float = 0.25, name: str = "size", value: float = 2.0) -> str:
    """Return a program that tells these figures as a step does."""
    figures = {"wall_s": [wall], "cpu_s": [cpu], "quality": [{"name": name, "value": value, "unit": "mm"}]}
    return f"print('noise'); print('''{json.dumps(figures)}''')"


def way(name: str, program: str, **more: object) -> Way:
    return Way(name=name, command=(sys.executable, "-c", program), **more)  # type: ignore[arg-type]


def compared(*ways: Way, rounds: int = 1) -> tuple[Measured, ...]:
    return compare(Comparison(name="one", study="two", threads=1, ways=ways, rounds=rounds))


def test_ratios_are_against_the_first_way() -> None:
    ours, peer = compared(way("ours", told(wall=0.5, cpu=0.25)), way("peer", told(wall=1.0, cpu=1.0)))
    assert (ours.times_first_wall, ours.times_first_cpu) == (1.0, 1.0)
    assert (peer.times_first_wall, peer.times_first_cpu) == (2.0, 4.0)
    assert peer.quality == (Quality(name="size", value=2.0, unit="mm"),)


def test_ways_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    programs = [f"open({str(log)!r}, 'a').write('{name}{{round}} ')" for name in "ab"]
    compared(*(way(name, program, tells=False) for name, program in zip("ab", programs, strict=True)), rounds=2)
    assert log.read_text() == "a0 b0 a1 b1 "


def test_a_whole_process_is_measured_from_outside() -> None:
    # in a fresh process: memory of a child is told as that of its parent where the parent's is larger
    program = """
from benchmarks.peers.measured import Way
from benchmarks.peers.turns import run_once
import sys
for size in (1, 201):
    code = f"x = b'1' * ({size} << 20)\\nfor n in range({size} * 10_000): pass"
    run = run_once(Way(name="", command=(sys.executable, "-c", code), tells=False), 1)
    print(run.peak_mb, run.cpu_s[0])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    (small_mb, small_s), (large_mb, large_s) = ([float(v) for v in line.split()] for line in done.stdout.splitlines())
    assert 190 < large_mb - small_mb < 210
    assert 0.0 < small_s < large_s


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not pin processes")
def test_a_way_gets_as_many_processors_as_threads() -> None:
    program = "import os; n = len(os.sched_getaffinity(0)); t = int(os.environ['OMP_NUM_THREADS'])\n"
    program += """print('{"wall_s": [1], "cpu_s": [%d], "quality": []}' % (10 * n + t))"""
    before = os.sched_getaffinity(0)
    (row,) = compared(way("counts", program))
    assert row.cpu_s is not None
    assert row.cpu_s.median == 11
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Way(name="bad", missing="it is not here"), "it is not here"),
        (Way(name="bad", command=("/nowhere/at/all",)), "cannot be started"),
        (way("bad", "raise ValueError('no /home/of/somebody here')"), "ended with 1"),
        (way("bad", "print('nothing of use')"), "no times"),
        (way("bad", "print('{}')"), "no times"),
    ],
)
def test_what_fails_is_told_and_stops_nothing(bad: Way, why: str) -> None:
    good, failed = compared(way("good", told()), bad)
    assert good.wall_s is not None
    assert failed.wall_s is None
    assert failed.times_first_wall is None
    assert why in failed.reason
    assert "/" not in failed.reason
    assert "not measured" in lines_of((good, failed))[-1]


def test_table_has_a_heading_for_each_group() -> None:
    rows = [
        Measured(comparison="bias", study=study, way="ours", threads=1, wall_s=Spread.of([1.0, 3.0, 2.0]))
        for study in ("a", "b")
    ]
    lines = lines_of(rows)
    assert [line for line in lines if not line.startswith(" ")] == ["bias: a, 1 thread", "bias: b, 1 thread"]
    assert "2.00 (1.00-3.00)" in lines[1]
    assert len({line.count("|") for line in markdown_of(rows).splitlines()}) == 1


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the inputs and the outcome of a quick run without peers."""
    folder = tmp_path_factory.mktemp("quick")
    files = {"--out": folder / "out" / "bench.json", "--inputs": folder, "--peers": folder / "none" / "python"}
    arguments = [str(part) for option in files.items() for part in option]
    assert main(["--quick", "--rounds", "1", "--only", "ingest,registration", *arguments]) == 0
    return folder


def test_parts_run_and_a_missing_peer_is_a_row(quick: Path) -> None:
    text = (quick / "out" / "bench.json").read_text()
    rows = {(row["comparison"], row["way"]): row for row in json.loads(text)["rows"]}
    for part in ("ingest", "registration"):
        ours = rows[part, "marrowsignal"]
        assert min(ours[key]["median"] for key in ("wall_s", "cpu_s", "peak_mb")) > 0
    assert rows["ingest", "SimpleITK"]["times_first_wall"] > 0
    assert "environment of the peers" in rows["registration", "itk-elastix"]["reason"]
    error = {one["name"]: one["value"] for one in rows["registration", "marrowsignal"]["quality"]}
    assert error["error, median"] < 2.0
    assert str(quick) not in text
    assert str(ROOT) not in text


def test_chained_script_tells_left_from_right(quick: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    script = ROOT / "benchmarks" / "peers" / "chained_script.py"
    phantom = quick / "moved"
    marrow = phantom / "truth" / "marrow.nii.gz"
    command = [sys.executable, script, phantom / "dicom", marrow, table]
    subprocess.run(command, check=True, capture_output=True)
    with table.open(newline="", encoding="utf-8") as stream:
        rows = {int(row["label"]): row for row in csv.DictReader(stream)}
    known = json.loads((phantom / "truth" / "truth.json").read_text())
    volumes = {region["label"]: region["volume_ml"] for region in known["regions"]}
    sides = {name: label for label, name in ((r["label"], r["name"]) for r in known["regions"])}
    left, right = sides["left_ilium"], sides["right_ilium"]
    assert {2 * left + 1, 2 * right} <= set(rows)
    assert {2 * left, 2 * right + 1}.isdisjoint(rows)
    for label, volume in volumes.items():
        parts = [float(rows[key]["area"]) for key in (2 * label, 2 * label + 1) if key in rows]
        assert sum(parts) / 1000 == pytest.approx(volume, rel=0.05)
    fat = [float(row["median-0"]) for row in rows.values()]
    assert all(np.isfinite(fat))


def test_registration_error_is_that_along_rows_and_columns(tmp_path: Path) -> None:
    points = np.random.default_rng(1).normal(0.0, 50.0, (200, 3))
    truth = np.eye(4)
    truth[:3, 3] = 5.0, 0.0, -2.0
    # slices follow each other along y
    directions = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    for name, array in (("points", points), ("truth", truth), ("directions", directions)):
        np.save(tmp_path / f"{name}.npy", array)
    exact = points + truth[:3, 3]
    for off, expected in (((0.0, 0.0, 0.0), 0.0), ((0.0, 9.0, 0.0), 0.0), ((3.0, 9.0, 4.0), 5.0)):
        middle, high = registration_figures(tmp_path, exact + off)
        assert middle["value"] == pytest.approx(expected, abs=1e-9)
        assert high["value"] == pytest.approx(expected, abs=1e-9)
    assert registration_figures(tmp_path / "real", exact) == []


def test_shading_error_forgets_the_level(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    at = np.argwhere(np.ones((3, 4, 5), bool))
    true = np.exp(rng.normal(0.0, 0.2, (3, 4, 5)))
    np.save(tmp_path / "bias_at.npy", at)
    np.save(tmp_path / "bias_in_marrow.npy", at[:, 0] == 1)
    np.save(tmp_path / "t1_bias.npy", true.reshape(-1))
    same = shading_figures(tmp_path, {"t1": (3.0 * true).astype(np.float32)})
    flat = shading_figures(tmp_path, {"t1": np.ones_like(true, np.float32)})
    assert [one["value"] for one in same] == pytest.approx([0.0, 0.0], abs=1e-4)
    assert flat[0]["value"] == pytest.approx(100.0 * np.log(true).std(), rel=1e-4)
    assert flat[1]["value"] == pytest.approx(100.0 * np.log(true[1]).std(), rel=1e-4)


def test_peers_compute_the_same_statistics() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, (4, 9, 9)).astype(np.uint16)
    counted = rng.random(labels.shape) < 0.7
    channels = tuple(rng.lognormal(size=labels.shape).astype(np.float32) for _ in range(2))
    np.testing.assert_allclose(looped(labels, counted, channels), by_regionprops(labels, counted, channels), rtol=1e-5)


def test_regions_of_the_benchmark_are_those_of_the_package() -> None:
    script = ROOT / "benchmarks" / "region_statistics.py"
    done = subprocess.run([sys.executable, script, "--repeat", "1"], check=True, capture_output=True, text=True)
    assert "all descriptors with intervals" in done.stdout


def test_real_studies_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MARROWSIGNAL_REAL_DATA", raising=False)
    assert real_studies() == ()
    monkeypatch.setenv("MARROWSIGNAL_REAL_DATA", str(tmp_path))
    assert real_studies() == ()
    assert all(study.dicom.is_dir() and study.marrow.is_file() for study in sample_studies())


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "ingest,taste"])
    assert ended.value.code == 2
    assert "there is no part taste" in capsys.readouterr().err


def test_steady_state_leaves_the_first_case_out() -> None:
    cases = [
        Case(wall_s=w, cpu_s=w, peak_mb=500.0, steps_cpu_s={"imports": 2.0, "align_pair": a, "write_case": 1.0})
        for w, a in ((9.0, 7.0), (3.0, 2.0), (5.0, 4.0))
    ]
    lines = {line[:22].strip(): line[22:].split() for line in report(cases, cases[:2])}
    assert lines["align_pair"] == ["7.00", "3.00", "2.00", "0.67"]
    assert lines["imports"][0] == "2.00"
    assert lines["all, CPU s"] == ["9.00", "4.00", "3.00", "0.75"]
