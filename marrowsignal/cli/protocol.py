"""``marrowsignal protocol``: list, show and check protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["protocol_app"]

protocol_app = typer.Typer(
    help="List, show and check protocols: every clinical number with unit and source.", no_args_is_help=True
)


@protocol_app.command("list")
def list_protocols() -> None:
    """List the built-in protocols."""
    from marrowsignal.protocol import load_protocol, protocol_names

    for name in protocol_names():
        rules = load_protocol(name)
        typer.echo(f"{name:<14} {rules.version:<8} {rules.title}")


@protocol_app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a built-in protocol, or series.")],
) -> None:
    """Print a built-in protocol as TOML, a start for one of your own; ``series`` prints how series are recognised."""
    from marrowsignal.protocol.loader import read_protocol_text
    from marrowsignal.protocol.series_rules_file import read_series_rules_text

    typer.echo(read_series_rules_text() if name == "series" else read_protocol_text(name), nl=False)


@protocol_app.command("check")
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A protocol of your own (.toml).")],
    *,
    series: Annotated[bool, typer.Option("--series", help="FILE holds series rules, not a protocol.")] = False,
) -> None:
    """Check a protocol or series-rules file; exit 2 and say where when it is malformed."""
    from marrowsignal.protocol import load_protocol, protocol_sha256
    from marrowsignal.protocol.series_rules_file import load_series_rules, series_rules_sha256

    if series:
        typer.echo(f"series rules: valid\nsha256 {series_rules_sha256(load_series_rules(Path(file)))}")
        return
    rules = load_protocol(file)
    typer.echo(f"{rules.name} {rules.version}: valid, {len(rules.regions)} regions")
    typer.echo(f"sha256 {protocol_sha256(rules)}")
