"""``marrowsignal calibrate``: re-estimate a protocol's numbers from a site's own cohort."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import existing_input
from marrowsignal.cli.terminal import say
from marrowsignal.errors import OutputError, UsageError

if TYPE_CHECKING:
    from marrowsignal.calibration import Calibration, CohortCase

__all__ = ["calibrate"]

_STAGE = "calibrate"
_TOLD_WIDTH = 24
_PIPE_WIDTH = 200


def calibrate(
    cohort: Annotated[
        Path, typer.Argument(metavar="COHORT", help="Folder of analyzed cases, searched for result.json.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Protocol to write (.toml); must not exist.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Columns case, label (normal, reconversion, edema, infiltration, other), group (same for repeats of "
            "one person), site. Labels are a reader's or pathologist's, never the tool's own.",
        ),
    ] = None,
    all_normal: Annotated[
        bool, typer.Option("--all-normal", help="Cases that the table does not name are normal people.")
    ] = False,
    protocol: Annotated[
        str | None, typer.Option(help="Protocol the cohort was analyzed with; by default the built-in one it names.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Re-estimate expected bands, cuts, fat fraction and repeatability from a cohort, and write them as a protocol.

    Every number carries its interval, people and cohort; what the cohort is too small for is kept, and why is told.
    """
    from marrowsignal.calibration import calibrate_cohort, read_cohort
    from marrowsignal.protocol import load_protocol

    if output.suffix != ".toml" or output.exists():
        raise UsageError(
            "the output exists already" if output.exists() else "the output is no .toml file",
            code="calibrate_output",
            stage=_STAGE,
            hint="a protocol that results refer to is never overwritten; give -o a new name that ends in .toml",
        )
    existing_input(cohort, stage=_STAGE, what="the path given as COHORT")
    if labels is not None:
        existing_input(labels, stage=_STAGE, what="the path given by --labels")
    cases = read_cohort(cohort, labels=labels, all_normal=all_normal)
    chosen = protocol or _named(cases)
    rules = load_protocol(chosen)
    found = calibrate_cohort(cases, rules, extends=_beside(chosen, output))
    _write(output, found.text)
    # The file is only worth something if it loads.
    load_protocol(str(output))
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=1))
    else:
        _print(found)


def _named(cases: tuple[CohortCase, ...]) -> str:
    from marrowsignal.protocol import protocol_names

    names = {case.protocol_name for case in cases}
    if len(names) > 1 or not names <= set(protocol_names()):
        raise UsageError(
            "the cases were analyzed with several protocols, or with one that is not built in",
            code="cohort_protocol_unknown",
            stage=_STAGE,
            hint="name it by --protocol",
        )
    return names.pop()


def _beside(protocol: str, output: Path) -> str:
    """Name of the protocol extended, as the file of the output has to say it."""
    if not protocol.endswith(".toml"):
        return protocol
    return Path(os.path.relpath(protocol, output.parent)).as_posix()


def _write(output: Path, text: str) -> None:
    draft = output.with_name(f".{output.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(output)
    except OSError as error:
        raise OutputError("the protocol cannot be written", code="output_not_writable", stage=_STAGE) from error


def _print(found: Calibration) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("number", "old", "new", "interval", "people"):
        table.add_column(heading, no_wrap=True)
    table.add_column("how, or why kept", overflow="fold", min_width=_TOLD_WIDTH)
    for one in found.outcomes:
        span = "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
        new = "kept" if one.new is None else f"{one.new:.3f}"
        table.add_row(one.path, "" if one.old is None else f"{one.old:g}", new, span, str(one.people), one.told)
    # A pipe has no width: rows stay whole there.
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(table)
    changed = sum(one.new is not None for one in found.outcomes)
    say(
        f"{found.studies} studies of {found.people} people, cohort {found.cohort[:12]}: "
        f"{changed} of {len(found.outcomes)} numbers of {found.protocol_name} are the cohort's own."
    )
    if not changed:
        say("The protocol written is the old one under another version: the cohort is too small to change it.")
    check = found.fat_fraction
    if check is not None:
        for site, mean, root in check.site_errors:
            say(f"Fat fraction at {site or 'no site'}, left out: mean error {mean:+.1f}, RMS {root:.1f} percent")


def _plain(found: Calibration) -> dict[str, object]:
    content = asdict(found)
    del content["text"]
    return content
