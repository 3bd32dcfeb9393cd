"""Read single header values without ever failing: what cannot be read is absent."""

from __future__ import annotations

import math
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

__all__ = [
    "UNREADABLE",
    "code_values",
    "first_item",
    "float_value",
    "float_values",
    "int_value",
    "quiet_pydicom",
    "text_value",
]

# What pydicom raises on damaged files; a blind `except` would hide our own mistakes.
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_MAX_TEXT = 256


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Switch off value validation and warnings: real headers break rules, and we judge them ourselves."""
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _raw(dataset: Dataset, keyword: str) -> object:
    try:
        return dataset.get(keyword)
    except UNREADABLE:
        return None


def _parts(dataset: Dataset, keyword: str) -> list[str]:
    value = _raw(dataset, keyword)
    if value is None:
        return []
    try:
        many = not isinstance(value, str | bytes) and hasattr(value, "__iter__")
        return [str(v) for v in value] if many else [str(value)]  # type: ignore[attr-defined]
    except UNREADABLE:
        return []


def text_value(dataset: Dataset, keyword: str) -> str:
    """Return one line of text without control characters; empty when absent."""
    joined = "\\".join(_parts(dataset, keyword))
    return " ".join(_CONTROL.sub(" ", joined).split())[:_MAX_TEXT]


def code_values(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return a multi-valued code string in upper case; empty values are dropped."""
    split = [piece for part in _parts(dataset, keyword) for piece in part.split("\\")]
    cleaned = (" ".join(_CONTROL.sub(" ", piece).split()).upper()[:_MAX_TEXT] for piece in split)
    return tuple(piece for piece in cleaned if piece)


def float_values(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Return exactly `count` finite numbers, or None."""
    numbers = []
    for part in _parts(dataset, keyword):
        try:
            numbers.append(float(part))
        except ValueError:
            return None
    if len(numbers) != count or not all(math.isfinite(n) for n in numbers):
        return None
    return tuple(numbers)


def float_value(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number of an element, or None."""
    for part in _parts(dataset, keyword)[:1]:
        try:
            number = float(part)
        except ValueError:
            return None
        # Philips writes 7.23e75 for "not set".
        return number if math.isfinite(number) and abs(number) < 1e30 else None
    return None


def int_value(dataset: Dataset, keyword: str) -> int | None:
    """Return the first whole number of an element, or None."""
    number = float_value(dataset, keyword)
    return None if number is None else int(number)


def first_item(dataset: Dataset | None, keyword: str) -> Dataset | None:
    """Return the first item of a sequence, or None."""
    if dataset is None:
        return None
    value = _raw(dataset, keyword)
    try:
        item = value[0]  # type: ignore[index]
    except UNREADABLE:
        return None
    return item if isinstance(item, Dataset) else None
