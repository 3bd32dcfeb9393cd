"""What the user asked for when a pair is chosen, and the ways it cannot be met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marrowsignal.dicom.pairing.fit import why_none_fit
from marrowsignal.dicom.records import Series, SeriesCatalog, SeriesIdentity
from marrowsignal.errors import NoUsablePairError, UsageError
from marrowsignal.protocol.series_rules import SeriesRules

__all__ = [
    "PairRequest",
    "no_pair",
    "same_series",
    "several_studies",
    "t1s_after_contrast",
    "unknown_label",
    "wanted_series",
]

_STAGE = "select_pair"
_OPTIONS = {SeriesIdentity.T1: "--t1", SeriesIdentity.STIR: "--stir"}
_REFUSED = frozenset({SeriesIdentity.NOT_MR, SeriesIdentity.LOCALIZER, SeriesIdentity.DERIVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRequest:
    """What the user asked for.

    Attributes
    ----------
    t1_uid, stir_uid : str or None
        SeriesInstanceUIDs that the user insists on.
    allow_t1_only : bool
        Whether a T1 may go alone.
    across_studies : bool
        Whether T1 and STIR may come from two studies.
    """

    t1_uid: str | None
    stir_uid: str | None
    allow_t1_only: bool
    across_studies: bool

    @property
    def named(self) -> tuple[str, ...]:
        """Which of T1 and STIR the user named."""
        given = (("T1", self.t1_uid), ("STIR", self.stir_uid))
        return tuple(role for role, uid in given if uid is not None)


def wanted_series(catalog: SeriesCatalog, uid: str | None, identity: SeriesIdentity) -> list[Series]:
    """Return the usable series of an identity; of a named one its usable stacks, else those that form a volume.

    Raises
    ------
    UsageError
        If there is no series with this UID, or none of its stacks is an MR volume.
    """
    if uid is None:
        return [s for s in catalog.series if s.usable and s.identity is identity and s.geometry is not None]
    option = _OPTIONS[identity]
    named = [s for s in catalog.series if s.series_instance_uid == uid]
    if not named:
        raise UsageError(
            f"there is no series with the UID given to {option}",
            code="series_uid_unknown",
            stage=_STAGE,
            hint="`marrowsignal inspect --json` lists the UIDs",
        )
    volumes = [s for s in named if s.identity not in _REFUSED and s.geometry is not None]
    if not volumes:
        first = max(named, key=lambda s: s.slices)
        raise UsageError(
            f"{first.label}, given to {option}, is no MR volume to measure: {' '.join(first.reasons)}",
            code="series_uid_unfit",
            stage=_STAGE,
        )
    return [s for s in volumes if s.usable and s.identity is identity] or volumes


def t1s_after_contrast(catalog: SeriesCatalog) -> list[Series]:
    """Return the T1 series that nothing but contrast keeps from being usable."""
    return [
        s
        for s in catalog.series
        if s.usable_but_for_contrast and s.identity is SeriesIdentity.T1 and s.geometry is not None
    ]


def no_pair(
    catalog: SeriesCatalog, roles: tuple[Sequence[Series], Sequence[Series]], request: PairRequest, rules: SeriesRules
) -> NoUsablePairError:
    """Say why there is no pair of the T1 and STIR series in `roles`, and what would help."""
    t1s, stirs = roles
    hints = ["name the series with --t1 and --stir if you know better"] if catalog.series else []
    missing = [name for name, found in (("T1", t1s), ("STIR", stirs)) if not found]
    count = len(catalog.series)
    if missing == ["STIR"]:
        message = f"a usable T1 was found but no usable STIR among {count} series"
    elif missing:
        message = f"no usable {' and no usable '.join(missing)} series among {count}"
    elif not {s.study_instance_uid for s in t1s} & {s.study_instance_uid for s in stirs} and not request.across_studies:
        message = "T1 and STIR were found, but in different studies"
        hints.insert(0, "give two folders, one of each, to pair across studies")
    else:
        why = why_none_fit(t1s, stirs, rules, across_studies=request.across_studies)
        message = f"a usable T1 and a usable STIR were found, but none that cover the same anatomy of one person: {why}"
    if t1s and request.stir_uid is None and not request.allow_t1_only:
        hints.insert(0, "--allow-t1-only measures T1 alone")
    return NoUsablePairError(
        message,
        code="no_usable_pair",
        stage=_STAGE,
        hint="; ".join(hints),
        series_reasons=(
            *(f"{s.label}: {' '.join(s.reasons)}" for s in catalog.series),
            *(finding.message for finding in catalog.findings),
        ),
    )


def same_series(request: PairRequest) -> UsageError:
    """Refuse one series in both roles."""
    message = "the same series is given as T1 and as STIR"
    if len(request.named) == 1:
        other = "STIR" if request.named == ("T1",) else "T1"
        message = f"the series given as {request.named[0]} is the {other} of this study"
    return UsageError(message, code="same_series", stage=_STAGE, hint="give --t1 and --stir two different series")


def several_studies(holding: int, seen: int) -> UsageError:
    """Refuse to choose between studies."""
    return UsageError(
        f"several studies hold a pair to measure: {holding} of the {seen} that were found",
        code="several_studies",
        stage=_STAGE,
        hint="give one study's folder, or name the series with --t1 and --stir",
    )


def unknown_label(label: str, known: Sequence[str]) -> UsageError:
    """Refuse a label that no pair has."""
    names = ", ".join(f"'{name}'" for name in sorted(known) if name)
    return UsageError(
        f"there is no pair '{label}' in this study",
        code="pair_label_unknown",
        stage=_STAGE,
        hint=f"it holds {names}" if names else "it holds one pair, which needs no label",
    )
