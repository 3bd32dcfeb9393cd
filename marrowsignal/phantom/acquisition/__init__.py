"""From species shares to a magnitude image: coil, k-space, motion, metal, noise."""

from marrowsignal.phantom.acquisition.acquire import AcquiredImage, acquire
from marrowsignal.phantom.acquisition.coil import Coil
from marrowsignal.phantom.acquisition.metal import Metal
from marrowsignal.phantom.acquisition.motion import Breathing
from marrowsignal.phantom.acquisition.series import SeriesPhysics

__all__ = ["AcquiredImage", "Breathing", "Coil", "Metal", "SeriesPhysics", "acquire"]
