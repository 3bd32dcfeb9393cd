"""The spine from T10 to the disc on S1, as parts to paint, landmarks and frames."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from marrowsignal.phantom.anatomy.rib_stubs import rib_stubs
from marrowsignal.phantom.anatomy.spinal_column import build_spine
from marrowsignal.phantom.anatomy.spinal_ligaments import (
    basivertebral_vein,
    flank_layers,
    longitudinal_ligaments,
    spinous_ligaments,
)
from marrowsignal.phantom.scene import Bone, Landmark, Layer
from marrowsignal.phantom.solids import Frame
from marrowsignal.phantom.subject import Subject

__all__ = ["spine_landmarks", "spine_parts", "vertebra_frames"]


def spine_parts(subject: Subject) -> tuple[Layer | Bone, ...]:
    """Spine from T10 to the disc on S1 with all that lies in its canal, from front to back.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    tuple of Layer or Bone
        Paint in this order; the sac reaches into the sacral canal.
    """
    spine = build_spine(subject)
    parts: list[Layer | Bone] = list(spine.sac.layers())
    parts += [basivertebral_vein(subject, v) for v in spine.vertebrae]
    parts += [v.bone() for v in spine.vertebrae]
    for disc in spine.discs:
        parts += disc.layers()
    for v, upper in zip(spine.vertebrae, (*spine.vertebrae[1:], None), strict=True):
        parts += longitudinal_ligaments(v)
        parts += flank_layers(v)
        if upper is not None:
            parts += spinous_ligaments(subject, v, tip_above=upper.spinous_tip())
        if v.name[0] == "T":
            parts += rib_stubs(v)
    return (*parts, *spine.sac.epidural_layers())


def spine_landmarks(subject: Subject) -> tuple[Landmark, ...]:
    """Places in the lumbar vertebrae where findings sit.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    tuple of Landmark
        For each of L1 to L5 endplates, body, anterior superior corner and pedicles.
    """
    return tuple(mark for v in build_spine(subject).vertebrae if v.name[0] == "L" for mark in v.landmarks())


def vertebra_frames(subject: Subject) -> Mapping[str, Frame]:
    """Where the vertebrae stand: middle of the body; axes to the left, to the back and up.

    Parameters
    ----------
    subject : Subject
        The person.

    Returns
    -------
    mapping of str to Frame
        By name, ``L5`` to ``T10``.
    """
    return MappingProxyType({v.name: v.frame for v in build_spine(subject).vertebrae})
