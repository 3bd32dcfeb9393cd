"""First-order statistics of 40 regions on two images: scikit-image's table, and a loop that masks the image anew."""

from __future__ import annotations

import sys

from .measured import Comparison, Way
from .setting import Setting, step

__all__ = ["comparisons"]

_SCRIPT = "benchmarks/region_statistics.py"


def comparisons(setting: Setting) -> tuple[Comparison, ...]:
    """Try the regions of ``benchmarks/region_statistics.py``."""
    folder = setting.made("regions", _SCRIPT, "--save")
    return (
        Comparison(
            name="statistics",
            study="40 regions, 25 x 336 x 336",
            threads=1,
            rounds=setting.rounds,
            ways=(
                Way(name="marrowsignal", command=(sys.executable, _SCRIPT, "--step", str(folder))),
                step("loop", "region_levels", folder, shown="a loop over the regions"),
                step("regionprops", "region_levels", folder, shown="regionprops_table"),
            ),
        ),
    )
