"""A process that writes the ledger is killed at random instants: what it said was written is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# One interpreter that forks its writers, so that twenty kills cost no twenty starts.
_KILLS = """
import os, random, signal, sqlite3, sys, time
from pathlib import Path
from marrowsignal.cohort.ledger import Ledger
from marrowsignal.cohort.records import CaseAnswer, CaseState, MadeCase, StudySource

OUT, KILLS, STUDIES = Path(sys.argv[1]), 20, 60
chance = random.Random(7)
sources = [StudySource(key=f"{number:012x}", paths=("/x",)) for number in range(STUDIES)]

def write_for_ever(told):
    while True:
        for round in range(1000):
            with Ledger.open(OUT) as ledger:
                # Other settings each time, so that all is to do again.
                plan = ledger.enqueue(sources, settings_sha256=f"{os.getpid()}-{round}")
                os.write(told, f"plan {os.getpid()}-{round}\\n".encode())
                for source in plan.to_do:
                    ledger.start(source.key)
                    made = MadeCase(case=source.key, pattern_class="mixed", confidence="low")
                    answer = CaseAnswer(state=CaseState.DONE, cases=(made,), input_sha256=str(round))
                    ledger.finish(source.key, answer)
                    os.write(told, f"done {source.key}\\n".encode())

for kill in range(KILLS):
    reading, writing = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(reading)
        write_for_ever(writing)
    os.close(writing)
    told = os.fdopen(reading, "rb")
    lines = [told.readline() for _ in range(chance.randrange(1, 3 * STUDIES))]
    instant = time.perf_counter() + chance.random() * 2e-3
    while time.perf_counter() < instant:
        pass
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    lines += told.read().splitlines(keepends=True)
    told.close()
    words = [line.decode().split() for line in lines if line.endswith(b"\\n")]
    last_plan = max(place for place, (what, _) in enumerate(words) if what == "plan")
    settings = words[last_plan][1]
    finished = {key for what, key in words[last_plan:] if what == "done"}
    with Ledger.open(OUT) as ledger:
        rows = {row.key: row for row in ledger.rows()}
        counts = ledger.counts()
    assert len(rows) == STUDIES
    assert counts.running == 0
    later = rows[sources[0].key].settings_sha256 != settings
    # A plan that was written but not told yet queues all again.
    assert later or {key for key, row in rows.items() if row.state is CaseState.DONE} >= finished
    assert len({row.settings_sha256 for row in rows.values()}) == 1
    assert all(row.cases for row in rows.values() if row.state is CaseState.DONE)
    whole = sqlite3.connect(OUT / "ledger.sqlite")
    assert whole.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    whole.close()
    print(kill, len(finished), later)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL")
def test_a_kill_at_any_instant_loses_nothing_that_was_written(tmp_path: Path) -> None:
    line = [sys.executable, "-c", _KILLS, str(tmp_path)]
    ended = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 20
