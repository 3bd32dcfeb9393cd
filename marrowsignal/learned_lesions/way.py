"""The ways to lesions, by the words of ``--lesions-from``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from marrowsignal.alignment.records import AlignedPair
from marrowsignal.errors import UsageError
from marrowsignal.findings import Finding, Severity
from marrowsignal.intensity.records import References
from marrowsignal.marrow.records import MarrowMask
from marrowsignal.protocol.schema import Protocol
from marrowsignal.regions.records import RegionMap
from marrowsignal.signals.records import LesionProposal, Signals

__all__ = ["RULES_WAY", "check_lesion_way", "proposed_by", "with_proposal"]

RULES_WAY = "rules"


def check_lesion_way(way: str) -> Path | None:
    """Return the atlas folder of a way, having looked whether it can be gone; None for the rules.

    Raises
    ------
    UsageError
        If it is neither ``rules`` nor ``atlas:FOLDER``.
    MaskError
        If the folder is no atlas, or its atlas holds no lesion model.
    """
    from marrowsignal.learned_lesions.storage import require_lesions  # noqa: PLC0415 - the rules need none of it

    if way == RULES_WAY:
        return None
    kind, _, which = way.partition(":")
    if kind != "atlas" or not which:
        raise UsageError(
            "--lesions-from takes rules or atlas:FOLDER",
            code="option",
            stage="analyze",
            hint="see marrowsignal analyze --help",
        )
    require_lesions(Path(which))
    return Path(which)


def proposed_by(
    way: str, pair: AlignedPair, marrow: MarrowMask, regions: RegionMap, references: References, *, protocol: Protocol
) -> LesionProposal | None:
    """Return what the model of an atlas proposes; None for the rules, and where lesions cannot be looked for.

    Parameters
    ----------
    way : str
        ``"rules"`` or ``"atlas:FOLDER"``.
    pair, marrow, regions, references, protocol
        Products of the steps.

    Raises
    ------
    UsageError, MaskError
        As `check_lesion_way`, and if the atlas cannot be read.
    """
    folder = check_lesion_way(way)
    if folder is None:
        return None
    from marrowsignal.learned_lesions.propose import propose_lesions  # noqa: PLC0415
    from marrowsignal.learned_lesions.storage import read_lesion_model  # noqa: PLC0415

    return propose_lesions(pair, marrow, regions, references, stored=read_lesion_model(folder), protocol=protocol)


def with_proposal(signals: Signals, proposal: LesionProposal | None) -> Signals:
    """Keep with the signals which model proposed their lesions, and tell it; the same signals for the rules."""
    if proposal is None:
        return signals
    told = Finding(
        code="lesions_learned",
        stage="measure_signals",
        severity=Severity.INFO,
        message=f"Lesions come from a learned model, not from the rules: {proposal.made_by}; {proposal.quality_note}.",
    )
    return replace(
        signals,
        lesions_made_by=proposal.made_by,
        lesions_quality=proposal.quality_note,
        findings=(*signals.findings, told),
    )
