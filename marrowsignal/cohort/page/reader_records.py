"""What the page says of one reader against the tool."""

from __future__ import annotations

from dataclasses import dataclass

from marrowsignal.cohort.agreement import Estimate

__all__ = ["ClassAgreement", "ConfidenceRow", "ReaderView", "RocChart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RocChart:
    """An ROC curve in drawing units of a square of 220."""

    path: str
    area: Estimate
    positives: int
    negatives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAgreement:
    """One class of the reader against the tool's: abstentions count as not called."""

    words: str
    labelled: int
    called: int
    sensitivity: Estimate
    specificity: Estimate
    abstained: int
    roc: RocChart | None
    roc_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceRow:
    """How often classes of one stated probability were right."""

    stated: float
    right: Estimate
    hits: int
    pick: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderView:
    """One reader against the tool.

    Attributes
    ----------
    reader : str
        Empty where the table names none.
    labelled, compared : int
        Studies with a label; those of them with a class and a label that stands for one.
    left_out : tuple of (str, int, int or None)
        Words, count and set of what is not compared and why.
    abstained : Estimate
        Share of labelled studies that the tool leaves open.
    accuracy, kappa, kappa_with_open : Estimate
        Agreement where both name a class; kappa also with abstention as a class of its own.
    head : tuple of str
        The tool's classes, the columns of `rows`.
    rows : tuple of (str, tuple of (int, int))
        A reader's class, and count and set of each of the tool's.
    persons : int
        Groups of the table, or studies where it names none.
    resampled : bool
        Whether intervals come from draws of persons.
    """

    reader: str
    labelled: int
    compared: int
    left_out: tuple[tuple[str, int, int | None], ...]
    abstained: Estimate
    accuracy: Estimate
    kappa: Estimate
    kappa_with_open: Estimate
    head: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, int, bool], ...]], ...]
    classes: tuple[ClassAgreement, ...]
    correctness: RocChart | None
    correctness_reason: str
    confidence: tuple[ConfidenceRow, ...]
    persons: int
    resampled: bool
