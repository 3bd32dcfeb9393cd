"""Protocols load whole or not at all, and say where they are wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from marrowsignal.errors import ProtocolError
from marrowsignal.protocol import (
    Protocol,
    Quantity,
    Range,
    choose_protocol_name,
    load_protocol,
    protocol_names,
    protocol_sha256,
)
from marrowsignal.protocol.loader import read_protocol_text


def _numbers(part: Any) -> list[Quantity | Range]:
    if isinstance(part, Quantity | Range):
        return [part]
    if isinstance(part, BaseModel):
        return [number for name in type(part).model_fields for number in _numbers(getattr(part, name))]
    return [number for item in part for number in _numbers(item)] if isinstance(part, tuple) else []


def _write(folder: Path, text: str, name: str = "mine.toml") -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("name", protocol_names())
def test_every_built_in_protocol_loads_and_names_its_sources(name: str) -> None:
    rules = load_protocol(name)
    assert rules.name == name
    numbers = _numbers(rules)
    assert len(numbers) > 80
    assert all(number.unit.strip() and number.source.strip() for number in numbers)
    assert rules.regions or rules.whole
    assert rules.limits


def test_the_files_of_the_package_are_the_names_told(repository: Path) -> None:
    files = {path.stem for path in (repository / "marrowsignal" / "protocol" / "data").glob("*.toml")}
    assert files - {"series", "added_water"} == set(protocol_names())


@pytest.mark.parametrize("name", protocol_names())
def test_regions_with_a_joint_name_regions_that_are_there(name: str) -> None:
    regions = load_protocol(name).regions
    keys = {region.key for region in regions}
    assert all(set(region.joint_with) <= keys for region in regions)


def test_body_parts_choose_and_belong_to_one_protocol() -> None:
    parts = [part for name in protocol_names() for part in load_protocol(name).body_parts]
    assert len(parts) == len(set(parts))
    assert choose_protocol_name("PELVIS") == "pelvis_sij"
    assert choose_protocol_name("l spine") == "lumbar_spine"
    assert choose_protocol_name("L_SPINE") == "lumbar_spine"
    assert choose_protocol_name("HAND") == "generic"
    assert choose_protocol_name(None) == choose_protocol_name("") == "generic"


def test_a_file_that_extends_changes_only_what_it_says(tmp_path: Path) -> None:
    text = 'extends = "pelvis_sij"\nname = "site"\n[lesions.seed_ratio]\nvalue = 1.9\nsource = "own cohort"\n'
    mine, base = load_protocol(_write(tmp_path, text)), load_protocol("pelvis_sij")
    assert (mine.lesions.seed_ratio.value, mine.lesions.seed_ratio.unit) == (1.9, base.lesions.seed_ratio.unit)
    lesions = mine.lesions.model_copy(update={"seed_ratio": base.lesions.seed_ratio})
    assert mine.model_copy(update={"name": base.name, "lesions": lesions}) == base


def test_the_hash_tells_any_changed_number_unit_or_source(tmp_path: Path) -> None:
    lines = ("value = 1.71", 'unit = "times"', 'source = "elsewhere"')
    texts = [f'extends = "generic"\n[lesions.seed_ratio]\n{line}\n' for line in lines]
    hashes = [protocol_sha256(load_protocol(_write(tmp_path, text))) for text in texts]
    assert len({*hashes, protocol_sha256(load_protocol("generic"))}) == 4
    same = _write(tmp_path, read_protocol_text("generic") + "\n# a remark\n")
    assert protocol_sha256(load_protocol(same)) == protocol_sha256(load_protocol("generic"))


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("not toml", "protocol_not_toml", "mine.toml"),
        ('extends = "generic"\nsurprise = 1', "protocol_invalid", "surprise"),
        ('extends = "generic"\n[lesions.min_volume]\nvalue = nan', "protocol_invalid", "lesions.min_volume"),
        ('extends = "generic"\n[lesions.shell]\nlow = 9\nhigh = 1', "protocol_invalid", "lesions.shell"),
        ('name = "bare"', "protocol_invalid", "problem"),
        ('extends = "elbow"', "protocol_unknown", "elbow"),
        (
            'extends = "generic"\n[[regions]]\nkey = "a"\nname = "A"\n[[regions]]\nkey = "a"\nname = "B"',
            "protocol_invalid",
            "share key and side",
        ),
        (
            'extends = "generic"\n[[regions]]\nkey = "a"\nname = "A"\nlabels = [1]\n'
            '[[regions]]\nkey = "b"\nname = "B"\nlabels = [1]',
            "protocol_invalid",
            "one label value",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, code: str, word: str) -> None:
    with pytest.raises(ProtocolError, match=word) as caught:
        load_protocol(_write(tmp_path, text))
    assert caught.value.code == code
    assert caught.value.exit_code == 2
    assert str(tmp_path) not in str(caught.value)


def test_a_protocol_that_extends_itself_is_refused(tmp_path: Path) -> None:
    one, two = str(tmp_path / "one.toml"), str(tmp_path / "two.toml")
    _write(tmp_path, f"extends = '{two}'", "one.toml")
    _write(tmp_path, f"extends = '{one}'", "two.toml")
    with pytest.raises(ProtocolError) as caught:
        load_protocol(one)
    assert caught.value.code == "protocol_cycle"


@pytest.mark.parametrize("name", ["elbow", "none.toml", ""])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        load_protocol(name)


def test_what_is_shown_is_what_is_used() -> None:
    assert Protocol.model_validate(tomllib.loads(read_protocol_text("generic"))) == load_protocol("generic")
