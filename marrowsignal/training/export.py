"""From trained weights to the file that is shipped, and its card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from onnx import ModelProto
from torch import Tensor, nn

from marrowsignal.training.network import BoneNet
from marrowsignal.training.randomize import CHANNELS, SIZE

__all__ = ["Card", "onnx_of", "write_network"]

_OPSET = 18
_MULTIPLE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is told of the network beside its file; see `marrowsignal.marrow.automatic.weights.NetworkCard`."""

    version: str
    command: str
    seed: int
    people: int
    steps: int
    held_out_people: int
    held_out_dice: dict[str, float]
    dice_intercept: float
    dice_slope: float
    dice_low: float
    dice_high: float


class _Shares(nn.Module):
    """The network with probabilities in place of logits."""

    def __init__(self, net: BoneNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return torch.softmax(self.net(images), dim=1)


def onnx_of(net: BoneNet) -> bytes:
    """Write a trained network as ONNX, for any number of slices and any size that is a multiple of 16."""
    slices, rows, columns = (torch.export.Dim(name, min=1) for name in ("slices", "row_blocks", "column_blocks"))
    shape = {0: slices, 2: _MULTIPLE * rows, 3: _MULTIPLE * columns}
    program = torch.onnx.export(
        _Shares(net).eval(),
        (torch.zeros(2, CHANNELS, SIZE, SIZE + _MULTIPLE),),
        input_names=["images"],
        output_names=["shares"],
        dynamic_shapes={"images": shape},
        opset_version=_OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    _forget_origin(model)
    return bytes(model.SerializeToString())


def _forget_origin(model: ModelProto) -> None:
    """Drop what the exporter notes of the machine: stack traces with paths, and names of modules."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def write_network(weights: bytes, card: Card, folder: Path) -> None:
    """Write ``bones.onnx`` and its card ``bones.json`` to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bones.onnx").write_bytes(weights)
    table = {**asdict(card), "sha256": hashlib.sha256(weights).hexdigest()}
    (folder / "bones.json").write_text(json.dumps(table, indent=2, sort_keys=True) + "\n", encoding="utf-8")
