"""``marrowsignal inspect``: every series, what it is and why, and what would be analyzed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import existing_input
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import NoUsablePairError

if TYPE_CHECKING:
    from marrowsignal.cli.inspection import InspectDocument, SeriesEntry
    from marrowsignal.dicom.records import SeriesCatalog

__all__ = ["inspect"]


def inspect(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder, file, zip or DICOMDIR of one study.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the machine form on stdout.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Tell every series, what it is, why it is or is not usable, and what would be analyzed.

    Exit code 0 when a T1 + STIR pair can be analyzed, 3 when not.
    """
    if verbose:
        be_verbose()
    from marrowsignal.dicom import find_series

    catalog = find_series(existing_input(path))
    document = _look_for_pair(catalog)
    typer.echo(document.model_dump_json(indent=2) if json else _as_text(document))
    if document.pair is None:
        raise typer.Exit(NoUsablePairError.exit_code)


def _look_for_pair(catalog: SeriesCatalog) -> InspectDocument:
    from marrowsignal.cli.inspection import to_inspect_document
    from marrowsignal.dicom import select_pair
    from marrowsignal.protocol import choose_protocol_name

    try:
        pair = select_pair(catalog)
    except NoUsablePairError as error:
        reason = f"{error.message}; {error.hint}" if error.hint else error.message
        return to_inspect_document(catalog, None, pair_reason=reason, protocol="")
    protocol = choose_protocol_name(pair.t1.acquisition.body_part_examined)
    return to_inspect_document(catalog, pair, pair_reason=" ".join(pair.reasons), protocol=protocol)


def _as_text(document: InspectDocument) -> str:
    lines = [f"{len(document.series)} series in {document.files_seen} files"]
    if document.files_unreadable:
        lines.append(f"{document.files_unreadable} DICOM files could not be read")
    for series in document.series:
        lines += ["", *_series_lines(series)]
    lines.append("")
    if document.pair is None:
        lines.append(f"Nothing would be analyzed: {_printable(document.pair_reason)}")
        return "\n".join(lines)
    for role, index in (("T1", document.pair.t1_index), ("STIR", document.pair.stir_index)):
        lines.append(f"{role:<4} would be {_heading(document.series[index])}")
    lines += [f"     - {_printable(reason)}" for reason in document.pair.reasons]
    lines.append(f"     with protocol {document.pair.protocol}")
    lines += [f"     {finding.severity}: {_printable(finding.message)}" for finding in document.pair.findings]
    return "\n".join(lines)


def _heading(series: SeriesEntry) -> str:
    number = "?" if series.series_number is None else str(series.series_number)
    return f"series {number} '{_printable(series.description)}'"


def _series_lines(series: SeriesEntry) -> list[str]:
    use = "usable" if series.usable else "not usable"
    spacing = " x ".join(f"{mm:.2f}" for mm in series.spacing_mm) + " mm" if series.spacing_mm else "spacing unknown"
    times = (
        ("TR", series.repetition_time_ms),
        ("TE", series.echo_time_ms),
        ("TI", series.inversion_time_ms),
    )
    timing = ", ".join(f"{name} {value:g} ms" for name, value in times if value is not None)
    return [
        f"{_heading(series)}: {series.identity}, score {series.identity_score:.2f}, {use}",
        f"    {series.slices} slices of {series.rows} x {series.columns}, {spacing}, {series.orientation}",
        f"    {timing or 'no TR, TE, TI in the header'}; {series.transfer_syntax}",
        f"    UID {series.series_instance_uid}",
        *(f"    - {_printable(reason)}" for reason in series.reasons),
        *(f"    {finding.severity}: {_printable(finding.message)}" for finding in series.findings),
    ]


def _printable(text: str) -> str:
    # What a header says must not steer a terminal.
    return "".join(letter if letter.isprintable() else " " for letter in text)
