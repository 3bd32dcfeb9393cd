"""The phantoms by name, each a table of the catalogue or a TOML file of the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from marrowsignal.errors import UsageError
from marrowsignal.phantom.patterns import Background, Finding
from marrowsignal.phantom.subject import Sex
from marrowsignal.phantom.views import View, all_views

__all__ = ["Motion", "Person", "PhantomSpec", "load_spec", "names", "phantoms", "spec_text"]

# the classes of the analysis (SCIENCE 4.4), which the phantom may not import
PatternClass = Literal[
    "RED_FLAG_INFILTRATION_LIKE",
    "FOCAL_EDEMA_LIKE",
    "SYMMETRIC_RECONVERSION_LIKE",
    "MIXED",
    "NORMAL_FOR_AGE",
    "INDETERMINATE",
    "CANNOT_ASSESS",
]
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Person:
    """Whose body it is; shape and size follow from the seed."""

    sex: Sex = "F"
    age_years: Annotated[float, Field(ge=0.0, le=120.0)] = 35.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Motion:
    """How the person has moved between T1 and STIR.

    Attributes
    ----------
    shift_lps_mm : tuple of float
        Shift.
    rotation_deg : tuple of float
        Turn about x, then y, then z, through the origin of the body.
    """

    shift_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The motion as a 4x4 matrix on patient points."""
        x, y, z = np.deg2rad(self.rotation_deg)
        about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
        about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
        about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
        matrix = np.eye(4)
        matrix[:3, :3] = about_z @ about_y @ about_x
        matrix[:3, 3] = self.shift_lps_mm
        return matrix


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class PhantomSpec:
    """What a phantom shows.

    Attributes
    ----------
    title : str
        One line.
    body : str
        ``trunk`` or ``knee``.
    pattern_class : str
        Class that a perfect analysis of the study would give.
    side : str
        Side of the pattern before mirroring: ``left``, ``right``, ``both`` or ``none``.
    view : str or View
        Stack of slices: the name of a view, or one of your own.
    regions : tuple of str
        Bones whose marrow the study is about, in the order of their labels in ``truth/marrow.nii.gz``.
    person : Person
        Sex and age.
    background : Background
        Marrow all over.
    findings : tuple of Finding
        Focal findings.
    magnetic_field_strength_t : float
        0.3, 1.5 or 3: which sequences are usual.
    motion : Motion
        Between T1 and STIR.
    t1, stir : mapping
        What differs from the usual acquisition of each series.
    """

    title: str
    pattern_class: PatternClass
    view: str | View
    regions: tuple[str, ...]
    body: Literal["trunk", "knee"] = "trunk"
    side: Literal["left", "right", "both", "none"] = "none"
    person: Person = field(default_factory=Person)
    background: Background = field(default_factory=Background)
    findings: tuple[Finding, ...] = ()
    magnetic_field_strength_t: float = 1.5
    motion: Motion = field(default_factory=Motion)
    t1: Mapping[str, Any] = field(default_factory=dict)
    stir: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stack(self) -> View:
        """The stack of slices."""
        return all_views()[self.view] if isinstance(self.view, str) else self.view


def _spec(name: str, table: Mapping[str, Any]) -> PhantomSpec:
    try:
        view = table.get("view")
        own = {"view": View(**view)} if isinstance(view, Mapping) else {}
        spec = PhantomSpec(**{**table, **own})
    except (ValidationError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"]) or "phantom"
        raise UsageError(
            f"phantom {name}: {where}: {first['msg']}",
            code="phantom_invalid",
            stage="phantom",
            hint="compare with a table of `marrowsignal phantom --show NAME`",
        ) from error
    if isinstance(spec.view, str) and spec.view not in all_views():
        raise UsageError(
            f"phantom {name}: there is no view '{spec.view}'",
            code="unknown_view",
            stage="phantom",
            hint="one of: " + ", ".join(sorted(all_views())),
        )
    return spec


def _catalogue_text() -> str:
    return (files("marrowsignal.phantom") / "data" / "catalogue.toml").read_text(encoding="utf-8")


@cache
def phantoms() -> MappingProxyType[str, PhantomSpec]:
    """Return all built-in phantoms by name, in the order of the catalogue."""
    return MappingProxyType({name: _spec(name, table) for name, table in tomllib.loads(_catalogue_text()).items()})


def spec_text(name: str) -> str:
    """Return the TOML of a built-in phantom, a start for a file of one's own.

    Raises
    ------
    UsageError
        If there is no such phantom.
    """
    load_spec(name)
    if name not in phantoms():
        return Path(name).read_text(encoding="utf-8")
    _, _, after = _catalogue_text().partition(f"\n[{name}]\n")
    return after.partition("\n[")[0].strip() + "\n"


def names() -> tuple[str, ...]:
    """Names of the built-in phantoms, in the order of the catalogue."""
    return tuple(phantoms())


def load_spec(name_or_file: str) -> PhantomSpec:
    """Find a phantom by name, or read one from a TOML file.

    Parameters
    ----------
    name_or_file : str
        One of `names`, or the path of a ``.toml`` file with the keys of one catalogue table.

    Returns
    -------
    PhantomSpec
        What it shows.

    Raises
    ------
    UsageError
        If there is no such phantom, or the file is missing, malformed or has a key or value out of form.
    """
    if name_or_file in phantoms():
        return phantoms()[name_or_file]
    path = Path(name_or_file)
    if path.suffix != ".toml":
        raise UsageError(
            f"there is no phantom named '{path.name}'",
            code="unknown_phantom",
            stage="phantom",
            hint="choose one of: " + ", ".join(names()),
        )
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"phantom file '{path.name}' cannot be read: {type(error).__name__}",
            code="phantom_unreadable",
            stage="phantom",
            hint="it must be there, and TOML in UTF-8",
        ) from error
    return _spec(path.name, table)
