"""What the network learns from is what it sees later; needs PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from marrowsignal.marrow.automatic.appearance import appearance
from marrowsignal.marrow.automatic.classes import BoneClass
from marrowsignal.training.people import Stack

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: training)")


def stack() -> Stack:
    """A cube of marrow in muscle in fat."""
    shape = (12, 128, 128)
    species = np.zeros((12, *shape), np.uint8)
    species[0] = 255
    classes = np.zeros(shape, np.uint8)
    for kind, margin in ((5, 30), (1, 45)):
        inner = (slice(2, 10), slice(margin, 128 - margin), slice(margin, 128 - margin))
        species[(slice(None), *inner)] = 0
        species[(kind, *inner)] = 255
    classes[inner] = BoneClass.TIBIA
    return Stack(
        species=species,
        classes=classes,
        marrow_mask=classes > 0,
        normal_lps=np.array([0.0, 1.0, 0.0]),
        slice_distance_mm=4.0,
    )


def test_a_step_is_always_the_same_step() -> None:
    from marrowsignal.training.randomize import CHANNELS, SIZE, draw_batch

    one, again, other = (draw_batch([stack()], size=3, rng=np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert one.images.shape == (3, CHANNELS, SIZE, SIZE)
    assert torch.equal(one.images, again.images)
    assert torch.equal(one.classes, again.classes)
    assert not torch.equal(one.images, other.images)
    assert torch.isfinite(one.images).all()
    assert set(one.classes.unique().tolist()) <= {0, int(BoneClass.TIBIA)}


def test_training_sees_slices_as_the_run_does() -> None:
    from marrowsignal.training.randomize import SIZE, _appearance

    class Certain:
        """Draws no uncertainty of the level."""

        def normal(self, _mean: float, _sd: float, shape: tuple[int, ...]) -> np.ndarray:
            return np.zeros(shape)

    signal = np.random.default_rng(1).gamma(2.0, 1.0, (1, 2, SIZE, SIZE)).astype(np.float32)
    level = float(np.quantile(signal.ravel()[::7], 0.97)) + 1e-4
    seen = _appearance(torch.from_numpy(signal), Certain()).numpy()[0]
    np.testing.assert_allclose(seen, appearance(signal[0], level=level, pixel_mm=2.0), atol=2e-3)


def test_the_loss_falls_when_the_answer_is_right() -> None:
    from marrowsignal.training.train import loss_of

    classes = torch.zeros((2, 8, 8), dtype=torch.int64)
    classes[:, 2:6, 2:6] = 3
    right = 10.0 * torch.nn.functional.one_hot(classes, 10).permute(0, 3, 1, 2).float()
    assert loss_of(right, classes) < 0.1 < loss_of(torch.zeros_like(right), classes) < loss_of(-right, classes)


def test_exported_weights_answer_as_the_network_does() -> None:
    from marrowsignal.marrow.automatic.weights import Session
    from marrowsignal.training.export import onnx_of
    from marrowsignal.training.network import BoneNet
    from marrowsignal.training.randomize import CHANNELS

    torch.manual_seed(0)
    net = BoneNet(CHANNELS, len(BoneClass)).eval()
    images = np.random.default_rng(0).normal(size=(2, CHANNELS, 32, 48)).astype(np.float32)
    with torch.no_grad():
        shares = torch.softmax(net(torch.from_numpy(images)), dim=1).numpy()
    np.testing.assert_allclose(Session(onnx_of(net))(images), shares, atol=1e-5)
