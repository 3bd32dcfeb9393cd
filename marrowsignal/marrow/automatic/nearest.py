"""Which bone is nearest to each voxel: enough to name the marrow of a mask, in a fraction of a segmentation's time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.marrow.automatic.bones import NamedBones, likeliest, name_bones
from marrowsignal.marrow.automatic.inference import STRAIGHT_AND_MIRRORED, Belief, believe
from marrowsignal.marrow.automatic.segment import is_counted
from marrowsignal.marrow.automatic.slices import Display, display_of, resampled
from marrowsignal.marrow.automatic.weights import load_network
from marrowsignal.protocol.schema import Protocol

__all__ = ["nearest_bones"]


def nearest_bones(pair: AlignedPair, *, protocol: Protocol) -> LabelVolume | None:
    """Tell for every voxel which bone it lies in or nearest to.

    The network is asked straight and mirrored at its own size, and bones are named on its own pixels: borders between
    bones lie in joints, where the sharp edges of `segment_automatic` make no difference.

    Parameters
    ----------
    pair : AlignedPair
        Bias-corrected, in any plane and any order of its axes.
    protocol : Protocol
        Smallest pieces, how vertebrae are counted.

    Returns
    -------
    LabelVolume or None
        A named value at every voxel of the T1 grid; None where no bone is found.
    """
    display = display_of(pair.t1.geometry)
    t1 = display.shown(pair.t1.array)
    stir = None if pair.comparable_stir is None else display.shown(pair.comparable_stir.array)
    belief = believe(load_network(), t1, stir, display=display, views=STRAIGHT_AND_MIRRORED)
    bones = _named(belief, pair, display, protocol)
    if not bones.names:
        return None
    spacing = (display.spacing_mm[0], belief.pixel_mm, belief.pixel_mm)
    nearest = ndimage.distance_transform_edt(
        bones.labels == 0, sampling=spacing, return_distances=False, return_indices=True
    )
    labels = _at_full_size(bones.labels[tuple(nearest)], bones, display, belief.pixel_mm, (t1.shape[1], t1.shape[2]))
    return LabelVolume(array=np.ascontiguousarray(display.stored(labels)), geometry=pair.t1.geometry, names=bones.names)


def _named(belief: Belief, pair: AlignedPair, display: Display, protocol: Protocol) -> NamedBones:
    """Name bones on the network's pixels; none lies in the air around, nor in padding."""
    count, rows, columns = belief.shares.shape[1:]
    grid = display.grid(pair.t1.geometry, shape=(count, rows, columns), pixel_mm=belief.pixel_mm)
    body = resampled(
        display.shown(pair.body_mask).astype(np.float32),
        pixel_mm=display.spacing_mm[1:],
        new_mm=(belief.pixel_mm, belief.pixel_mm),
        shape=(rows, columns),
    )
    classes = np.where(body > 0.5, likeliest(belief.shares), 0).astype(np.uint8)
    return name_bones(classes, grid, settings=protocol.automatic, counted=is_counted(protocol))


def _at_full_size(
    labels: NDArray[np.uint16], bones: NamedBones, display: Display, pixel_mm: float, shape: tuple[int, int]
) -> NDArray[np.uint16]:
    """Bring labels to the pixels of T1 with straight borders: the value whose pixels around weigh most."""
    found = np.full((len(labels), *shape), bones.names[0][0], np.uint16)
    most = np.zeros(found.shape, np.float32)
    for value, _ in bones.names:
        weight = resampled(
            (labels == value).astype(np.float32),
            pixel_mm=(pixel_mm, pixel_mm),
            new_mm=display.spacing_mm[1:],
            shape=shape,
        )
        more = weight > most
        found[more] = value
        np.maximum(most, weight, out=most)
    return found
