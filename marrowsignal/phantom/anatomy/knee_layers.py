"""The soft parts of one person's knee as layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from marrowsignal.phantom.anatomy.knee_build import KneeBuild
from marrowsignal.phantom.anatomy.knee_joint import BANDS, CORDS, capsule, joint_tables
from marrowsignal.phantom.anatomy.knee_shapes import At, Table, flattened
from marrowsignal.phantom.anatomy.knee_soft_tissue import (
    SHALLOW_VEINS,
    VESSELS,
    fascia_table,
    muscle_tables,
    vessel_table,
)
from marrowsignal.phantom.composition import COMPOSITIONS
from marrowsignal.phantom.scene import Fill, Layer
from marrowsignal.phantom.solids import Points, Vector, ramp, tube
from marrowsignal.phantom.subject import Subject
from marrowsignal.phantom.tissues import Species

__all__ = ["flesh_layers", "joint_layers"]

Array = NDArray[np.float64]
# what goes up and down with the patella
_RIDING = ("patellar_cartilage", "extensor_tendon")
_COMPOSITION = {
    "femoral_cartilage": "cartilage",
    "tibial_cartilage": "cartilage",
    "patellar_cartilage": "cartilage",
    "menisci": "meniscus",
    "anterior_cruciate_ligament": "ligament",
    "joint_fluid": "fluid",
    "suprapatellar_recess": "fluid",
    "posterior_recess": "fluid",
}


def _solid(
    build: KneeBuild, name: str, table: Table, composition: Fill, *, at: Callable[[Points], At] | None = None
) -> Layer:
    where = build.at if at is None else at
    return Layer(name=name, shape=lambda p: table(where(p)), fill=composition, within=build.ball(table.ball()))


def joint_layers(build: KneeBuild) -> list[Layer]:
    """Cartilage, menisci, ligaments, tendons, fluid and capsule, front to back."""

    def filling(name: str) -> Fill:
        return COMPOSITIONS[_COMPOSITION.get(name, "tendon")]

    tables = joint_tables()
    solids = {
        name: _solid(build, name, table, filling(name), at=build.at_patella if name in _RIDING else build.at)
        for name, table in tables.items()
    }
    ligaments = []
    for name, (path, (thick, wide), across) in BANDS.items():
        half = (thick + build.effusion_mm if filling(name) is COMPOSITIONS["fluid"] else thick, wide)

        def band(p: Points, q: tuple[Vector, ...] = path, h: tuple[float, float] = half, a: int = across) -> Array:
            return flattened(build.at(p), path=q, half=h, across=a)

        ligaments.append(Layer(name=name, shape=band, fill=filling(name), within=build.around(path, wide)))
    for name, (path, radii) in CORDS.items():

        def cord(p: Points, q: tuple[Vector, ...] = path, r: tuple[float, ...] = radii) -> Array:
            return tube(build.at(p), path=q, radii=r)

        ligaments.append(Layer(name=name, shape=cord, fill=filling(name), within=build.around(path, max(radii))))
    hull = solids.pop("hull")
    outer = [solids.pop(name) for name in ("extensor_tendon", "joint_fluid")]
    bag = Layer(
        name="joint_capsule", shape=lambda p: capsule(build.at(p)), fill=COMPOSITIONS["fascia"], within=hull.within
    )
    return [*solids.values(), *ligaments, *outer, bag]


def _vessels(build: KneeBuild, skin: Callable[[Points], Array]) -> list[Layer]:
    layers = []
    for name, (path, radii, content) in VESSELS.items():
        table = vessel_table(name)
        if table is not None:
            layers.append(_solid(build, name, table, COMPOSITIONS[content], at=build.at_flesh))
            continue
        shallow = name in SHALLOW_VEINS

        def shape(
            p: Points, q: tuple[Vector, ...] = path, r: tuple[float, ...] = radii, shallow: bool = shallow
        ) -> Array:
            wall = tube(build.at_flesh(p), path=q, radii=r)
            return np.maximum(wall, skin(p) + 2.5) if shallow else wall

        ball = build.around(path, max(radii))
        layers.append(Layer(name=name, shape=shape, fill=COMPOSITIONS[content], within=ball))
    return layers


def _streaked(
    subject: Subject, kinds: tuple[Species, Species], *, size_mm: float, most: float, long: float = 1.3
) -> Fill:
    """Make a tissue that short pieces of thin sheets of another one cross, drawn out along the leg."""
    base, thread = kinds
    name, stretch = f"knee {base.name} {thread.name} {size_mm}", (1.0, 1.0, long)
    sheets = subject.field(f"{name} sheets", wavelength_mm=(size_mm, 2.5 * size_mm), count=18, stretch=stretch)
    where = subject.field(f"{name} where", wavelength_mm=(0.9 * size_mm, 4.0 * size_mm), count=18, stretch=stretch)

    def fill(p: Points) -> dict[Species, Array]:
        share = most * np.exp(-((sheets.on(p.sheet) / 0.12) ** 2)) * ramp(where.on(p.sheet), 0.0, 1.4)
        return {thread: share, base: 1.0 - share}

    return fill


def _skin_distance(subject: Subject, build: KneeBuild) -> Callable[[Points], Array]:
    fascia = fascia_table()
    women = 1.0 if subject.sex == "F" else 0.6
    thick = women * subject.uniform("knee_fat_mm", 5.0, 15.0)
    rolls = subject.field("knee_fat_rolls", wavelength_mm=(60.0, 140.0), count=8)

    def distance(p: Points) -> Array:
        rich = 0.25 + 0.45 * ramp(p.y, -40.0, 40.0) + 0.35 * ramp(-p.x, -10.0, 45.0)
        rich = rich + 0.25 * ramp(np.abs(p.z), 20.0, 110.0)
        return np.asarray(fascia(build.at_flesh(p)) - 3.2 - thick * rich * (1.0 + 0.1 * rolls.on(p.sheet)))

    return distance


def flesh_layers(subject: Subject, build: KneeBuild) -> list[Layer]:
    """Vessels, muscles, fascia, fat and skin, front to back."""
    skin = _skin_distance(subject, build)
    fascia = fascia_table()
    muscle = _streaked(subject, (Species.MUSCLE, Species.FAT), size_mm=6.0, most=0.55, long=5.0)
    deep = _streaked(subject, (Species.FAT, Species.FIBROUS), size_mm=6.0, most=0.6)
    under = _streaked(subject, (Species.FAT, Species.FIBROUS), size_mm=7.0, most=0.7)
    return [
        *_vessels(build, skin),
        *(_solid(build, n, t, muscle, at=build.at_flesh) for n, t in muscle_tables().items()),
        Layer(
            name="deep_fascia",
            shape=lambda p: np.abs(fascia(build.at_flesh(p))) - 0.3,
            fill=COMPOSITIONS["fascia"],
            opacity=0.7,
        ),
        Layer(name="deep_fat", shape=lambda p: fascia(build.at_flesh(p)), fill=deep),
        Layer(name="skin", shape=lambda p: np.abs(skin(p) + 0.7) - 0.7, fill=COMPOSITIONS["skin"]),
        Layer(name="subcutaneous_fat", shape=skin, fill=under),
    ]
