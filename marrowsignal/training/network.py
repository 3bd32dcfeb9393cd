"""The network: a small U-Net that sees one slice with its neighbours."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, cat, nn

__all__ = ["BoneNet"]

_WIDTHS = (16, 32, 64, 96, 128)


def _block(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.LeakyReLU(0.05, inplace=True),
        nn.Conv2d(outside, outside, 3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.LeakyReLU(0.05, inplace=True),
    )


class BoneNet(nn.Module):
    """U-Net of five levels.

    Parameters
    ----------
    channels : int
        Of the input.
    classes : int
        Of the output; its logits have the shape (batch, classes, row, column).
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        into = (channels, *_WIDTHS[:-1])
        self.down = nn.ModuleList(_block(i, o) for i, o in zip(into, _WIDTHS, strict=True))
        pairs = list(pairwise(_WIDTHS))
        self.up = nn.ModuleList(_block(fine + coarse, fine) for fine, coarse in reversed(pairs))
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Conv2d(_WIDTHS[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of every class; rows and columns are multiples of 16."""
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            images = block(self.pool(images) if level else images)
            kept.append(images)
        images = kept.pop()
        for block in self.up:
            large = nn.functional.interpolate(images, scale_factor=2.0, mode="nearest")
            images = block(cat([kept.pop(), large], dim=1))
        return self.last(images)
