"""Find, read, resolve and hash protocols."""

from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from marrowsignal.errors import ProtocolError
from marrowsignal.protocol.problems import first_problem
from marrowsignal.protocol.schema import Protocol

__all__ = ["choose_protocol_name", "load_protocol", "protocol_names", "protocol_sha256", "read_protocol_text"]

_STAGE = "protocol"
_BUILT_IN = ("generic", "hips", "knee", "lumbar_spine", "pelvis_sij")


def protocol_names() -> tuple[str, ...]:
    """Names of the built-in protocols, sorted."""
    return _BUILT_IN


def choose_protocol_name(body_part_examined: str | None) -> str:
    """Name of the built-in protocol for a BodyPartExamined value; ``"generic"`` when none fits."""
    part = (body_part_examined or "").upper().replace(" ", "").replace("_", "")
    for name in _BUILT_IN:
        if part and part in load_protocol(name).body_parts:
            return name
    return "generic"


def load_protocol(name_or_file: str) -> Protocol:
    """Load a built-in protocol by name, or one from a TOML file.

    Parameters
    ----------
    name_or_file : str
        One of `protocol_names`, or a path that ends in ``.toml``.

    Raises
    ------
    ProtocolError
        If there is no such protocol, the TOML is malformed or a value is missing or out of form.
    """
    raw = _resolve(name_or_file, seen=())
    try:
        return Protocol.model_validate(raw)
    except ValidationError as error:
        raise ProtocolError(
            f"protocol {_short(name_or_file)}: {first_problem(error, 'protocol')}",
            code="protocol_invalid",
            stage=_STAGE,
            hint="compare with `marrowsignal protocol show generic`",
        ) from error


def read_protocol_text(name: str) -> str:
    """Return the TOML text of a built-in protocol, comments included.

    Raises
    ------
    ProtocolError
        If there is no built-in protocol of that name.
    """
    if name not in _BUILT_IN:
        raise ProtocolError(
            f"there is no protocol '{name}'",
            code="protocol_unknown",
            stage=_STAGE,
            hint=f"one of {', '.join(_BUILT_IN)}, or the path of a .toml file",
        )
    return (files("marrowsignal.protocol") / "data" / f"{name}.toml").read_text(encoding="utf-8")


def protocol_sha256(protocol: Protocol) -> str:
    """Hash of the resolved protocol; any changed number, unit or source changes it."""
    return hashlib.sha256(protocol.model_dump_json().encode()).hexdigest()


def _resolve(name_or_file: str, *, seen: tuple[str, ...]) -> dict[str, Any]:
    if name_or_file in seen:
        raise ProtocolError(f"protocol {_short(name_or_file)} extends itself", code="protocol_cycle", stage=_STAGE)
    try:
        raw = tomllib.loads(_text(name_or_file))
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(
            f"protocol {_short(name_or_file)} is not TOML: {error}", code="protocol_not_toml", stage=_STAGE
        ) from error
    base = raw.pop("extends", None)
    return _merge(_resolve(_beside(str(base), name_or_file), seen=(*seen, name_or_file)), raw) if base else raw


def _beside(base: str, name_or_file: str) -> str:
    """Return a base as it can be found: a file is named from the folder of the one that extends it."""
    own_file = name_or_file.endswith(".toml") and base.endswith(".toml")
    return str(Path(name_or_file).parent / base) if own_file else base


def _text(name_or_file: str) -> str:
    if not name_or_file.endswith(".toml"):
        return read_protocol_text(name_or_file)
    try:
        return Path(name_or_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(
            f"protocol file {_short(name_or_file)} cannot be read", code="protocol_unreadable", stage=_STAGE
        ) from error


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    # Tables merge key by key; everything else, lists included, is replaced whole.
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _short(name_or_file: str) -> str:
    return Path(name_or_file).name
