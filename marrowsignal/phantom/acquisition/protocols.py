"""Series as they are usually acquired, set against real ones (`benchmarks/phantom_against_real.py`)."""

from __future__ import annotations

from marrowsignal.phantom.acquisition.coil import Coil
from marrowsignal.phantom.acquisition.motion import Breathing
from marrowsignal.phantom.acquisition.series import SeriesPhysics
from marrowsignal.phantom.tissues import STIR_1_5T, T1_TSE_1_5T

__all__ = ["SIJ_STIR_1_5T", "SIJ_T1_1_5T"]

# Set against five real sacroiliac studies: noise in their air is correlated as by a plain cut of the matrix (no
# filter) to 0.76 x 0.55 (T1) and 0.69 x 0.46 (STIR) of 336 x 336, phase along left-right; noise grows from the
# back to 10 cm depth by a factor of 1.4 to 2.4; in air it is a tenth of that in muscle
SIJ_T1_1_5T = SeriesPhysics(
    sequence=T1_TSE_1_5T,
    gain=2200.0,
    muscle_snr=42.0,
    resolution=(0.76, 0.55),
    pixel_bandwidth_hz=250.0,
    coil=Coil(bias_p5=0.8, bias_p95=1.25, back_share=0.6, depth_mm=130.0, air_fraction=0.1),
)
SIJ_STIR_1_5T = SeriesPhysics(
    sequence=STIR_1_5T,
    gain=3200.0,
    muscle_snr=15.0,
    resolution=(0.69, 0.46),
    pixel_bandwidth_hz=250.0,
    coil=Coil(bias_p5=0.75, bias_p95=1.3, back_share=0.5, depth_mm=130.0, air_fraction=0.1),
    breathing=Breathing(motion_mm=3.0, ghost_fraction=0.08),
)
