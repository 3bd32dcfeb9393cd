"""Breathing: tissue in front moves from shot to shot, and k-space lines of one shot share its state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.acquisition.kspace import along
from marrowsignal.phantom.sheet import Sheet
from marrowsignal.phantom.tissues import Sequence

__all__ = ["Breathing", "line_states", "modulation", "moving_share"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breathing:
    """Quasi-periodic motion of what lies in front.

    Attributes
    ----------
    motion_mm : float
        Displacement along the patient's front-back axis, of which the part in the plane counts.
    ghost_fraction : float
        Change of signal, by motion through the plane and by flow.
    period_ms : float
        Mean length of a breath; each breath differs by about a tenth.
    still_behind_y_mm : float
        Patient y behind which nothing moves; full motion 50 mm further to the front.
    """

    motion_mm: float = 0.0
    ghost_fraction: float = 0.0
    period_ms: float = 4000.0
    still_behind_y_mm: float = -40.0


def moving_share(sheet: Sheet, breathing: Breathing) -> Array:
    """Share of the motion that each point takes part in, 0 to 1."""
    s = np.clip((breathing.still_behind_y_mm - sheet.axis(1)) / 50.0, 0.0, 1.0)
    return np.asarray(s * s * (3.0 - 2.0 * s))


def line_states(rng: np.random.Generator, *, window: Array, sequence: Sequence, breathing: Breathing) -> Array:
    """State of breath, -1 to 1, in which each phase-encoding line is acquired.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where breathing starts and how it varies.
    window : ndarray of float64, shape (lines,)
        Weights of the lines; those of weight 0 are not acquired.
    sequence : Sequence
        TR between shots, and how many lines one shot takes: interleaved over k-space, as in turbo spin echo.
    breathing : Breathing
        Period.

    Returns
    -------
    ndarray of float64, shape (lines,)
        In FFT order, with mean 0 over the acquired lines.
    """
    order = np.argsort(np.fft.fftfreq(len(window)), kind="stable")
    order = order[window[order] > 0.0]
    shots = -(-len(order) // sequence.echo_train_length)
    step = 2.0 * np.pi * sequence.repetition_time_ms / breathing.period_ms
    wander = 0.1 * np.sqrt(step) * np.cumsum(rng.standard_normal(shots))
    state = np.sin(rng.uniform(0.0, 2.0 * np.pi) + step * np.arange(shots) + wander)
    state = state[np.arange(len(order)) % shots]
    found = np.zeros(len(window))
    found[order] = state - state.mean()
    return found


def modulation(
    states: Array, *, shape: tuple[int, int], phase_axis: int, motion_px: tuple[float, float], ghost_fraction: float
) -> NDArray[np.complex128]:
    """Factor on the k-space of moving tissue.

    Parameters
    ----------
    states : ndarray of float64
        From `line_states`.
    shape : tuple of int
        Rows, columns.
    phase_axis : int
        0 or 1.
    motion_px : tuple of float
        Displacement at state 1 along rows' and columns' index.
    ghost_fraction : float
        Change of signal at state 1.

    Returns
    -------
    ndarray of complex128, shape (rows, columns)
        1 where the state is 0.
    """
    state = along(states, phase_axis)
    rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :]
    turn = (rows * motion_px[0] + columns * motion_px[1]) * state
    return np.asarray((1.0 + ghost_fraction * state) * np.exp(-2j * np.pi * turn))
