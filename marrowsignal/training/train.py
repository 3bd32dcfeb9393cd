"""The training loop: Dice and cross entropy, a warm one-cycle schedule, everything from one seed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.training.network import BoneNet
from marrowsignal.training.people import Stack
from marrowsignal.training.randomize import CHANNELS, Batch, draw_batch

__all__ = ["train"]

_BATCH = 12
_PEAK_RATE = 4e-3
_WEIGHT_DECAY = 1e-4
_SAY_EVERY = 50
_KEEP_EVERY = 500


class _Batches(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Step after step; batch k is the same in every run."""

    def __init__(self, stacks: Sequence[Stack], *, steps: range, seed: int) -> None:
        self._stacks, self._steps, self._seed = stacks, steps, seed

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        batch: Batch = draw_batch(
            self._stacks, size=_BATCH, rng=np.random.default_rng([self._seed, self._steps[index]])
        )
        return batch.images, batch.classes


def loss_of(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross entropy plus what soft Dice lacks to 1, averaged over the classes in the batch.

    Parameters
    ----------
    logits : Tensor, shape (batch, class, row, column)
        Of the network.
    classes : Tensor of int64, shape (batch, row, column)
        Truth.

    Returns
    -------
    Tensor
        One number.
    """
    entropy = functional.cross_entropy(logits, classes)
    share = logits.float().softmax(dim=1)
    truth = functional.one_hot(classes, logits.shape[1]).permute(0, 3, 1, 2).float()
    both, sizes = (share * truth).sum((0, 2, 3)), (share + truth).sum((0, 2, 3))
    there = truth.sum((0, 2, 3)) > 0
    dice = (2.0 * both + 1.0) / (sizes + 1.0)
    return entropy + 1.0 - dice[there].mean()


def train(stacks: Sequence[Stack], *, rounds: Sequence[int], seed: int, keep: Path) -> BoneNet:
    """Train a network.

    Parameters
    ----------
    stacks : sequence of Stack
        People.
    rounds : sequence of int
        Batches of each round; a round warms up and cools down once, and goes on from the weights of the last.
    seed : int
        Of weights and batches.
    keep : Path
        Where the state is kept now and then.

    Returns
    -------
    BoneNet
        Trained, in evaluation mode.
    """
    torch.manual_seed(seed)
    # a second core is busy drawing batches
    torch.set_num_threads(1)
    net = BoneNet(CHANNELS, len(BoneClass))
    for number in range(len(rounds)):
        first = sum(rounds[:number])
        steps = range(first, first + rounds[number])
        _one_round(net, _stream(stacks, steps=steps, seed=seed), steps=steps, peak=_PEAK_RATE / (number + 1), keep=keep)
    return net.eval()


def _one_round(
    net: BoneNet, batches: Iterator[tuple[Tensor, Tensor]], *, steps: range, peak: float, keep: Path
) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, total_steps=len(steps), pct_start=0.1)
    begun, sums = time.perf_counter(), 0.0
    for step, (images, classes) in zip(steps, batches, strict=True):
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(images)
        loss = loss_of(logits.float(), classes)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        sums += float(loss.detach())
        done = step + 1
        if done % _SAY_EVERY == 0:
            sys.stderr.write(f"step {done} loss {sums / _SAY_EVERY:.3f} {time.perf_counter() - begun:.0f} s\n")
            sums = 0.0
        if done % _KEEP_EVERY == 0 or done == steps.stop:
            torch.save(net.state_dict(), keep)


def _stream(stacks: Sequence[Stack], *, steps: range, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    batches = _Batches(stacks, steps=steps, seed=seed)
    return iter(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=2, prefetch_factor=4))
