"""What the network tells apart."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["BoneClass"]


class BoneClass(IntEnum):
    """A bone, or the part of one that is counted or measured apart; whole bone with its cortex.

    The value is the channel of the network's output.
    """

    NONE = 0
    SACRUM = 1
    S1_BODY = 2
    HIP_BONE = 3
    FEMUR = 4
    VERTEBRAL_BODY = 5
    VERTEBRAL_ARCH = 6
    TIBIA = 7
    PATELLA = 8
    FIBULA = 9
