"""``marrowsignal segmenters``: which installed programs may say where marrow is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["segmenters_app"]

segmenters_app = typer.Typer(
    help="List, show and check descriptions of segmenters for --marrow-from external:NAME. None of them is part of "
    "this package, and none is started or downloaded here.",
    no_args_is_help=True,
)


@segmenters_app.command("list")
def list_segmenters(
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Folder of descriptions of your own (.toml).", exists=True, file_okay=False),
    ] = None,
) -> None:
    """List the segmenters, whether they are installed, and what to do where they are not."""
    from marrowsignal.cli.terminal import say
    from marrowsignal.marrow.external import list_tools

    for state in list_tools(folder):
        segmenter = state.segmenter
        say(f"{segmenter.name:<20} {'installed' if state.installed else 'not installed':<14} {segmenter.title}")
        if not state.installed:
            say(f"  {segmenter.install}")
        if segmenter.notes:
            say(f"  {segmenter.notes}")


@segmenters_app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a shipped description.")],
) -> None:
    """Print a shipped description as TOML, a start for one of your own: ``--marrow-from external:MINE.toml``."""
    from marrowsignal.marrow.external.tools import read_segmenter_text

    typer.echo(read_segmenter_text(name), nl=False)


@segmenters_app.command("check")
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A description of your own (.toml), or a name.")],
) -> None:
    """Check a description and that its programs are installed; exit 2 when malformed, 5 when one is missing."""
    from marrowsignal.cli.terminal import say
    from marrowsignal.marrow.external import find_segmenter

    segmenter = find_segmenter(file).segmenter
    regions = sorted({key for task in segmenter.tasks for key in task.keys})
    say(f"{segmenter.name}: valid and installed, {len(segmenter.tasks)} task(s), labels of {segmenter.kind}")
    say(f"regions: {', '.join(regions)}")
