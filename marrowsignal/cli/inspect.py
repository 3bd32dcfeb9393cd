"""``marrowsignal inspect``: every series, what it is and why, and what would be analyzed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import existing_input, site_series_rules
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import MarrowSignalError, NoUsablePairError, UsageError

if TYPE_CHECKING:
    from marrowsignal.cli.inspection import InspectDocument
    from marrowsignal.dicom.records import SeriesCatalog
    from marrowsignal.protocol.series_rules import SeriesRules

__all__ = ["inspect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Where to look and what the user insists on."""

    path: Path
    second: Path | None
    t1_uid: str | None
    stir_uid: str | None
    allow_t1_only: bool
    rules: SeriesRules | None


def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder, file, zip or DICOMDIR of one study.", readable=False)
    ],
    second: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH2", help="A second one: its series may pair with those of the first.", readable=False
        ),
    ] = None,
    *,
    t1: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take as T1.")] = None,
    stir: Annotated[str | None, typer.Option(help="SeriesInstanceUID to take as STIR.")] = None,
    allow_t1_only: Annotated[
        bool, typer.Option("--allow-t1-only", help="Take a T1 alone when no STIR fits any.")
    ] = False,
    series_rules: Annotated[
        Path | None, typer.Option(help="Own rules for recognising series (.toml); see protocol show series.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the machine form on stdout.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Every piece of evidence, every criterion, UIDs and all findings.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="As --evidence; and where libraries warn, and a bug's traceback.")
    ] = False,
) -> None:
    """Tell every series, what it is, why it is or is not usable, and what would be analyzed.

    Score is the evidence for the identity, 0 to 1, and its lead over the next one. Exit code 0 when something can be
    analyzed, 3 when not.
    """
    if verbose:
        be_verbose()
    request = _Request(
        path=path,
        second=second,
        t1_uid=t1,
        stir_uid=stir,
        allow_t1_only=allow_t1_only,
        rules=site_series_rules(series_rules),
    )
    document = _document(request, json=json)
    if json:
        typer.echo(document.model_dump_json(indent=2))
    else:
        from marrowsignal.cli.inspect_table import print_document

        print_document(document, evidence=evidence or verbose)
    if document.error is not None:
        raise typer.Exit(document.error.exit_code)


def _document(request: _Request, *, json: bool) -> InspectDocument:
    from marrowsignal.cli.inspect_document import failed_document, to_inspect_document
    from marrowsignal.dicom import find_pairs

    try:
        catalog = _catalog(request)
    except MarrowSignalError as error:
        if json:
            typer.echo(failed_document(error).model_dump_json(indent=2))
        raise
    try:
        pairs = find_pairs(
            catalog,
            t1_uid=request.t1_uid,
            stir_uid=request.stir_uid,
            allow_t1_only=request.allow_t1_only,
            across_studies=request.second is not None,
            rules=request.rules,
        )
    except (NoUsablePairError, UsageError) as error:
        return to_inspect_document(catalog, (), error=error)
    return to_inspect_document(catalog, pairs)


def _catalog(request: _Request) -> SeriesCatalog:
    from marrowsignal.dicom import find_series

    path, second = request.path, request.second
    if second is None:
        return find_series(existing_input(path), rules=request.rules)
    return find_series((existing_input(path), existing_input(second)), rules=request.rules)
