"""Where a result comes from."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

__all__ = ["Provenance", "StepTime", "library_versions"]

_LIBRARIES = (
    "numpy",
    "scipy",
    "pydicom",
    "SimpleITK",
    "scikit-image",
    "scikit-learn",
    "onnxruntime",
    "highdicom",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """Wall time of one step, seconds."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Versions, hashes and timings of one analysis.

    Attributes
    ----------
    version : str
        Of marrowsignal.
    libraries : tuple of (str, str)
        Name and version of each library that can change a number.
    python : str
        Interpreter version.
    protocol_sha256 : str
        Hash of the resolved protocol.
    series_rules_sha256 : str
        Hash of the resolved rules by which the series were recognised.
    input_sha256 : str
        Hash over the sorted hashes of the files used, independent of names and order.
    mask_sha256 : str or None
        Hash of a supplied mask's labels on the T1 grid.
    finished_at : str
        ISO 8601 UTC time; with `step_times` the only parts that differ between runs of the same input.
    step_times : tuple of StepTime
        Wall times.
    """

    version: str
    libraries: tuple[tuple[str, str], ...]
    python: str
    protocol_sha256: str
    series_rules_sha256: str
    input_sha256: str
    mask_sha256: str | None
    finished_at: str
    step_times: tuple[StepTime, ...]


def library_versions() -> tuple[tuple[str, str], ...]:
    """Name and version of each library that can change a number."""
    return tuple((name, version(name)) for name in _LIBRARIES)


def python_version() -> str:
    """Interpreter version."""
    return platform.python_version()
