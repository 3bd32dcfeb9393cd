"""Bits of a pixel, sizes of compressed images, and what makes pixels unreadable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marrowsignal.dicom.headers.pixel_layout import PixelLayout, pixel_problem
from marrowsignal.dicom.pixels.codestream import codestream_size
from marrowsignal.dicom.pixels.stored_values import stored_bits
from marrowsignal.dicom.pixels.volume import to_signal

LAYOUT = PixelLayout(
    rows=2,
    columns=3,
    samples_per_pixel=1,
    frames=2,
    frames_described=2,
    bits_allocated=16,
    bits_stored=12,
    high_bit=11,
    signed=False,
    photometric_interpretation="MONOCHROME2",
    slope=1.0,
    intercept=0.0,
    scale_slope=None,
    padding=None,
    transfer_syntax="1.2.840.10008.1.2.1",
    pixel_tag=0x7FE00010,
    offset=0,
    claimed_bytes=24,
    bytes_left=24,
    bytes_missing=0,
)
BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"


@given(
    values=arrays(np.int64, (2, 3), elements=st.integers(0, 2**31 - 1)),
    allocated=st.sampled_from([8, 16, 32]),
    stored=st.integers(1, 32),
    shift=st.integers(0, 31),
    kind=st.tuples(st.booleans(), st.booleans()),
    junk=arrays(np.int64, (2, 3), elements=st.integers(0, 2**32 - 1)),
)
def test_only_the_stored_bits_count(
    values: np.ndarray, allocated: int, stored: int, shift: int, kind: tuple[bool, bool], junk: np.ndarray
) -> None:
    signed, big = kind
    stored = min(stored, allocated - (not signed and allocated == 32))
    shift = min(shift, allocated - stored)
    values = values % 2**stored
    mask = (2**stored - 1) << shift
    cells = ((values << shift) | (junk & ~mask)) % 2**allocated
    data = cells.astype(f"{'>' if big else '<'}u{allocated // 8}").tobytes()
    layout = replace(
        LAYOUT,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=shift + stored - 1,
        signed=signed,
        transfer_syntax=BIG_ENDIAN if big else LAYOUT.transfer_syntax,
    )
    expected = np.where(signed & (values >= 2 ** (stored - 1)), values - 2**stored, values)
    assert np.array_equal(stored_bits(data, layout), expected)


def test_too_few_bytes_are_an_error() -> None:
    with pytest.raises(ValueError, match="reshape"):
        stored_bits(bytes(10), LAYOUT)


@pytest.mark.parametrize(
    ("changes", "frame", "told"),
    [
        ({}, 1, ""),
        ({"pixel_tag": None}, 0, "no pixels"),
        ({"pixel_tag": 0x7FE00008}, 0, "floating-point"),
        ({"rows": 100_000, "columns": 100_000}, 0, "100000 x 100000"),
        ({"bits_allocated": 24}, 0, "24"),
        ({"bits_allocated": 1, "bits_stored": 1}, 0, "1 bits stored in 1"),
        ({"bits_stored": 17}, 0, "17 bits"),
        ({"high_bit": 16}, 0, "bit 16"),
        ({"high_bit": 3}, 0, "bit 3"),
        ({"transfer_syntax": "1.2.840.10008.1.2.4.201"}, 0, "High-Throughput JPEG 2000"),
        ({"transfer_syntax": "1.2.3"}, 0, "unknown"),
        ({"frames": 2**31 - 1}, 0, "claims 2147483647 frames and describes 2"),
        ({"slope": -1.0}, 0, "negative"),
        ({"transfer_syntax": BIG_ENDIAN, "bits_allocated": 8, "bits_stored": 8, "high_bit": 7}, 0, "swapped"),
        ({"transfer_syntax": RLE, "claimed_bytes": None, "bytes_missing": 17}, 0, "17 bytes are missing"),
        ({"slope": float("nan")}, 0, "RescaleSlope"),
        ({"photometric_interpretation": "PALETTE COLOR"}, 0, "PALETTE COLOR, not grey"),
        ({"bytes_left": 20}, 1, "4 bytes are missing"),
        ({"claimed_bytes": 12}, 1, "12 bytes are missing"),
        ({"claimed_bytes": 100}, 0, "truncated"),
        ({"claimed_bytes": None}, 0, "not stored the way of transfer syntax Explicit"),
        ({"transfer_syntax": "1.2.840.10008.1.2.5"}, 0, "not stored the way of transfer syntax RLE"),
        ({"transfer_syntax": "1.2.840.10008.1.2.5", "claimed_bytes": None, "bytes_left": 0}, 0, "missing"),
    ],
)
def test_problems_are_named_from_the_header_alone(changes: dict[str, object], frame: int, told: str) -> None:
    problem = pixel_problem(replace(LAYOUT, **changes), frame)  # type: ignore[arg-type]
    assert told in problem if told else problem == ""


def test_philips_scale_undoes_what_the_display_slope_did() -> None:
    signal = np.array([[10.0, 20.0, 40.0], [80.0, 160.0, 320.0]])
    for display, scale in ((1.3, 0.036), (2.6, 0.5)):
        stored = np.rint(signal * scale * 1000).astype(np.int32)
        layout = replace(LAYOUT, slope=display, scale_slope=scale * 1000)
        assert to_signal(stored, layout) == pytest.approx(signal, rel=0.01)


def test_padding_is_no_signal_and_monochrome1_is_mirrored_about_its_range() -> None:
    stored = np.array([[-2048, -5, 0], [1, 5, 2047]], dtype=np.int32)
    layout = replace(
        LAYOUT, signed=True, photometric_interpretation="MONOCHROME1", padding=(-5.0, 0.0), slope=2.0, intercept=10.0
    )
    assert to_signal(stored, layout).tolist() == [[4104.0, 0.0, 0.0], [6.0, -2.0, -4086.0]]


def jpeg(marker: int, *before: bytes) -> bytes:
    """Markers of an image of 7 rows and 9 columns."""
    return b"\xff\xd8" + b"".join(before) + bytes([0xFF, marker]) + b"\x00\x0b\x0c\x00\x07\x00\x09\x01\x01\x11\x00"


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC3, 0xF7])
def test_jpeg_says_its_size(marker: int) -> None:
    application, filling, restart = b"\xff\xe0\x00\x04ab", b"\xff\xff", b"\xff\xd0"
    assert codestream_size(jpeg(marker)) == (7, 9)
    assert codestream_size(jpeg(marker, application, restart, b"\xff\xc4\x00\x03a", filling[:1])) == (7, 9)


def test_jpeg_2000_says_its_size() -> None:
    head = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + b"".join(n.to_bytes(4, "big") for n in (12, 10, 3, 3))
    assert codestream_size(head + bytes(40)) == (7, 9)


@given(st.binary(max_size=60))
def test_a_damaged_codestream_is_a_value_error(tail: bytes) -> None:
    for start in (b"\xff\xd8", b"\xff\x4f\xff\x51", b""):
        try:
            codestream_size(start + tail)
        except ValueError:
            continue
