"""Section of ``result.json`` that holds the marrow mask: who made it, what it looks like, what it is good for."""

from __future__ import annotations

from typing import Literal

from marrowsignal.results.document_base import Section, Status, ValueDocument

__all__ = ["DiceDocument", "MarrowDocument", "MaskCheckDocument", "MaskEditDocument", "MaskItemDocument"]

Verdict = Literal["pass", "warn", "fail", "not_evaluable"]


class DiceDocument(ValueDocument):
    """Estimated Dice against an expert's mask with its 90 % interval; `reason` says how, or why there is none."""

    low: float | None
    high: float | None


class MaskItemDocument(Section):
    """One thing looked at; `reason` says what was seen, or why nothing could be."""

    key: str
    name: str
    verdict: Verdict
    value: float | None
    unit: str
    status: Status
    reason: str


class MaskCheckDocument(Section):
    """What the mask looks like; the verdict is the worst of the items."""

    verdict: Verdict
    reason: str
    estimated_dice: DiceDocument
    items: tuple[MaskItemDocument, ...]


class MaskEditDocument(Section):
    """What a person changed in a mask of this program; `edited_from` says which way had made it."""

    edited_from: str
    edited_from_made_by: str
    edited_from_sha256: str
    added_ml: float
    removed_ml: float
    renamed_ml: float


class MarrowDocument(Section):
    """Where the mask comes from, how large it is and whether it can be trusted.

    `source` is ``supplied``, ``edited``, ``automatic``, ``atlas`` or ``external``; `made_by` the tool or atlas with its
    version, empty where not known. `edit` is null unless the source is ``edited``.
    """

    source: str
    made_by: str
    volume_ml: float
    core_volume_ml: float
    check: MaskCheckDocument
    edit: MaskEditDocument | None
