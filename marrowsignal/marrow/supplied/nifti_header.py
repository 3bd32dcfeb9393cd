"""What a NIfTI-1 header says that SimpleITK does not tell."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowsignal.findings import Finding, Severity

__all__ = ["NiftiHeader", "position_findings", "read_nifti_header"]

_STAGE = "segment_marrow"
_HEADER_BYTES = 348
_MOST_EXTENSION_BYTES = 1 << 20
_APART = 0.5  # pixels: two positions of one image that differ by less are one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NiftiHeader:
    """Position and extension of a NIfTI-1 file.

    Attributes
    ----------
    shape : tuple of int
        Length of the first three axes.
    by_qform, by_sform : ndarray of float64, shape (3, 4), or None
        Where an index of these axes lies, mm to the right, the front and the head reversed as NIfTI does; None where
        the code says that it is unset.
    extension : bytes
        Between header and voxels.
    """

    shape: tuple[int, int, int]
    by_qform: NDArray[np.float64] | None
    by_sform: NDArray[np.float64] | None
    extension: bytes


def read_nifti_header(path: Path) -> NiftiHeader | None:
    """Read a single-file NIfTI-1 header, packed or not; None for any other file."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if packed else raw as stream:
                header = stream.read(_HEADER_BYTES)
                if len(header) < _HEADER_BYTES or header[344:348] != b"n+1\0":
                    return None
                order = "<" if header[:4] == struct.pack("<i", _HEADER_BYTES) else ">"
                (offset,) = struct.unpack_from(f"{order}f", header, 108)
                length = offset - _HEADER_BYTES
                extension = stream.read(int(length)) if 0 < length <= _MOST_EXTENSION_BYTES else b""
    except (OSError, EOFError, zlib.error):
        return None
    return _header_of(header, order, extension)


def _header_of(header: bytes, order: str, extension: bytes) -> NiftiHeader:
    shape = struct.unpack_from(f"{order}3h", header, 42)
    codes = struct.unpack_from(f"{order}2h", header, 252)
    step = np.array(struct.unpack_from(f"{order}4f", header, 76))
    quaternion = struct.unpack_from(f"{order}6f", header, 256)
    rows = np.array(struct.unpack_from(f"{order}12f", header, 280)).reshape(3, 4)
    return NiftiHeader(
        shape=shape,
        by_qform=_by_quaternion(quaternion, step) if codes[0] > 0 else None,
        by_sform=rows if codes[1] > 0 else None,
        extension=extension,
    )


def _by_quaternion(quaternion: tuple[float, ...], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Affine of a unit quaternion, its offset and pixdim, whose first entry is -1 for mirrored axes (NIfTI-1)."""
    b, c, d, *offset = quaternion
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    return np.column_stack([turn * step[1:] * [1, 1, -1 if step[0] < 0 else 1], offset])


def position_findings(header: NiftiHeader) -> tuple[Finding, ...]:
    """Tell where a NIfTI header gives two places in the patient, or none."""
    if header.by_qform is None and header.by_sform is None:
        text = (
            "The marrow map does not say where it lies in the patient (NIfTI qform and sform are unset), so that it "
            "was taken to begin at the scanner's centre: look at the outline."
        )
        return (Finding(code="mask_without_position", stage=_STAGE, severity=Severity.WARN, message=text),)
    if header.by_qform is None or header.by_sform is None:
        return ()
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
    corners[:, :3] *= np.asarray(header.shape) - 1
    apart = float(np.linalg.norm(corners @ (header.by_qform - header.by_sform).T, axis=1).max())
    pixel = float(np.linalg.norm(header.by_sform[:, :3], axis=0).min())
    if not apart > _APART * pixel:
        return ()
    text = (
        f"The marrow map gives two positions in the patient (NIfTI qform and sform) that are up to {apart:.1f} mm "
        "apart: look at the outline."
    )
    return (Finding(code="mask_two_positions", stage=_STAGE, severity=Severity.WARN, message=text),)
