"""Bones and joints of the midfoot with lesions at them (SCIENCE D42)."""

from __future__ import annotations

from collections.abc import Iterable

from marrowsignal.protocol.schema import Protocol
from marrowsignal.signals.records import Lesion, Measurement
from marrowsignal.signals.statistics.descriptors import unmeasured

__all__ = ["charcot_measurements"]

_NAMES = (("D42", "charcot_bones"), ("D42", "charcot_joints"))


def charcot_measurements(lesions: Iterable[Lesion] | None, *, protocol: Protocol) -> tuple[Measurement, Measurement]:
    """D42: midfoot bones with a lesion near a joint, and joints between two of them.

    Parameters
    ----------
    lesions : iterable of Lesion or None
        Of the study; None where they were not looked for.
    protocol : Protocol
        Which bones make the midfoot, and which are joined.

    Returns
    -------
    tuple of Measurement
        Counts; not evaluable where the protocol has no midfoot.
    """
    midfoot = {spec.key: spec for spec in protocol.regions if spec.key in protocol.shapes.midfoot_bones}
    if not midfoot:
        return _none(f"the protocol {protocol.name} has no bones of the midfoot")
    if lesions is None:
        return _none("lesions were not looked for")
    near = protocol.lesions.subchondral_distance.value
    bones = set()
    for lesion in lesions:
        distance = lesion.measurement("joint_distance").value
        if lesion.region_key in midfoot and distance is not None and distance <= near:
            bones.add((lesion.region_key, lesion.side))
    # A joint counts once, whichever of its bones names the other.
    joints = {
        (frozenset((key, other)), side)
        for key, side in bones
        for other in midfoot[key].joint_with
        if (other, side) in bones
    }
    first, second = (
        Measurement(id=d, name=name, value=float(count))
        for (d, name), count in zip(_NAMES, (len(bones), len(joints)), strict=True)
    )
    return first, second


def _none(reason: str) -> tuple[Measurement, Measurement]:
    first, second = (unmeasured(d, name, reason) for d, name in _NAMES)
    return first, second
