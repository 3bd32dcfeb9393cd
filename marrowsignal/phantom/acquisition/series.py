"""How a series is acquired: the settings of the scanner and what disturbs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from marrowsignal.phantom.acquisition.coil import Coil
from marrowsignal.phantom.acquisition.metal import Metal
from marrowsignal.phantom.acquisition.motion import Breathing
from marrowsignal.phantom.equations import fat_offset_hz
from marrowsignal.phantom.tissues import Sequence

__all__ = ["SeriesPhysics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPhysics:
    """How one series is acquired; every effect is off unless asked for.

    Attributes
    ----------
    sequence : Sequence
        Timing and field.
    gain : float
        Display units for a signal of 1.
    muscle_snr : float or None
        Signal of lean muscle over the noise of one channel, where coil and shading are 1; None for no noise.
    phase_encoding : {"ROW", "COL"}
        DICOM's InPlanePhaseEncodingDirection: along the rows of the picture (left-right) or its columns.
    resolution : tuple of float
        Acquired share of the reconstructed matrix along frequency and phase direction; the rest is zero-filled.
    taper : float
        Strength of the raw-data filter, see `kspace.resolution_window`.
    pixel_bandwidth_hz : float or None
        Per acquired pixel; None for no chemical shift. Negative when fat moves towards lower indices.
    coil : Coil
        Shading.
    breathing : Breathing or None
        Motion ghosts.
    metal : tuple of Metal
        Implants.
    """

    sequence: Sequence
    gain: float = 1.0
    muscle_snr: float | None = None
    phase_encoding: Literal["ROW", "COL"] = "ROW"
    resolution: tuple[float, float] = (1.0, 1.0)
    taper: float = 0.0
    pixel_bandwidth_hz: float | None = None
    coil: Coil = field(default_factory=Coil)
    breathing: Breathing | None = None
    metal: tuple[Metal, ...] = ()

    def __post_init__(self) -> None:
        if self.gain <= 0.0 or (self.muscle_snr is not None and self.muscle_snr <= 0.0):
            raise ValueError("gain and signal to noise are positive")
        if self.pixel_bandwidth_hz == 0.0:
            raise ValueError("a pixel has some bandwidth")
        if not all(0.0 < r <= 1.0 for r in self.resolution):
            raise ValueError("the acquired matrix is a share of the reconstructed one")
        if self.metal and self.pixel_bandwidth_hz is None:
            raise ValueError("what metal distorts depends on the pixel bandwidth")

    @property
    def phase_axis(self) -> int:
        """Index axis of a slice along which phase is encoded."""
        return 1 if self.phase_encoding == "ROW" else 0

    @property
    def fat_shift_px(self) -> float:
        """Displacement of fat along the frequency direction, in reconstructed pixels."""
        if self.pixel_bandwidth_hz is None:
            return 0.0
        return self.shift_px_per_hz * fat_offset_hz(self.sequence.magnetic_field_strength_t)

    @property
    def shift_px_per_hz(self) -> float:
        """Displacement along the frequency direction per Hz off resonance, in reconstructed pixels."""
        if self.pixel_bandwidth_hz is None:
            return 0.0
        return 1.0 / (self.pixel_bandwidth_hz * self.resolution[0])
