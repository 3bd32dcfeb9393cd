"""The network as it is shipped: an ONNX file, and a card that says how it was made and how good it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import MaskError

__all__ = ["NetworkCard", "Session", "load_network", "network_card"]

_STAGE = "segment_marrow"
_WEIGHTS, _CARD = "bones.onnx", "bones.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCard:
    """How the network was made and what it was measured to do.

    Attributes
    ----------
    version : str
        Of the weights.
    sha256 : str
        Of the weights' file.
    command : str
        What makes them again.
    seed, people, steps : int
        Of the training.
    held_out_people : int
        People never trained on, whose studies gave the figures below.
    held_out_dice : tuple of (str, float)
        Median Dice of each bone class.
    dice_intercept, dice_slope : float
        Estimated Dice is intercept + slope * self-agreement.
    dice_low, dice_high : float
        5 and 95 % quantiles of true minus estimated Dice.
    """

    version: str
    sha256: str
    command: str
    seed: int
    people: int
    steps: int
    held_out_people: int
    held_out_dice: tuple[tuple[str, float], ...]
    dice_intercept: float
    dice_slope: float
    dice_low: float
    dice_high: float


@cache
def network_card() -> NetworkCard:
    """Return the card of the shipped network."""
    table = json.loads(_file(_CARD).decode("utf-8"))
    table["held_out_dice"] = tuple(sorted(table["held_out_dice"].items()))
    return NetworkCard(**table)


class Session:
    """Runs a network on one thread, so that it adds up in the same order whatever the machine is doing.

    Parameters
    ----------
    weights : bytes
        An ONNX file.
    """

    def __init__(self, weights: bytes) -> None:
        import onnxruntime as ort  # noqa: PLC0415 - heavy, and needed by this way to a mask alone

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        self._session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (slice, class, row, column) of images (slice, channel, row, column)."""
        return np.asarray(self._session.run(None, {"images": images})[0], np.float32)


@cache
def load_network() -> Session:
    """Load the shipped network.

    Returns
    -------
    callable
        Takes images (batch, channel, row, column) to probabilities (batch, class, row, column).

    Raises
    ------
    MaskError
        If the file is not the one its card tells of.
    """
    weights = _file(_WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != network_card().sha256:
        raise MaskError(
            "the network of the automatic segmentation is damaged: it is not the file its card tells of",
            code="network_damaged",
            stage=_STAGE,
            hint="install the package again, or supply a mask with --marrow",
        )
    return Session(weights)


def _file(name: str) -> bytes:
    return (files("marrowsignal.marrow.automatic") / "data" / name).read_bytes()
