"""Run the installed command as a user would, once for each study."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
import pytest


@dataclass(frozen=True)
class Run:
    """One call of the command."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def document(self) -> dict[str, Any]:
        """Content of result.json."""
        return json.loads((self.folder / "result.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def call(command: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess]:
    """Call the command from a folder that is not the checkout, with nothing of ours on the path."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}

    def run(*arguments: object) -> subprocess.CompletedProcess:
        line = [str(command), *(str(argument) for argument in arguments)]
        return subprocess.run(
            line,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            cwd=elsewhere,
            env=environment,
        )

    return run


@pytest.fixture(scope="session")
def analyze(call, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Analyze a DICOM folder; the same call is made only once."""

    @cache
    def run(dicom: Path, *options: str) -> Run:
        out = tmp_path_factory.mktemp("out")
        done = call("analyze", dicom, "-o", out, "--case", "case", *options)
        return Run(done.returncode, done.stdout, done.stderr, out / "case")

    return run


@pytest.fixture(scope="session")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Copy a DICOM folder with every file changed by a function, in a shuffled order of names."""

    def copy(dicom: Path, change: Callable[[pydicom.Dataset], None] | None = None) -> Path:
        target = tmp_path_factory.mktemp("rewritten")
        files = sorted(path for path in dicom.rglob("*") if path.is_file())
        for number, file in enumerate(files):
            name = target / f"{(number * 7919) % 10007:05d}"
            if change is None:
                shutil.copy(file, name)
                continue
            dataset = pydicom.dcmread(file)
            change(dataset)
            dataset.save_as(name)
        return target

    return copy


@pytest.fixture(scope="session")
def focal(analyze, sample_data: Path) -> Run:
    """The study with a focal edema on one side."""
    return analyze(sample_data / "focal_edema_like" / "dicom")


@pytest.fixture(scope="session")
def reconversion(analyze, sample_data: Path) -> Run:
    """The study with symmetric red marrow, its true mask supplied."""
    study = sample_data / "reconversion_like"
    mask = str(study / "truth" / "marrow.nii.gz")
    return analyze(study / "dicom", "--marrow", mask, "--json", "--quiet")
