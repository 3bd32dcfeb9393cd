"""From species shares to a magnitude image: coil, k-space, motion, metal, noise."""

from marrowsignal.phantom.acquisition.acquire import AcquiredImage, acquire
from marrowsignal.phantom.acquisition.coil import Coil
from marrowsignal.phantom.acquisition.metal import Metal
from marrowsignal.phantom.acquisition.motion import Breathing
from marrowsignal.phantom.acquisition.protocols import SIJ_STIR_1_5T, SIJ_T1_1_5T
from marrowsignal.phantom.acquisition.series import SeriesPhysics

__all__ = [
    "SIJ_STIR_1_5T",
    "SIJ_T1_1_5T",
    "AcquiredImage",
    "Breathing",
    "Coil",
    "Metal",
    "SeriesPhysics",
    "acquire",
]
