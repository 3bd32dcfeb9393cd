"""Gradient-boosted trees kept as plain numbers: trained by scikit-learn, evaluated here, stored as text."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.errors import MaskError
from marrowsignal.threads import pool_threads

__all__ = ["Trees", "train_trees"]

_ROWS_AT_A_TIME = 4096
_DEPTH = 7
_LEAVES = 15
_LEAST_SAMPLES = 300
_LEARNING_RATE = 0.07
# Few subjects: trees that each see some features only, and small leaves held back, carry over better.
_SHARE_OF_FEATURES = 0.25
_L2 = 20.0
_SEED = 1
# Largest difference of a probability from the library's own.
_SAME = 1e-6
_ARRAYS = {
    "feature": np.int32,
    "left": np.int32,
    "right": np.int32,
    "threshold": np.float32,
    "value": np.float64,
    "roots": np.int32,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """A sum of binary decision trees.

    Attributes
    ----------
    start : float
        Log-odds before the first tree.
    features : int
        How many numbers a voxel brings.
    feature, left, right : ndarray of int32, shape (node,)
        What a node asks and where it sends to; a leaf sends to itself.
    threshold : ndarray of float32, shape (node,)
        Values up to it go left.
    value : ndarray of float64, shape (node,)
        Log-odds a leaf adds.
    roots : ndarray of int32, shape (tree,)
        First node of each tree.
    """

    start: float
    features: int
    feature: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    threshold: NDArray[np.float32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]

    def to_text(self) -> bytes:
        """Return the trees as JSON, one list a line."""
        return (json.dumps(self.to_plain(), separators=(",", ":")).replace("],", "],\n") + "\n").encode()

    @classmethod
    def from_text(cls, content: bytes) -> Trees:
        """Build trees from `to_text`; raises as `from_plain`."""
        return cls.from_plain(json.loads(content))

    def to_plain(self) -> dict[str, object]:
        """Return the trees as numbers and lists for a text file; floats survive to the bit."""
        lists = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {"start": self.start, "features": self.features, **lists}

    @classmethod
    def from_plain(cls, plain: dict[str, object]) -> Trees:
        """Build trees from `to_plain`.

        Raises
        ------
        KeyError, ValueError, TypeError
            If they are not whole, or a node points outside.
        """
        arrays = {name: np.asarray(plain[name], dtype) for name, dtype in _ARRAYS.items()}
        trees = cls(start=float(plain["start"]), features=int(plain["features"]), **arrays)  # type: ignore[call-overload,arg-type]
        nodes = len(trees.value)
        if any(len(arrays[name]) != nodes for name in ("feature", "left", "right", "threshold")):
            raise ValueError("trees of different lengths")
        if not trees.features > trees.feature.max() or trees.feature.min() < 0:
            raise ValueError("a node asks for a feature that is not there")
        pointers = np.concatenate([trees.left, trees.right, trees.roots])
        if pointers.min() < 0 or pointers.max() >= nodes:
            raise ValueError("a node points outside")
        return trees

    def probability(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of each row of `features`, shape (row, feature).

        Raises
        ------
        MaskError
            If rows hold another number of features than the trees were trained on.
        """
        if features.shape[1] != self.features:
            raise MaskError(
                "the trees of the atlas ask for other features than this version of marrowsignal gives",
                code="atlas_other_features",
                stage="segment_marrow",
                hint="build the atlas again with this version",
            )
        blocks = [features[first : first + _ROWS_AT_A_TIME] for first in range(0, len(features), _ROWS_AT_A_TIME)]
        with ThreadPoolExecutor(pool_threads()) as pool:
            odds = np.concatenate([np.empty(0), *pool.map(self._log_odds, blocks)])
        return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float32)

    def _log_odds(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        # `take` lets other threads run, indexing by brackets does not.
        flat = features.ravel()
        offset = np.arange(len(features)) * features.shape[1]
        odds = np.full(len(features), self.start)
        children = np.stack([self.right, self.left], axis=1).ravel()
        for root in self.roots:
            node = np.full(len(features), root)
            for _ in range(_DEPTH):
                low = flat.take(offset + self.feature.take(node)) <= self.threshold.take(node)
                node = children.take(2 * node + low)
            odds += self.value.take(node)
        return odds


def train_trees(features: NDArray[np.float32], inside: NDArray[np.bool_], *, rounds: int) -> Trees:
    """Learn what tells voxels inside from those outside; the same trees on every run.

    Parameters
    ----------
    features : ndarray of float32, shape (sample, feature)
        Finite.
    inside : ndarray of bool, shape (sample,)
        Truth.
    rounds : int
        How many trees.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - slow to import
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    model = HistGradientBoostingClassifier(
        max_iter=rounds,
        max_depth=_DEPTH,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=_LEAST_SAMPLES,
        learning_rate=_LEARNING_RATE,
        max_features=_SHARE_OF_FEATURES,
        l2_regularization=_L2,
        early_stopping=False,
        random_state=_SEED,
    )
    with threadpool_limits(limits=1):
        model.fit(features, inside)
        trees = _plain(model)
        some = features[:: max(1, len(features) // 1000)]
        if not np.allclose(trees.probability(some), model.predict_proba(some)[:, 1], atol=_SAME):
            raise RuntimeError("the trees of this scikit-learn have another form")
    return trees


def _plain(model: object) -> Trees:
    """Copy the nodes of a fitted model: scikit-learn has no public way to them."""
    nodes = [tree.nodes for (tree,) in model._predictors]  # type: ignore[attr-defined]
    roots = np.cumsum([0, *(len(tree) for tree in nodes)])[:-1].astype(np.int32)
    base = np.repeat(roots, [len(tree) for tree in nodes])
    every = np.concatenate(nodes)
    leaf = every["is_leaf"].astype(bool)
    itself = np.arange(len(every), dtype=np.int32)
    return Trees(
        start=float(np.ravel(model._baseline_prediction)[0]),  # type: ignore[attr-defined]
        features=int(model.n_features_in_),  # type: ignore[attr-defined]
        feature=np.where(leaf, 0, every["feature_idx"]).astype(np.int32),
        left=np.where(leaf, itself, every["left"] + base).astype(np.int32),
        right=np.where(leaf, itself, every["right"] + base).astype(np.int32),
        threshold=_not_above(np.where(leaf, 0.0, every["num_threshold"])),
        value=np.where(leaf, every["value"], 0.0).astype(np.float64),
        roots=roots,
    )


def _not_above(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round down to float32: float32 features compare as they did with the float64 threshold."""
    near = threshold.astype(np.float32)
    return np.where(near.astype(np.float64) > threshold, np.nextafter(near, np.float32(-np.inf)), near)
