"""Grey pictures as PNG: the same bytes for the same pixels."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["grey_png", "grey_png_uri"]


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a grey image as PNG.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (row, column)
        The image.
    """
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def grey_png_uri(pixels: NDArray[np.uint8]) -> str:
    """Encode a grey image as a ``data:`` URI."""
    return "data:image/png;base64," + base64.b64encode(grey_png(pixels)).decode("ascii")
