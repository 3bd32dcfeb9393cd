"""A stand-in on the PATH, and how to tell it what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.marrow.external.stand_in import install

if sys.platform == "win32":
    pytest.skip("stand-ins are scripts with a first line that only POSIX follows", allow_module_level=True)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stand-in leaves about how it was called."""
    monkeypatch.setenv("STAND_IN_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def totalsegmentator(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a stand-in on the PATH; call it to say how it shall behave."""
    monkeypatch.setenv("PATH", str(install(tmp_path / "bin").parent))

    def behave(**way: object) -> None:
        monkeypatch.setenv("STAND_IN", json.dumps(way))

    return behave
