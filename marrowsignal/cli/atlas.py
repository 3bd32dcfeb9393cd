"""``marrowsignal atlas``: build an atlas from labelled studies, and tell what atlases hold."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowsignal.cli.paths import check_writable, existing_input
from marrowsignal.cli.terminal import say
from marrowsignal.errors import UsageError

if TYPE_CHECKING:
    from marrowsignal.learned_lesions.document import LesionModelDocument
    from marrowsignal.marrow.atlas import AtlasDocument
    from marrowsignal.marrow.records import MaskKind

__all__ = ["atlas_app"]

atlas_app = typer.Typer(
    help="Build a segmentation atlas from labelled studies, and list atlases with their quality.",
    no_args_is_help=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What an atlas folder says of itself."""

    document: AtlasDocument
    lesions: LesionModelDocument | None
    bytes_on_disk: int


@atlas_app.command("build")
def build(
    manifest: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST.csv",
            help="One row a study: t1 (DICOM folder), marrow (label map); if wanted stir (folder), labels (table), "
            "lesions (label maps of lesions, one a read, separated by ;).",
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

    Label five studies, then `marrowsignal analyze --marrow-from atlas:DIR` measures five hundred. Where three or more
    rows have lesions, a voxel model of these is learnt too, for `--lesions-from atlas:DIR`: any value but 0 is lesion,
    a map of zeros says that a reader found none, an empty cell that nobody looked. STIR is then needed, named in stir
    or lying in the folder of t1.
    """
    from marrowsignal.learned_lesions import build_with_lesions
    from marrowsignal.protocol import load_protocol

    started = time.perf_counter()

    def tell(line: str) -> None:
        if not quiet:
            say(f"[{time.perf_counter() - started:.0f} s] {line}", err=True)

    existing_input(manifest, stage="build_atlas")
    check_writable(output)
    build_with_lesions(manifest, output, kind=_kind(mask_kind), protocol=load_protocol(protocol), tell=tell)
    _print_atlas(_listed(output))


@atlas_app.command("list")
def list_atlases(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Atlas folders.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list on stdout.")] = False,
) -> None:
    """Tell subjects, labels, leave-one-out quality, size and version of atlases."""
    found = [_listed(existing_input(folder, stage="read_atlas")) for folder in folders]
    if as_json:
        typer.echo(json.dumps([_plain(atlas) for atlas in found], indent=1))
        return
    for number, atlas in enumerate(found, start=1):
        if len(found) > 1:
            typer.echo(f"Atlas {number} of {len(found)}")
        _print_atlas(atlas)


def _listed(folder: Path) -> _Listed:
    from marrowsignal.learned_lesions import read_lesion_contents
    from marrowsignal.marrow.atlas import read_contents

    return _Listed(
        document=read_contents(folder), lesions=read_lesion_contents(folder), bytes_on_disk=_bytes_of(folder)
    )


def _kind(text: str) -> MaskKind:
    from marrowsignal.marrow.records import MaskKind

    if text not in set(MaskKind):
        raise UsageError(
            "the mask kind is unknown", code="mask_kind_unknown", stage="build_atlas", hint="give marrow or bone"
        )
    return MaskKind(text)


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _print_atlas(atlas: _Listed) -> None:
    document, size = atlas.document, atlas.bytes_on_disk
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
    if atlas.lesions is not None:
        _print_lesions(atlas.lesions)


def _print_lesions(document: LesionModelDocument) -> None:
    rows = document.leave_one_out
    dices = [row.dice for row in rows]
    say(f"Lesions: left-out Dice {sum(dices) / len(dices):.3f} on average, {min(dices):.3f} at worst")
    for row in rows:
        between = "" if row.reads_dice is None else f", reads among each other {row.reads_dice:.3f}"
        found = f"{row.lesions_found} of {row.lesions} lesions touched, {row.found_ml:.1f} mL for {row.read_ml:.1f} mL"
        say(f"  {row.name:<10} Dice {row.dice:.3f}{between}; {found}")


def _plain(atlas: _Listed) -> dict[str, object]:
    document, lesions = atlas.document, atlas.lesions
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
        "lesions_leave_one_out": None
        if lesions is None
        else [row.model_dump(mode="json") for row in lesions.leave_one_out],
        "bytes": atlas.bytes_on_disk,
    }
