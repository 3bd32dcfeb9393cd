"""``marrowsignal calibrate`` from folders to a protocol that loads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from marrowsignal.protocol import load_protocol
from tests.calibration.cohorts import write_cohort
from tests.calibration.test_calibrate import normal_people, sick_people
from tests.cli.conftest import Outcome

Run = Callable[..., Outcome]


def cohort(tmp_path: Path) -> Path:
    return write_cohort([*normal_people(60, seed=1), *sick_people(25, seed=2)], tmp_path / "cohort")


def labels(tmp_path: Path) -> Path:
    rows = [f"e{k:03},edema" for k in range(25)] + [f"i{k:03},infiltration" for k in range(25)]
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(["case,label", *rows]) + "\n", encoding="utf-8")
    return file


def test_a_cohort_becomes_a_protocol_that_checks(tmp_path: Path, run: Run) -> None:
    made = tmp_path / "site.toml"
    done = run("calibrate", cohort(tmp_path), "-o", made, "--labels", labels(tmp_path), "--all-normal")
    assert done.code == 0
    assert "evidence.stir_muscle_edema_min" in done.out and "kept" in done.out
    assert "110 studies of 110 people" in done.out
    assert run("protocol", "check", made).code == 0
    rules = load_protocol(str(made))
    assert (
        rules.evidence.stir_muscle_edema_min.value != load_protocol("pelvis_sij").evidence.stir_muscle_edema_min.value
    )
    assert "calibrated on" in rules.evidence.stir_muscle_edema_min.source


def test_json_holds_every_number_and_no_path(tmp_path: Path, run: Run) -> None:
    done = run("calibrate", cohort(tmp_path), "-o", tmp_path / "site.toml", "--json")
    content = json.loads(done.out)
    assert content["studies"] == 110
    assert all(one["new"] is None for one in content["outcomes"] if one["path"].startswith("evidence"))
    assert str(tmp_path) not in done.out


def test_a_cohort_too_small_keeps_every_number_and_says_so(tmp_path: Path, run: Run) -> None:
    few, made = write_cohort(normal_people(6, seed=1), tmp_path / "few"), tmp_path / "site.toml"
    done = run("calibrate", few, "-o", made, "--all-normal")
    assert done.code == 0
    assert "are needed" in done.out and "too small to change it" in done.out
    old, new = load_protocol("pelvis_sij"), load_protocol(str(made))
    assert new.version != old.version
    assert new.model_copy(update={"version": old.version}) == old


def test_a_protocol_of_ones_own_is_extended_from_beside_it(tmp_path: Path, run: Run) -> None:
    base = tmp_path / "own" / "base.toml"
    base.parent.mkdir()
    base.write_text('extends = "pelvis_sij"\n', encoding="utf-8")
    made = tmp_path / "made" / "site.toml"
    made.parent.mkdir()
    done = run(
        "calibrate", cohort(tmp_path), "-o", made, "--labels", labels(tmp_path), "--all-normal", "--protocol", base
    )
    assert done.code == 0
    assert 'extends = "../own/base.toml"' in made.read_text(encoding="utf-8")
    assert run("protocol", "check", made).code == 0


def test_a_protocol_that_is_there_is_not_overwritten(tmp_path: Path, run: Run) -> None:
    made = tmp_path / "site.toml"
    made.write_text("mine", encoding="utf-8")
    assert run("calibrate", cohort(tmp_path), "-o", made).code == 2
    assert made.read_text(encoding="utf-8") == "mine"


def test_an_empty_cohort_is_told(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    done = run("calibrate", tmp_path / "empty", "-o", tmp_path / "site.toml")
    assert done.code == 5 and "no result.json" in done.err
    assert not (tmp_path / "site.toml").exists()
