"""``marrowsignal fetch``: a study from a PACS into a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from marrowsignal.cli.paths import check_writable
from marrowsignal.cli.terminal import say
from marrowsignal.cli.verbosity import be_verbose

__all__ = ["fetch"]


def fetch(
    *,
    dicomweb: Annotated[
        str, typer.Option(metavar="URL", help="Root of the PACS's DICOMweb service: https://HOST[:PORT]/PATH.")
    ],
    study: Annotated[str, typer.Option(metavar="UID", help="StudyInstanceUID of the study.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the study's files, and for no other's.")],
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="UID", help="Only this series (SeriesInstanceUID); may be given several times."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates of the authorities to trust (PEM).")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Bring a study from a PACS by DICOMweb; the same command again goes on where a dropped one ended.

    Credentials come from MARROWSIGNAL_DICOMWEB_USER and _PASSWORD, from MARROWSIGNAL_DICOMWEB_TOKEN, or from ~/.netrc;
    never from the command line, which other users of the machine can read.
    """
    if verbose:
        be_verbose()
    from marrowsignal.pacs import Pacs, fetch_study

    check_writable(output)
    with Pacs(dicomweb, ca_file=ca) as pacs:
        for finding in pacs.findings:
            say(f"warning: {finding.message}", err=True)
        done = fetch_study(pacs, study, output, series_instance_uids=series or (), on_instance=_progress(quiet=quiet))
    say(f"{done.fetched + done.already_there} instances: {done.fetched} fetched, {done.already_there} there before")


def _progress(*, quiet: bool) -> Callable[[int, int], None]:
    """Give a function that tells every tenth of the way, and each instance on a terminal."""
    on_terminal = sys.stderr.isatty()

    def told(done: int, total: int) -> None:
        if quiet:
            return
        if on_terminal:
            typer.echo(f"\r{done} of {total} instances", err=True, nl=done == total)
        elif 10 * done // total > 10 * (done - 1) // total:
            typer.echo(f"{done} of {total} instances", err=True)

    return told
