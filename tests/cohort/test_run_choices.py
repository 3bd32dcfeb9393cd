"""What a user chose has a hash that changes when, and only when, results would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from marrowsignal.cohort.ledger_plan import PlannedStudy, Why
from marrowsignal.cohort.records import StudySource
from marrowsignal.cohort.run_choices import RunChoices

OWN = 'extends = "knee"\nname = "mine"\n'


@pytest.fixture
def choices(tmp_path: Path) -> RunChoices:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(OWN, encoding="utf-8")
    for name in ("atlas", "same", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "people.json").write_text("other" if name == "other" else "people", encoding="utf-8")
    return RunChoices(
        out=tmp_path / "out", protocol=str(tmp_path / "a.toml"), marrow_from=f"atlas:{tmp_path / 'atlas'}"
    )


def test_places_do_not_count_and_contents_do(choices: RunChoices, tmp_path: Path) -> None:
    same = replace(
        choices,
        out=tmp_path / "elsewhere",
        protocol=str(tmp_path / "b.toml"),
        marrow_from=f"atlas:{tmp_path / 'same'}",
    )
    assert same.sha256() == choices.sha256()
    (tmp_path / "b.toml").write_text(OWN.replace("knee", "hips"), encoding="utf-8")
    assert same.sha256() != choices.sha256()


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": None},
        {"protocol": "hips"},
        {"marrow_from": "automatic"},
        {"allow_t1_only": True},
        {"dicom": False},
        {"layout": "bids"},
    ],
)
def test_each_choice_counts(choices: RunChoices, change: dict[str, object]) -> None:
    assert replace(choices, **change).sha256() != choices.sha256()


def test_another_atlas_counts(choices: RunChoices, tmp_path: Path) -> None:
    assert replace(choices, marrow_from=f"atlas:{tmp_path / 'other'}").sha256() != choices.sha256()


def test_a_task_holds_for_processes_of_other_folders(
    choices: RunChoices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = RunChoices(out=Path("out"), protocol="a.toml", lesions_from="atlas:atlas", series_rules=Path("rules.toml"))
    source = StudySource(key="k", paths=("in/a",), marrow="mask.nii.gz")
    task = here.task(PlannedStudy(source=source, why=Why.NEW, done_input_sha256="x"))
    named = (task.out, task.series_rules, task.source.protocol, task.source.marrow, *task.source.paths)
    assert named == tuple(str(tmp_path / name) for name in ("out", "rules.toml", "a.toml", "mask.nii.gz", "in/a"))
    assert (task.lesions_from, task.marrow_from, task.done_input_sha256) == (
        f"atlas:{tmp_path / 'atlas'}",
        "automatic",
        "x",
    )
    own = here.task(PlannedStudy(source=source.model_copy(update={"protocol": "hips"}), why=Why.NEW))
    assert own.source.protocol == "hips", "what the manifest says comes first"


def test_a_segmenter_of_ones_own_counts_by_its_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.toml", "b.toml"):
        Path(name).write_text("timeout_s = 1", encoding="utf-8")
    first, second = (RunChoices(out=tmp_path, marrow_from=f"external:{name}.toml") for name in "ab")
    before = first.sha256()
    assert second.sha256() == before
    Path("a.toml").write_text("timeout_s = 2", encoding="utf-8")
    assert first.sha256() != before
    task = first.task(PlannedStudy(source=StudySource(key="a", paths=("/x",)), why=Why.NEW))
    assert task.marrow_from == f"external:{tmp_path / 'a.toml'}"
