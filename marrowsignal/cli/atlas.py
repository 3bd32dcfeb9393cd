"""``marrowsignal atlas``: build an atlas from labelled studies, and tell what atlases hold."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import check_writable, existing_input
from marrowsignal.cli.terminal import say
from marrowsignal.errors import UsageError

if TYPE_CHECKING:
    from marrowsignal.marrow.atlas import AtlasDocument
    from marrowsignal.marrow.records import MaskKind

__all__ = ["atlas_app"]

atlas_app = typer.Typer(
    help="Build a segmentation atlas from labelled studies, and list atlases with their quality.",
    no_args_is_help=True,
)


@atlas_app.command("build")
def build(
    manifest: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST.csv",
            help="One row a study: t1 (DICOM folder), marrow (label map); if wanted stir (folder), labels (table).",
        ),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the atlas; must not exist.")],
    mask_kind: Annotated[str, typer.Option(metavar="marrow|bone", help="What the labels enclose.")] = "marrow",
    protocol: Annotated[
        str, typer.Option(help="Protocol by whose regions labels are recognised; built-in name or TOML file.")
    ] = "generic",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Make an atlas of three or more labelled studies; its leave-one-out quality is measured and kept.

    Label five studies, then `marrowsignal analyze --marrow-from atlas:DIR` measures five hundred.
    """
    from marrowsignal.marrow.atlas import build_atlas, read_contents
    from marrowsignal.protocol import load_protocol

    started = time.perf_counter()

    def tell(line: str) -> None:
        if not quiet:
            say(f"[{time.perf_counter() - started:.0f} s] {line}", err=True)

    existing_input(manifest, stage="build_atlas")
    check_writable(output)
    build_atlas(manifest, output, kind=_kind(mask_kind), protocol=load_protocol(protocol), tell=tell)
    _print_atlas(read_contents(output), _bytes_of(output))


@atlas_app.command("list")
def list_atlases(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Atlas folders.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list on stdout.")] = False,
) -> None:
    """Tell subjects, labels, leave-one-out quality, size and version of atlases."""
    from marrowsignal.marrow.atlas import read_contents

    found = [(read_contents(existing_input(folder, stage="read_atlas")), _bytes_of(folder)) for folder in folders]
    if as_json:
        content = [_plain(document, size) for document, size in found]
        typer.echo(json.dumps(content, indent=1))
        return
    for number, (document, size) in enumerate(found, start=1):
        if len(found) > 1:
            typer.echo(f"Atlas {number} of {len(found)}")
        _print_atlas(document, size)


def _kind(text: str) -> MaskKind:
    from marrowsignal.marrow.records import MaskKind

    if text not in set(MaskKind):
        raise UsageError(
            "the mask kind is unknown", code="mask_kind_unknown", stage="build_atlas", hint="give marrow or bone"
        )
    return MaskKind(text)


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _print_atlas(document: AtlasDocument, size: int) -> None:
    names = dict(document.label_names)
    rows = document.leave_one_out
    dices = [row.dice for row in rows]
    series = "T1 and STIR" if all(subject.has_stir for subject in document.subjects) else "T1"
    say(f"{len(rows)} subjects, {series}, {size / 1e6:.0f} MB, made with marrowsignal {document.created_with}")
    say(f"Labels enclose {document.encloses}")
    for value in sorted({value for row in rows for value, _dice in row.label_dice}):
        of = [dice for row in rows for label, dice in row.label_dice if label == value]
        name = names.get(value, "no name")
        say(f"  label {value:<3} {name:<24} left-out Dice {sum(of) / len(of):.3f} ({len(of)} subjects)")
    say(f"Left-out Dice {sum(dices) / len(dices):.3f} on average, {min(dices):.3f} at worst")
    for row in rows:
        say(f"  {row.name:<10} Dice {row.dice:.3f}, votes alone {row.votes_dice:.3f}, likeness {row.placed:.2f}")


def _plain(document: AtlasDocument, size: int) -> dict[str, object]:
    dices = [row.dice for row in document.leave_one_out]
    return {
        "schema_version": document.schema_version,
        "created_with": document.created_with,
        "encloses": document.encloses,
        "subjects": len(document.subjects),
        "has_stir": all(subject.has_stir for subject in document.subjects),
        "labels": [{"value": value, "name": name} for value, name in document.label_names],
        "leave_one_out": [row.model_dump(mode="json") for row in document.leave_one_out],
        "mean_dice": sum(dices) / len(dices),
        "worst_dice": min(dices),
        "bytes": size,
    }
