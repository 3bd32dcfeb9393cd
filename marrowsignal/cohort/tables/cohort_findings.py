"""What makes the tables of a cohort weaker than they look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from marrowsignal.cohort.covariates import Covariates
from marrowsignal.cohort.labels import CaseLabel
from marrowsignal.cohort.ledger_row import LedgerRow
from marrowsignal.cohort.records import CaseState
from marrowsignal.cohort.tables.columns import StudyState
from marrowsignal.cohort.tables.studies import StudyRow
from marrowsignal.cohort.tables.tabulate import TabulatedCase
from marrowsignal.findings import Finding, Severity, listed

__all__ = ["cohort_findings"]

_WORDS = {
    StudyState.UNREADABLE: "cannot be read",
    StudyState.OUTDATED: "are of another schema version",
    StudyState.DUPLICATE: "have the name of another case",
    StudyState.SUPERSEDED: "were left by an older run",
}


def cohort_findings(
    rows: Sequence[StudyRow],
    ledger: Sequence[LedgerRow],
    *,
    covariates: Covariates | None,
    labels: Sequence[CaseLabel] | None,
) -> tuple[Finding, ...]:
    """Return what a reader of the tables has to know.

    Parameters
    ----------
    rows : sequence of StudyRow
        Of ``studies``.
    ledger : sequence of LedgerRow
        Of all ledgers.
    covariates : Covariates or None
        As handed in.
    labels : sequence of CaseLabel or None
        As handed in.
    """
    cases = [row.tabulated for row in rows if row.tabulated is not None]
    findings = [
        *_not_taken(rows),
        *_unfinished(ledger),
        *_missing(rows),
        *_mixed(cases),
        *_same_input(cases),
        *_without_page(cases),
    ]
    names = {row.case for row in rows} | {row.study for row in rows}
    if covariates is not None:
        findings += _unknown("covariates", [key for key, _ in covariates.rows], names)
    if labels is not None:
        findings += _unknown("labels", [label.case for label in labels], {row.case for row in rows})
    return tuple(findings)


def _not_taken(rows: Sequence[StudyRow]) -> Iterator[Finding]:
    for state, words in _WORDS.items():
        named = [row.case for row in rows if row.state is state]
        if named:
            yield _warn(f"cohort_{state.value}", f"{len(named)} case folders {words}: {listed(named)}.")


def _unfinished(ledger: Sequence[LedgerRow]) -> Iterator[Finding]:
    count = sum(row.state in (CaseState.QUEUED, CaseState.RUNNING) for row in ledger)
    if count:
        message = f"{count} studies of the ledger are still to be done; those without a case folder have no row."
        yield Finding(code="cohort_unfinished", stage="cohort", severity=Severity.INFO, message=message)


def _missing(rows: Sequence[StudyRow]) -> Iterator[Finding]:
    named = [row.case for row in rows if row.state is StudyState.MISSING]
    if named:
        yield _warn("cohort_missing", f"{len(named)} case folders that the ledger knows are gone: {listed(named)}.")


def _mixed(cases: Sequence[TabulatedCase]) -> Iterator[Finding]:
    versions = Counter(case.version for case in cases)
    if len(versions) > 1:
        told = ", ".join(f"{version} ({count})" for version, count in sorted(versions.items()))
        yield _warn("cohort_versions", f"The cases come from several versions of marrowsignal: {told}.")
    hashes: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        hashes[case.protocol].add(case.protocol_sha256)
    mixed = sorted(name for name, of_name in hashes.items() if len(of_name) > 1)
    if mixed:
        yield _warn("cohort_protocols", f"One name stands for several forms of a protocol: {listed(mixed)}.")


def _same_input(cases: Sequence[TabulatedCase]) -> Iterator[Finding]:
    same: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for case in cases:
        same[case.input_sha256, case.pair_label, case.protocol_sha256].append(case.case)
    twice = sorted(" = ".join(names) for names in same.values() if len(names) > 1)
    if twice:
        yield _warn("cohort_same_input", f"Cases of several names were made of the same images: {listed(twice)}.")


def _without_page(cases: Sequence[TabulatedCase]) -> Iterator[Finding]:
    named = [case.case for case in cases if not case.folder]
    if named:
        yield _warn(
            "cohort_no_page",
            f"{len(named)} case folders have no page, or were renamed, and have no link: {listed(named)}.",
        )


def _unknown(what: str, keys: Sequence[str], names: set[str]) -> Iterator[Finding]:
    # What a site wrote into that column may be anything: it is counted, not repeated.
    unknown = sum(key not in names for key in keys)
    if unknown:
        yield _warn(f"{what}_unknown_case", f"{unknown} of {len(keys)} rows of {what} name no case of the cohort.")


def _warn(code: str, message: str) -> Finding:
    return Finding(code=code, stage="cohort", severity=Severity.WARN, message=message)
