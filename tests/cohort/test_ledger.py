"""The ledger against a plain model of it, and what it does when it cannot be had."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from marrowsignal.cohort.ledger import Ledger, preview
from marrowsignal.cohort.ledger_merge import ledger_rows
from marrowsignal.cohort.ledger_plan import Why
from marrowsignal.cohort.records import CaseAnswer, CaseState, MadeCase, StudySource
from marrowsignal.cohort.shards import in_shard
from marrowsignal.errors import OutputError, UsageError

_NOBODY = 65534
KEYS = tuple(f"{number:012x}" for number in range(5))


def source(key: str, *, version: int = 0, case: str | None = None) -> StudySource:
    return StudySource(key=key, paths=("/somewhere/Jane Doe",), signature=f"files {version}", case=case, files=4)


def made(*cases: str) -> tuple[MadeCase, ...]:
    return tuple(MadeCase(case=case, pattern_class="normal_for_age", confidence="high") for case in cases)


def write_case(out: Path, case: str) -> None:
    (out / case).mkdir(parents=True, exist_ok=True)
    (out / case / "result.json").write_bytes(b"{}")


def done(*cases: str, content: str = "content") -> CaseAnswer:
    return CaseAnswer(state=CaseState.DONE, cases=made(*cases), input_sha256=content, protocol_sha256="p", wall_s=2.0)


def run(out: Path, *sources: StudySource, settings_sha256: str = "s", retry_failed: bool = False) -> list[str]:
    """Do all that is to be done, each study into a folder of its key; return the keys that were done."""
    with Ledger.open(out) as ledger:
        plan = ledger.enqueue(sources, settings_sha256=settings_sha256, retry_failed=retry_failed)
        for one in plan.to_do:
            ledger.start(one.key)
            write_case(out, one.case or one.key)
            ledger.finish(one.key, done(one.case or one.key))
    return [one.key for one in plan.to_do]


@dataclass
class Remembered:
    """What a plain mind keeps of one study."""

    state: CaseState
    files: int
    choices: str
    attempts: int = 0
    folder_of: str | None = None
    """Settings that the case folder was made with; None where no run left one."""


class LedgerMachine(RuleBasedStateMachine):
    """Any order of runs, kills, changes and ends leaves the ledger as a plain mind would have it."""

    def __init__(self) -> None:
        super().__init__()
        self.out = Path(tempfile.mkdtemp())
        self.ledger = Ledger.open(self.out)
        self.model: dict[str, Remembered] = {}

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.out)

    def wanted(self, key: str, files: int, choices: str, retry: bool) -> bool:
        known = self.model.get(key)
        if known is None or known.state in (CaseState.QUEUED, CaseState.RUNNING):
            return True
        if (known.files, known.choices) != (files, choices):
            return True
        if known.state is CaseState.DONE:
            return not (self.out / key).exists()
        return known.state is CaseState.FAILED and retry

    @precondition(lambda self: all(known.state is not CaseState.RUNNING for known in self.model.values()))
    @rule(
        found=st.dictionaries(st.sampled_from(KEYS), st.integers(0, 1), min_size=1),
        choices=st.sampled_from("ab"),
        retry=st.booleans(),
        order=st.randoms(use_true_random=False),
    )
    def enqueue(self, found: dict[str, int], choices: str, retry: bool, order: object) -> None:
        sources = [source(key, version=files) for key, files in found.items()]
        order.shuffle(sources)  # type: ignore[attr-defined]
        wanted = sorted(key for key, files in found.items() if self.wanted(key, files, choices, retry))
        foreseen = {
            key
            for key in wanted
            if key in self.model and self.model[key].folder_of == choices and (self.out / key).exists()
        }
        plan = self.ledger.enqueue(sources, settings_sha256=choices, retry_failed=retry)
        assert [one.key for one in plan.to_do] == wanted
        assert [one.source.key for one in plan.studies] == sorted(found)
        assert {one.source.key for one in plan.studies if one.done_input_sha256} == foreseen
        assert plan.not_found == len(self.model.keys() - found.keys())
        for key in wanted:
            old = self.model.get(key)
            same = old is not None and (old.files, old.choices) == (found[key], choices)
            self.model[key] = Remembered(
                CaseState.QUEUED,
                found[key],
                choices,
                attempts=old.attempts if same and old else 0,
                folder_of=old.folder_of if old else None,
            )

    def some(self, state: CaseState) -> list[str]:
        return sorted(key for key, known in self.model.items() if known.state is state)

    @precondition(lambda self: self.some(CaseState.QUEUED))
    @rule(pick=st.integers(0, 4))
    def start(self, pick: int) -> None:
        queued = self.some(CaseState.QUEUED)
        key = queued[pick % len(queued)]
        self.ledger.start(key)
        self.model[key].state = CaseState.RUNNING
        self.model[key].attempts += 1

    @precondition(lambda self: self.some(CaseState.RUNNING))
    @rule(pick=st.integers(0, 4), end=st.sampled_from(["done", "failed", "refused", "requeue", "partly"]))
    def end(self, pick: int, end: str) -> None:
        running = self.some(CaseState.RUNNING)
        key = running[pick % len(running)]
        known = self.model[key]
        if end == "requeue":
            self.ledger.requeue(key)
            known.state = CaseState.QUEUED
            return
        answer = CaseAnswer(state=CaseState.FAILED if end == "partly" else CaseState(end), input_sha256="i", reason=end)
        if end in ("done", "partly"):
            write_case(self.out, key)
            answer = answer.model_copy(update={"cases": made(key)})
            known.folder_of = known.choices if end == "done" else None
        self.ledger.finish(key, answer)
        known.state = answer.state

    @rule()
    def kill_and_open_again(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.out)
        for known in self.model.values():
            if known.state is CaseState.RUNNING:
                known.state = CaseState.QUEUED

    @rule(key=st.sampled_from(KEYS))
    def lose_a_folder(self, key: str) -> None:
        shutil.rmtree(self.out / key, ignore_errors=True)

    @invariant()
    def rows_are_as_remembered(self) -> None:
        rows = list(self.ledger.rows())
        assert {row.key: (row.state, row.attempts) for row in rows} == {
            key: (known.state, known.attempts) for key, known in self.model.items()
        }
        counts = self.ledger.counts()
        for state in CaseState:
            assert getattr(counts, state.value) == len(self.some(state))


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_nothing_is_done_twice_and_what_changes_is_done_again(tmp_path: Path) -> None:
    first, second = source("a" * 12), source("b" * 12)
    assert run(tmp_path, first, second) == [first.key, second.key]
    assert run(tmp_path, second, first) == []
    assert run(tmp_path, source(first.key, version=1), second) == [first.key]
    assert run(tmp_path, source(first.key, version=1), second, settings_sha256="other") == [first.key, second.key]
    shutil.rmtree(tmp_path / second.key)
    assert run(tmp_path, source(first.key, version=1), second, settings_sha256="other") == [second.key]


def test_what_was_done_is_told_to_who_finds_the_files_touched(tmp_path: Path) -> None:
    run(tmp_path, source("a" * 12))
    with Ledger.open(tmp_path) as ledger:
        (study,) = ledger.enqueue([source("a" * 12, version=1)], settings_sha256="s").studies
        assert (study.why, study.done_input_sha256) == (Why.INPUT_CHANGED, "content")
        ledger.start("a" * 12)
        ledger.finish("a" * 12, CaseAnswer(state=CaseState.DONE, unchanged=True, input_sha256="content"))
        row = ledger.row("a" * 12)
        assert row is not None
        assert (row.state, row.cases, row.superseded) == (CaseState.DONE, made("a" * 12), ())
    assert run(tmp_path, source("a" * 12, version=1)) == []


def test_another_choice_of_settings_never_takes_over_what_was_done(tmp_path: Path) -> None:
    run(tmp_path, source("a" * 12))
    with Ledger.open(tmp_path) as ledger:
        (study,) = ledger.enqueue([source("a" * 12)], settings_sha256="other").studies
        assert (study.why, study.done_input_sha256) == (Why.SETTINGS_CHANGED, None)


def test_folders_that_a_later_run_did_not_renew_are_known(tmp_path: Path) -> None:
    key = "a" * 12
    with Ledger.open(tmp_path) as ledger:
        for version, cases in enumerate([(f"{key}-left", f"{key}-right"), (f"{key}-left",), ()]):
            ledger.enqueue([source(key, version=version)], settings_sha256="s")
            ledger.start(key)
            ledger.finish(key, done(*cases) if cases else CaseAnswer(state=CaseState.REFUSED, reason="no pair"))
            row = ledger.row(key)
            assert row is not None
            expected = [(), (f"{key}-right",), (f"{key}-left", f"{key}-right")][version]
            assert (row.superseded, tuple(one.case for one in row.cases)) == (expected, cases)


def test_a_second_batch_is_told_and_changes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.enqueue([source("a" * 12)], settings_sha256="s")
        with pytest.raises(UsageError, match="another batch works on this"):
            Ledger.open(tmp_path)
        with Ledger.open(tmp_path, shard=(1, 2)):
            rows, findings = ledger_rows(tmp_path)
        assert rows == ()
        assert [finding.code for finding in findings] == ["ledger_in_use", "ledger_in_use"]
        ledger.start("a" * 12)
    assert [row.state for row in ledger_rows(tmp_path)[0]] == [CaseState.RUNNING]


def test_no_memory_is_shared_so_network_shares_serve(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.enqueue([source("a" * 12)], settings_sha256="s")
        assert not list(tmp_path.glob("*-shm"))
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_no_path_and_no_name_is_in_the_file(tmp_path: Path) -> None:
    run(tmp_path, source("a" * 12))
    assert b"Jane" not in (tmp_path / "ledger.sqlite").read_bytes()


def test_other_files_are_refused_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(b"no database at all, but long enough to be told from one" * 100)
    with pytest.raises(OutputError, match="is damaged"):
        Ledger.open(tmp_path)
    assert [finding.code for finding in ledger_rows(tmp_path)[1]] == ["ledger_damaged"]
    file.unlink()
    foreign = sqlite3.connect(file)
    foreign.execute("CREATE TABLE other (x)")
    foreign.close()
    with pytest.raises(OutputError, match="another program"):
        Ledger.open(tmp_path)


def test_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    run(tmp_path, source("a" * 12))
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(UsageError, match="newer marrowsignal"):
        Ledger.open(tmp_path)
    assert [finding.code for finding in ledger_rows(tmp_path)[1]] == ["ledger_newer"]


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from marrowsignal.cohort.ledger import Ledger
from marrowsignal.cohort.records import StudySource
from marrowsignal.errors import OutputError

out = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Ledger.open(out) as ledger:
    ledger.enqueue([StudySource(key="first", paths=("/x",))], settings_sha256="s")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, 1 << 18))
    many = [StudySource(key=f"{number:012x}", paths=("/x",)) for number in range(5000)]
    try:
        ledger.enqueue(many, settings_sha256="s")
    except OutputError as error:
        print(error.code)
    print([row.key for row in ledger.rows()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of file sizes")
def test_a_full_disk_is_an_error_of_ours_and_changes_nothing(tmp_path: Path) -> None:
    line = [sys.executable, "-c", _FULL_DISK, str(tmp_path)]
    told = subprocess.run(line, capture_output=True, text=True, check=True).stdout.split("\n")
    assert told[:2] == ["ledger_not_writable", "['first']"]
    assert [row.key for row in ledger_rows(tmp_path)[0]] == ["first"]


def test_a_study_given_twice_is_refused(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger, pytest.raises(UsageError, match="given twice"):
        ledger.enqueue([source("a" * 12), source("a" * 12)], settings_sha256="s")


def test_what_a_manifest_says_of_a_study_is_among_its_settings(tmp_path: Path) -> None:
    mask = tmp_path / "marrow.nii.gz"
    mask.write_bytes(b"one")
    out = tmp_path / "out"
    study = source("a" * 12, case="one").model_copy(update={"marrow": str(mask)})
    assert run(out, study) == [study.key]
    moved = tmp_path / "moved.nii.gz"
    shutil.copyfile(mask, moved)
    assert run(out, study.model_copy(update={"marrow": str(moved)})) == []
    moved.write_bytes(b"two")
    assert run(out, study.model_copy(update={"marrow": str(moved)})) == [study.key]
    assert run(out, study.model_copy(update={"marrow": None})) == [study.key]


def test_leftovers_of_killed_studies_go_and_no_others(tmp_path: Path) -> None:
    key, other = "a" * 12, "b" * 12
    with Ledger.open(tmp_path) as ledger:
        ledger.enqueue([source(key), source("c" * 12, case="p1"), source(other)], settings_sha256="s")
        ledger.start(key)
        ledger.start("c" * 12)
    gone = [f".{key}.abcd1234.partial", f".{key}-left.abcd1234.partial", f".sub-{key}left.abcd1234.partial"]
    gone.append(".p1.abcd1234.partial")
    kept = [f".{other}.abcd1234.partial", ".p10.abcd1234.partial", ".sub-p10.abcd1234.partial", ".marrowsignal-key"]
    for name in (*gone, *kept):
        (tmp_path / name / "new").mkdir(parents=True)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.counts().queued == 3
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.is_dir()) == sorted(kept)


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    sources = [source("a" * 12), source("b" * 12)]
    assert preview(out, sources, shard=None, settings_sha256="s").to_do == tuple(sources)
    assert not out.exists()
    run(out, sources[0])
    before = (out / "ledger.sqlite").read_bytes()
    foreseen = preview(out, sources, shard=None, settings_sha256="s")
    assert (out / "ledger.sqlite").read_bytes() == before
    with Ledger.open(out) as ledger:
        assert ledger.enqueue(sources, settings_sha256="s") == foreseen


def test_shards_and_whole_runs_know_of_each_other(tmp_path: Path) -> None:
    sources = [source(f"{number:012x}") for number in range(20)]
    for number in (1, 2, 3):
        with Ledger.open(tmp_path, shard=(number, 3)) as ledger:
            plan = ledger.enqueue(sources, settings_sha256="s")
            assert plan.other_shards == 20 - len(plan.studies)
            for one in plan.to_do:
                assert in_shard(one.key, (number, 3))
                ledger.start(one.key)
                write_case(tmp_path, one.key)
                ledger.finish(one.key, done(one.key))
    rows, findings = ledger_rows(tmp_path)
    assert [row.key for row in rows] == [one.key for one in sources]
    assert findings == ()
    assert run(tmp_path, *sources) == []
    changed = source(sources[0].key, version=1)
    with Ledger.open(tmp_path, shard=(1, 1)) as ledger:
        plan = ledger.enqueue([changed, *sources[1:]], settings_sha256="s")
        assert [one.key for one in plan.to_do] == [changed.key]
        assert plan.studies[0].done_input_sha256 == "content"


def test_of_two_ledgers_the_run_that_ended_last_counts(tmp_path: Path) -> None:
    one = source("a" * 12)
    run(tmp_path, one)
    with Ledger.open(tmp_path, shard=(1, 1)) as ledger:
        ledger.enqueue([one], settings_sha256="other")
        ledger.start(one.key)
        assert [row.state for row in ledger_rows(tmp_path)[0]] == [CaseState.DONE]
        ledger.finish(one.key, CaseAnswer(state=CaseState.FAILED, reason="later"))
    (row,) = ledger_rows(tmp_path)[0]
    assert (row.state, row.reason) == (CaseState.FAILED, "later")


def test_only_what_never_had_a_case_folder_is_forgotten(tmp_path: Path) -> None:
    run(tmp_path, source(KEYS[0]))
    failed = CaseAnswer(state=CaseState.FAILED, stage="find_series", code="input_unreadable", reason="cut")
    with Ledger.open(tmp_path) as ledger:
        ledger.enqueue([source(KEYS[1])], settings_sha256="s")
        ledger.start(KEYS[1])
        ledger.finish(KEYS[1], failed)
        ledger.forget(KEYS)
        assert [row.key for row in ledger.rows()] == [KEYS[0]]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such bits")
def test_a_preview_needs_no_leave_to_write() -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger.open(out := Path(folder, "out")) as ledger:
        write_case(out, KEYS[0])
        ledger.enqueue([source(KEYS[0])], settings_sha256="s")
        ledger.finish(KEYS[0], done(KEYS[0]))
        killed = Path(shutil.copytree(out, Path(folder, "killed")))
        assert (killed / "ledger.sqlite-wal").stat().st_size, "as a kill leaves it"
        for place in (killed, *killed.glob("ledger*")):
            place.chmod(0o555)
        Path(folder).chmod(0o755)
        before = {file.name: file.read_bytes() for file in killed.glob("ledger*")}
        with who_may_not_write():
            plan = preview(killed, [source(KEYS[0])], shard=None, settings_sha256="s")
            rows, findings = ledger_rows(killed)
        killed.chmod(0o755)
        assert {file.name: file.read_bytes() for file in killed.glob("ledger*")} == before
    assert plan.count(Why.DONE_BEFORE) == 1
    assert [row.key for row in rows] == [KEYS[0]] and not findings


@contextmanager
def who_may_not_write() -> Iterator[None]:
    """Be a user whom permissions hold."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
