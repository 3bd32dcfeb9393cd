"""The content tree of a structured report, walked by hand: what wrote it must not be what finds it right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

__all__ = ["ReadGroup", "ReadValue", "groups_of", "values_of"]

_MEASUREMENTS, _GROUP, _TRACKING_UID = "126010", "125007", "112040"
_UPPER, _LOWER = "371886008", "371885007"
_SITE, _LATERALITY = "363698007", "272741003"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadValue:
    """One number as the report tells it.

    Attributes
    ----------
    tracking_uid : str
        Of its group.
    code : str
        Code value of what it is.
    unit : str
        UCUM.
    value : float
        The number, exact.
    shown : float
        The same as people see it: the decimal string beside it.
    low, high : float or None
        Ends of its 90 % interval; None where it has none.
    """

    tracking_uid: str
    code: str
    unit: str
    value: float
    shown: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadGroup:
    """One measurement group as the report tells it.

    Attributes
    ----------
    tracking_uid : str
        Of what it is about.
    values : tuple of ReadValue
        Its numbers.
    answers : tuple of (str, str)
        Code values of its qualitative evaluations and other coded statements: question and answer.
    laterality : str
        Code value; empty where it tells no side.
    segments : tuple of (str, int)
        SOPInstanceUID and SegmentNumber of what it links to.
    """

    tracking_uid: str
    values: tuple[ReadValue, ...]
    answers: tuple[tuple[str, str], ...]
    laterality: str
    segments: tuple[tuple[str, int], ...]


def values_of(dataset: Dataset) -> tuple[ReadValue, ...]:
    """Read every number of every measurement group.

    Parameters
    ----------
    dataset : Dataset
        A structured report of TID 1500, as read from its file.
    """
    return tuple(value for group in groups_of(dataset) for value in group.values)


def groups_of(dataset: Dataset) -> tuple[ReadGroup, ...]:
    """Read every measurement group.

    Parameters
    ----------
    dataset : Dataset
        A structured report of TID 1500, as read from its file.
    """
    return tuple(
        _group(group)
        for container in _children(dataset)
        if _name(container) == _MEASUREMENTS
        for group in _children(container)
        if _name(group) == _GROUP
    )


def _group(group: Dataset) -> ReadGroup:
    items = tuple(_children(group))
    uid = "".join(str(item.UID) for item in items if _name(item) == _TRACKING_UID)
    return ReadGroup(
        tracking_uid=uid,
        values=tuple(_read(uid, item) for item in items if item.ValueType == "NUM"),
        answers=tuple((_name(item), _answer(item)) for item in items if item.ValueType == "CODE"),
        laterality="".join(
            _answer(child)
            for item in items
            if _name(item) == _SITE
            for child in _children(item)
            if _name(child) == _LATERALITY
        ),
        segments=tuple(_segments(items)),
    )


def _segments(items: Iterable[Dataset]) -> Iterator[tuple[str, int]]:
    for item in items:
        if item.ValueType == "IMAGE":
            reference = item.ReferencedSOPSequence[0]
            yield str(reference.ReferencedSOPInstanceUID), int(reference.ReferencedSegmentNumber)


def _children(item: Dataset) -> Iterable[Dataset]:
    return item.get("ContentSequence") or ()


def _name(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence")
    return str(names[0].get("CodeValue") or "") if names else ""


def _answer(item: Dataset) -> str:
    return str(item.ConceptCodeSequence[0].CodeValue)


def _numbers(item: Dataset) -> tuple[float, float]:
    """Exact and shown."""
    measured = item.MeasuredValueSequence[0]
    shown = float(measured.NumericValue)
    return float(measured.get("FloatingPointValue", shown)), shown


def _read(uid: str, item: Dataset) -> ReadValue:
    value, shown = _numbers(item)
    ends = {_name(child): _numbers(child)[0] for child in _children(item) if child.ValueType == "NUM"}
    return ReadValue(
        tracking_uid=uid,
        code=_name(item),
        unit=str(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue),
        value=value,
        shown=shown,
        low=value - ends[_LOWER] if _LOWER in ends else None,
        high=value + ends[_UPPER] if _UPPER in ends else None,
    )
