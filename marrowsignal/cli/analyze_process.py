"""The command `analyze` in a process of its own, for studies that arrive while nobody looks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marrowsignal.pacs.records import Analysis, ArrivedStudy

__all__ = ["Analyzer"]

_LOOK_EACH_S = 0.5
_END_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """Analyzes a study by the command `analyze`; a crash or a leak stays in its process.

    Attributes
    ----------
    out : Path
        Folder of the cases.
    options : tuple of str
        Options of `analyze`, checked.
    stop : threading.Event
        Ends a process that runs; `Interrupted` is raised then.
    """

    out: Path
    options: tuple[str, ...]
    stop: threading.Event

    def __call__(self, study: ArrivedStudy) -> Analysis:
        """Analyze all pairs of a study; what failed stands in the answer, in the command's own words."""
        from marrowsignal.pacs.records import Analysis

        words = ("analyze", str(study.images), "-o", str(self.out), "--json", "--quiet", *self.options)
        line = [sys.executable, "-m", "marrowsignal", *words]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
            said, errors = self._finish(process)
        cases = _case_names(said)
        if process.returncode == 0:
            return Analysis(cases=cases)
        _, found, words_of_error = errors.partition("error: ")
        problem = words_of_error.strip() if found else f"the analysis ended with exit code {process.returncode}"
        return Analysis(cases=cases, problem=problem)

    def _finish(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        from marrowsignal.pacs.listener import Interrupted

        while True:
            try:
                said = process.communicate(timeout=_LOOK_EACH_S)
            except subprocess.TimeoutExpired:
                if not self.stop.is_set():
                    continue
                process.terminate()
                try:
                    process.communicate(timeout=_END_WITHIN_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                raise Interrupted from None
            # Ctrl-C reaches both processes.
            if self.stop.is_set() and process.returncode != 0:
                raise Interrupted
            return said


def _case_names(said: str) -> tuple[str, ...]:
    if not said.strip():
        return ()
    documents = json.loads(said)
    return tuple(str(one["case"]) for one in (documents if isinstance(documents, list) else [documents]))
