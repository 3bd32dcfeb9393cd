"""`marrowsignal batch` as a user runs it: folders of many studies, a manifest, interruptions, a rerun."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from marrowsignal.cohort.discovery import Discovery
from marrowsignal.cohort.ledger_merge import ledger_rows
from tests.cohort.small_studies import damage, write_study, write_zip
from tests.dicom.dicom_builder import uid

PATIENT = "Mustermann"
FAST = ("--no-cohort", "--no-dicom")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five studies in nested folders: two good ones, one of them zipped; damaged; a broken archive; without STIR."""
    root = tmp_path_factory.mktemp("studies")
    write_study(root / "north" / PATIENT, "one")
    write_zip(root / "south" / f"{PATIENT}.zip", "two")
    write_study(root / "south" / "no stir", "three", stir=False)
    damage(write_study(root / "damaged", "four"))
    (root / "broken.zip").write_bytes(b"PK\3\4" + bytes(200))
    return root


def names(out: Path) -> set[str]:
    return {folder.name for folder in out.iterdir() if (folder / "result.json").is_file()}


def states(text: str) -> dict[str, str]:
    return {one["key"]: one["state"] for one in json.loads(text)["not_done"]}


def test_all_that_can_be_done_is_done_and_a_rerun_skips_it(run, studies: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    preview = run("batch", studies, "-o", out, "--dry-run", "--json")
    assert preview.code == 0 and not out.exists(), "nothing is written"
    assert all(one["to_do"] and one["why"] == "new" for one in json.loads(preview.out))

    first = run("batch", studies, "-o", out, "-j", "1", "--no-dicom", "--json")
    told = json.loads(first.out)
    assert first.code == 8, first.err
    assert (told["done"], told["refused"], len(names(out))) == (2, 1, 2)
    assert told["failed"] == told["studies"] - 3
    assert sorted(set(states(first.out).values())) == ["failed", "refused"]
    assert (out / "cohort.html").is_file() and (out / "cohort" / "studies.csv").is_file()
    for key, state in states(first.out).items():
        assert f"{state} {key}: " in first.err, "each failure is told with its reason as it happens"

    again = run("batch", studies, "-o", out, *FAST)
    assert again.code == 8, "what failed has failed still"
    assert f"{told['studies']} studies: {told['studies']} skipped" in again.out
    plan = run("batch", studies, "-o", out, "--no-dicom", "--dry-run")
    assert "0 to do" in plan.out and "skip" in plan.out

    public = "".join([preview.out, preview.err, first.out, first.err, again.out, again.err, plan.out])
    public += "".join(file.read_text("latin-1") for file in out.glob("ledger*"))
    public += "".join(file.read_text("latin-1") for file in (out / "cohort").iterdir())
    for secret in (PATIENT, str(tmp_path), str(studies), "north", str(uid("one")), "Hidden"):
        assert secret not in public
    private = (out / "private" / "sources.csv").read_text(encoding="utf-8")
    assert PATIENT in private and (out / "private").stat().st_mode & 0o077 == 0


def test_shards_share_the_studies_each_with_its_own_ledger(run, tmp_path: Path) -> None:
    for name in "abcdef":
        write_study(tmp_path / "in" / name, name, stir=False)
    out = tmp_path / "out"
    parts = [run("batch", tmp_path / "in", "-o", out, "-j", "1", "--json", "--shard", f"{n}/2") for n in (1, 2)]
    refused = [set(states(part.out)) for part in parts]
    assert len(refused[0] | refused[1]) == 6 and not refused[0] & refused[1]
    assert {file.name for file in out.glob("ledger*.sqlite")} == {"ledger-1-of-2.sqlite", "ledger-2-of-2.sqlite"}
    assert not (out / "cohort").exists(), "of one shard a cohort is not the cohort"


def test_a_manifest_names_studies_and_their_cases(run, tmp_path: Path) -> None:
    write_study(tmp_path / "in" / "a", stir=False)
    manifest = tmp_path / "in" / "manifest.csv"
    manifest.write_text("study;case\r\na;S017\r\n", encoding="utf-8")
    done = run("batch", manifest, "-o", tmp_path / "out", "--no-cohort", "-q")
    assert (done.code, done.err) == (8, "")
    assert done.out.startswith("1 studies: 1 refused\nrefused ")
    assert ",S017," in (tmp_path / "out" / "private" / "sources.csv").read_text(encoding="utf-8")
    changed = run("batch", manifest, "-o", tmp_path / "out", "--allow-t1-only", "--dry-run")
    assert "settings changed" in changed.out and "1 to do" in changed.out


def test_ctrl_c_twice_ends_at_once_and_the_next_run_goes_on(run, studies: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = studies / "north"
    line = [sys.executable, "-m", "marrowsignal", "batch", source, "-o", out, "-j", "1", *FAST]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as batch:
        assert batch.stderr is not None
        while "to do" not in batch.stderr.readline():
            assert batch.poll() is None
        # Its one study is begun right after this line; the second signal waits for the answer to the first.
        while not (children := subprocess.run(["pgrep", "-P", str(batch.pid)], check=False, stdout=-1).stdout.split()):
            assert batch.poll() is None
        batch.send_signal(signal.SIGINT)
        while "stopping: running studies" not in batch.stderr.readline():
            assert batch.poll() is None
        batch.send_signal(signal.SIGINT)
        said, errors = batch.communicate(timeout=60.0)
    assert batch.returncode == 130
    assert said == "1 studies: 1 waiting\n"
    assert "Traceback" not in errors
    assert names(out) == set() and not list(out.glob(".*.partial"))
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(int(child), 0)
    assert "interrupted" in run("batch", source, "-o", out, *FAST, "--dry-run").out


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--shard", "3/2"), 2, "a shard is given as I/N"),
        (("--layout", "nii"), 2, "--layout takes case or bids"),
        (("--protocol", "elbow"), 2, "elbow"),
        (("-j", "0"), 2, "-j"),
        (("-j", "1", "--dask-local", "2"), 2, "only one can be given"),
        (("--labels", "nowhere.csv"), 5, "there is no file"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    run, studies: Path, tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    done = run("batch", studies, "-o", tmp_path / "out", *options)
    assert (done.code, words in done.err) == (code, True), done.err
    assert not (tmp_path / "out").exists()


def test_a_place_without_studies_is_5(run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "readme.txt").write_text("nothing here")
    done = run("batch", tmp_path / "in", "-o", tmp_path / "out")
    assert (done.code, "no_studies" in done.err) == (5, True)


def test_an_output_that_cannot_be_written_is_6(run, studies: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run("batch", studies, "-o", tmp_path / "file" / "out").code == 6


def test_a_failure_is_forgotten_once_its_archive_is_put_right(run, tmp_path: Path) -> None:
    out, archive = tmp_path / "out", tmp_path / "in" / "one.zip"
    archive.parent.mkdir()
    archive.write_bytes(b"PK\3\4" + bytes(200))
    (before,) = states(run("batch", archive.parent, "-o", out, "-q", "--no-cohort", "--json").out)
    write_study(tmp_path / "study", "one", stir=False)
    shutil.make_archive(str(archive.with_suffix("")), "zip", tmp_path / "study")
    with pytest.MonkeyPatch.context() as share:
        share.setattr(Discovery, "looked_everywhere", False)
        run("batch", archive.parent, "-o", out, "-q", "--no-cohort")
    assert before in {row.key for row in ledger_rows(out)[0]}, "a share that is half there repairs nothing"
    done = run("batch", archive.parent, "-o", out, "-q", "--no-cohort", "--json")
    assert [(row.key, row.state.value) for row in ledger_rows(out)[0]] == [*states(done.out).items()]
    assert before not in (out / "private" / "sources.csv").read_text(encoding="utf-8-sig")
