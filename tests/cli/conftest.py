"""Run the command line in this process and catch what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from marrowsignal.cli.app import main


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call `marrowsignal` with the given arguments."""

    def call(*arguments: object) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def study(sample_data: Path) -> Path:
    """DICOM folder of one synthetic study."""
    return sample_data / "focal_edema_like" / "dicom"
