"""The machine that was measured on, without its name and without paths."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

__all__ = ["machine"]

_LIBRARIES = ("marrowsignal", "numpy", "scipy", "simpleitk", "scikit-image", "pydicom")
_PEERS = ("itk-elastix", "dcm2niix")
_VERSIONS = "import sys; from importlib import metadata; print(*(metadata.version(n) for n in sys.argv[1:]), sep='\\n')"


def machine(peers: Path) -> dict[str, str | int | float]:
    """Tell processor, memory, system, and the versions that were compared.

    Parameters
    ----------
    peers : Path
        Interpreter of the peers' environment.

    Returns
    -------
    dict of str to str, int or float
        As it goes into the JSON file.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told: dict[str, str | int | float] = {
        "processor": _processor(),
        "processors_usable": usable,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    with suppress(OSError, ValueError, AttributeError):
        told["memory_gb"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    with suppress(OSError):
        told["load_at_start"] = round(os.getloadavg()[0], 2)
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            told[name] = metadata.version(name)
    with suppress(OSError, subprocess.CalledProcessError):
        found = subprocess.run([peers, "-c", _VERSIONS, *_PEERS], capture_output=True, text=True, check=True)
        told |= dict(zip(_PEERS, found.stdout.split(), strict=True))
    return told


def _processor() -> str:
    if sys.platform == "linux":
        with suppress(OSError, StopIteration):
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()
