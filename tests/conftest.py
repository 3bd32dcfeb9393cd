"""What every test may ask for: the folders of the project, of the real studies, and the command to run."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that workers end together; make test keeps this order."""
    items.sort(key=lambda item: not any(long in item.nodeid for long in LONGEST))


LONGEST = ("real_data", "end_to_end", "test_population", "test_compare", "test_privacy", "pacs")
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample_data(repository: Path) -> Path:
    """Synthetic studies with known truth."""
    return repository / "sample_data"


@pytest.fixture(scope="session")
def real_data(repository: Path) -> Path:
    """Real studies, never part of the project: MARROWSIGNAL_REAL_DATA, or ../shared/data."""
    folder = Path(os.environ.get("MARROWSIGNAL_REAL_DATA", repository.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real studies here: set MARROWSIGNAL_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def command() -> Path:
    """The console script: MARROWSIGNAL_COMMAND, or the one beside this interpreter."""
    given = os.environ.get("MARROWSIGNAL_COMMAND")
    found = given or shutil.which("marrowsignal", path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip("no command marrowsignal is installed: run make test")
    return Path(found)
