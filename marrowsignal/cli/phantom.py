"""``marrowsignal phantom``: write a synthetic study with its truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from marrowsignal.errors import UsageError

if TYPE_CHECKING:
    from marrowsignal.phantom.dicom_files import VendorName

__all__ = ["phantom"]


def phantom(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE.toml]", help="A phantom; none to list them all.")
    ] = None,
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder that gets dicom/ and truth/.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Shape, texture, bias and noise follow from it.")] = 1,
    mirrored: Annotated[bool, typer.Option("--mirrored", help="Swap left and right of the person.")] = False,
    vendor: Annotated[
        str, typer.Option(help="siemens, ge, philips, canon or hitachi: whose habits files follow.")
    ] = "siemens",
    enhanced: Annotated[bool, typer.Option("--enhanced", help="Enhanced MR, one file a series.")] = False,
    companions: Annotated[
        bool, typer.Option("--companions", help="Add a localizer and other series that are not to be measured.")
    ] = False,
    transfer_syntax: Annotated[
        str, typer.Option(help="Transfer syntax UID; by default RLE Lossless.")
    ] = "1.2.840.10008.1.2.5",
    show: Annotated[bool, typer.Option("--show", help="Print the phantom's parameters as TOML.")] = False,
    landmarks: Annotated[
        str | None, typer.Option(metavar="trunk|knee", help="List the landmarks and bones of a body.")
    ] = None,
) -> None:
    """Write a synthetic T1 + STIR study with its truth; without a NAME, list the phantoms."""
    if landmarks is not None:
        _list_landmarks(landmarks)
    elif name is None:
        _list_phantoms()
    elif show:
        _show(name)
    elif output is None:
        raise UsageError(
            "no output folder was given", code="no_output", stage="phantom", hint="add -o DIR, or --show to look only"
        )
    else:
        _write(name, output, seed=seed, mirrored=mirrored, files=(vendor, enhanced, companions, transfer_syntax))


def _list_phantoms() -> None:
    from marrowsignal.phantom import phantoms

    for name, spec in phantoms().items():
        typer.echo(f"{name:<24} {spec.pattern_class:<27} {spec.title}")


def _list_landmarks(body: str) -> None:
    from marrowsignal.phantom import draw_subject
    from marrowsignal.phantom.anatomy import BODIES, build_anatomy

    if body not in BODIES:
        raise UsageError(
            f"there is no body '{body}'", code="unknown_body", stage="phantom", hint="one of: " + ", ".join(BODIES)
        )
    anatomy = build_anatomy(body, draw_subject(1))
    typer.echo("bones: " + ", ".join(f"{bone.label} {bone.name}" for bone in anatomy.bones))
    for mark in sorted(anatomy.landmarks, key=lambda m: m.name):
        typer.echo(f"{mark.name:<32} {mark.bone}")


def _show(name: str) -> None:
    from marrowsignal.phantom.catalogue import spec_text

    typer.echo(spec_text(name), nl=False)


def _write(name: str, output: Path, *, seed: int, mirrored: bool, files: tuple[str, bool, bool, str]) -> None:
    from marrowsignal.phantom import DicomOptions, StudyOptions, make_study
    from marrowsignal.phantom.dicom_files import VENDORS

    vendor, enhanced, companions, transfer_syntax = files
    if vendor not in VENDORS:
        raise UsageError(
            f"there is no vendor '{vendor}'",
            code="unknown_vendor",
            stage="phantom",
            hint="one of: " + ", ".join(VENDORS),
        )
    dicom = DicomOptions(vendor=cast("VendorName", vendor), enhanced=enhanced, transfer_syntax_uid=transfer_syntax)
    options = StudyOptions(mirrored=mirrored, dicom=dicom, companions=companions)
    truth = make_study(name, output, seed=seed, options=options)
    typer.echo(f"{truth.pattern} (side: {truth.side}, seed {seed}): dicom/ and truth/ written", err=True)
