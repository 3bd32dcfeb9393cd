"""Header values as they may leave: free texts without the patient's names, numbers and dates."""

from __future__ import annotations

from collections.abc import Iterable

from marrowsignal.dicom.headers.header_values import UNREADABLE, HeaderValues, RawValues
from marrowsignal.dicom.privacy.allow_list import (
    FREE_TEXTS,
    SECRET_DATES,
    SECRET_IDENTIFIERS,
    SECRET_NAMES,
    SECRET_SEQUENCES,
    Secrets,
)

__all__ = ["RedactedValues", "secrets_of"]

_FREE_TEXTS = frozenset(FREE_TEXTS)
_MOST_ITEMS = 16


def secrets_of(values: RawValues) -> Secrets:
    """Gather what the header says about who the patient is, at its top and in the sequences that repeat it."""
    told = [values, *(item for keyword in SECRET_SEQUENCES if values.has(keyword) for item in _items(values, keyword))]
    return Secrets.of(
        names=_all(told, SECRET_NAMES), identifiers=_all(told, SECRET_IDENTIFIERS), dates=_all(told, SECRET_DATES)
    )


def _items(values: RawValues, keyword: str) -> tuple[RawValues, ...]:
    try:
        return values.items(keyword, most=_MOST_ITEMS)
    except UNREADABLE:
        return ()


def _all(told: Iterable[HeaderValues], keywords: tuple[str, ...]) -> list[str]:
    return [part for values in told for keyword in keywords for part in values.parts(keyword) if part]


class RedactedValues(HeaderValues):
    """The values of another header, redacted where they are free texts.

    Parameters
    ----------
    values : HeaderValues
        As they stand in the file.
    secrets : Secrets
        What is taken out.
    """

    __slots__ = ("_secrets", "_values")

    def __init__(self, values: HeaderValues, secrets: Secrets) -> None:
        self._values, self._secrets = values, secrets

    def has(self, keyword: str) -> bool:  # noqa: D102 - as inherited
        return self._values.has(keyword)

    def parts(self, keyword: str) -> list[str]:  # noqa: D102 - as inherited
        parts = self._values.parts(keyword)
        return [self._secrets.redact(part) for part in parts] if keyword in _FREE_TEXTS else parts

    def private_parts(self, group: int, creator: str, element: int) -> list[str]:  # noqa: D102 - as inherited
        return [self._secrets.redact(part) for part in self._values.private_parts(group, creator, element)]
