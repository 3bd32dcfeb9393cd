"""Whether a segmenter's left lies on the patient's left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding, Severity
from marrowsignal.geometry.volume import LabelVolume
from marrowsignal.protocol.schema import SegmenterSettings

__all__ = ["check_sides"]

_STAGE = "segment_marrow"
_LEFT, _RIGHT = ":left", ":right"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bone:
    """Patient x of the voxels called left and called right, mm."""

    key: str
    left: NDArray[np.float64]
    right: NDArray[np.float64]


def check_sides(labels: LabelVolume, *, settings: SegmenterSettings) -> tuple[LabelVolume, tuple[Finding, ...]]:
    """Compare the sides that a segmenter gave with patient space, and take them away where they are wrong.

    Parameters
    ----------
    labels : LabelVolume
        `names` with ``:left`` and ``:right``.
    settings : SegmenterSettings
        How much may lie on the wrong side; how far a lone side must lie off the midline to be judged.

    Returns
    -------
    labels : LabelVolume
        The same voxels; without sides in `names` where those contradict patient space, so that the midline tells them.
    findings : tuple of Finding
        ``segmenter_sides_swapped`` (fail) where a bone's left lies to the right of its right, as in a mirrored
        image; ``segmenter_sides_mixed`` (warn) where parts of a bone are called after the other side.

    Notes
    -----
    In LPS x grows to the patient's left.
    """
    bones, middle = _bones(labels)
    swapped = tuple(bone.key for bone in bones if _swapped(bone, middle, settings))
    if swapped:
        text = (
            f"The segmenter's left and right of {', '.join(swapped)} are swapped against the patient's: its masks may "
            "be mirrored too. Its sides are not used; look at the outline before you use its masks."
        )
        return _without_sides(labels, tuple(bone.key for bone in bones)), (
            Finding(code="segmenter_sides_swapped", stage=_STAGE, severity=Severity.FAIL, message=text),
        )
    mixed = tuple(bone.key for bone in bones if _mixed(bone, settings))
    if mixed:
        text = f"The segmenter calls parts of {', '.join(mixed)} after the other side: its sides are not used there."
        return _without_sides(labels, mixed), (
            Finding(code="segmenter_sides_mixed", stage=_STAGE, severity=Severity.WARN, message=text),
        )
    return labels, ()


def _bones(labels: LabelVolume) -> tuple[tuple[_Bone, ...], float | None]:
    values = {key: value for value, key in labels.names}
    sided = tuple(dict.fromkeys(_bare(key) for key in values if key != _bare(key)))
    x = labels.geometry.patient_axis(0)
    bones = tuple(
        _Bone(
            key=key,
            left=x[labels.array == values[key + _LEFT]] if key + _LEFT in values else np.empty(0),
            right=x[labels.array == values[key + _RIGHT]] if key + _RIGHT in values else np.empty(0),
        )
        for key in sided
    )
    unsided = x[np.isin(labels.array, [value for key, value in values.items() if key == _bare(key)])]
    return bones, float(np.median(unsided)) if unsided.size else None


def _swapped(bone: _Bone, middle: float | None, settings: SegmenterSettings) -> bool:
    apart = settings.off_midline.value
    if bone.left.size and bone.right.size:
        crumbs = min(bone.left.size, bone.right.size) < settings.mixed_sides.value * (bone.left.size + bone.right.size)
        return not crumbs and float(np.median(bone.right)) - float(np.median(bone.left)) > apart
    if middle is None:
        return False
    # A lone side is judged by the bones of the midline, where it lies clearly beside them.
    if bone.left.size:
        return float(np.median(bone.left)) < middle - apart
    return bool(bone.right.size) and float(np.median(bone.right)) > middle + apart


def _mixed(bone: _Bone, settings: SegmenterSettings) -> bool:
    if not bone.left.size or not bone.right.size:
        return False
    left, right = float(np.median(bone.left)), float(np.median(bone.right))
    between = (left + right) / 2
    wrong = int(np.count_nonzero(bone.left < between) + np.count_nonzero(bone.right > between))
    # Two sides so near to each other are one bone called by both names.
    share = wrong / (bone.left.size + bone.right.size)
    return left - right < settings.off_midline.value or share > settings.mixed_sides.value


def _without_sides(labels: LabelVolume, keys: tuple[str, ...]) -> LabelVolume:
    names = tuple((value, _bare(key) if _bare(key) in keys else key) for value, key in labels.names)
    return LabelVolume(array=labels.array, geometry=labels.geometry, names=names)


def _bare(key: str) -> str:
    return key.removesuffix(_LEFT).removesuffix(_RIGHT)
