"""``marrowsignal push``: the DICOM objects of finished cases into a PACS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import existing_input
from marrowsignal.cli.terminal import say
from marrowsignal.cli.verbosity import be_verbose
from marrowsignal.errors import OutputError

if TYPE_CHECKING:
    from marrowsignal.pacs.records import PushedObject

__all__ = ["push"]


def push(
    cases: Annotated[
        list[Path], typer.Argument(metavar="CASE_FOLDER...", help="Case folders that analyze has written.")
    ],
    *,
    dicomweb: Annotated[
        str, typer.Option(metavar="URL", help="Root of the PACS's DICOMweb service: https://HOST[:PORT]/PATH.")
    ],
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates of the authorities to trust (PEM).")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Library warnings, and the traceback of a bug.")
    ] = False,
) -> None:
    """Store the segmentations, the report and the picture of cases in a PACS by DICOMweb, and read each back.

    What is there already is not sent again. Credentials come from MARROWSIGNAL_DICOMWEB_USER and _PASSWORD, from
    MARROWSIGNAL_DICOMWEB_TOKEN, or from ~/.netrc; never from the command line.
    """
    if verbose:
        be_verbose()
    from marrowsignal.pacs import Pacs, push_cases

    for case in cases:
        existing_input(case, stage="push", what="a path given as CASE_FOLDER")
    with Pacs(dicomweb, ca_file=ca) as pacs:
        for finding in pacs.findings:
            say(f"warning: {finding.message}", err=True)
        report = push_cases(pacs, cases, on_object=_tell_pushed)
    if report.refused:
        raise OutputError(
            f"{len(report.refused)} of {len(report.objects)} objects are not in the PACS",
            code="pacs_refused_objects",
            stage="push",
            hint="the reasons stand above; the same command sends only what is missing",
        )


def _tell_pushed(sent: PushedObject) -> None:
    """Print what became of one object."""
    reason = f": {sent.reason}" if sent.reason else ""
    coerced = f" (the PACS has another {', '.join(sent.coerced)})" if sent.coerced else ""
    say(f"case {sent.case}, {sent.file}: {sent.outcome}{reason}{coerced}")
