"""How far an outcome lies from what is true of a phantom; numpy only, since every peer's environment runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .clock import figure

__all__ = ["registration_figures", "shading_figures"]

Array = NDArray[np.float64]


def registration_figures(folder: Path, moved: Array) -> list[dict[str, str | float]]:
    """Error of moved marrow points along rows and columns of the T1; nothing where the truth is not known.

    Parameters
    ----------
    folder : Path
        As `prepare` left it.
    moved : ndarray of float64, shape (n, 3)
        Where the points of ``points.npy`` were found on the STIR, LPS mm.
    """
    if not (folder / "truth.npy").exists():
        return []
    points, truth, directions = (np.load(folder / f"{name}.npy") for name in ("points", "truth", "directions"))
    missed = (moved - (points @ truth[:3, :3].T + truth[:3, 3])) @ truth[:3, :3] @ directions
    error = np.linalg.norm(missed[:, 1:], axis=1)
    middle, high = np.quantile(error, [0.5, 0.95])
    return [figure("error, median", middle, "mm"), figure("error, 95 %", high, "mm")]


def shading_figures(folder: Path, fields: dict[str, NDArray[np.float32]]) -> list[dict[str, str | float]]:
    """Spread of the logarithm of found over true shading in the body and in its marrow, in percent.

    Parameters
    ----------
    folder : Path
        As `prepare` left it.
    fields : dict of str to ndarray of float32, shape (slice, row, column)
        Fields found on the T1 grid, by name of the series. One whose truth is not known has no figures.
    """
    found = []
    for series, field in fields.items():
        if (folder / f"{series}_bias.npy").exists():
            at, marrow = np.load(folder / "bias_at.npy"), np.load(folder / "bias_in_marrow.npy")
            off = np.log(field[tuple(at.T)].astype(float)) - np.log(np.load(folder / f"{series}_bias.npy"))
            found.append(figure(f"{series.upper()} left in body", 100.0 * off.std(), "%"))
            found.append(figure("in marrow", 100.0 * off[marrow].std(), "%"))
    return found
