"""The house keeps its layers: imports run down, in no circle, and through no wall."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import marrowsignal

PACKAGE = "marrowsignal"
SOURCE = Path(__file__).parents[1] / PACKAGE

# Low to high; packages of one rank may not see each other, but for findings and errors, which are the floor.
LAYERS = (
    ("errors", "findings", "threads"),
    ("geometry",),
    ("protocol",),
    ("dicom",),
    ("shading",),
    ("alignment",),
    ("intensity",),
    ("marrow",),
    ("regions",),
    ("signals",),
    ("learned_lesions",),
    ("quality",),
    ("patterns",),
    ("results",),
    ("comparison",),
    ("exports", "report"),
    ("calibration",),
    ("study",),
    ("cohort",),
    # of a study it sees where its files lie, and nothing that is in them
    ("pacs",),
    ("cli",),
    # makes the weights of the automatic segmentation; nothing at run time sees it
    ("training",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# The phantom stands beside the tower: it is truth for every stage and may lean on none of them.
PHANTOM_SEES = {"errors", "findings", "geometry", "phantom"}


@dataclass(frozen=True)
class Wall:
    """An outside package and the only places, as path prefixes, that may import it."""

    outside: str
    allowed: tuple[str, ...]


WALLS = (
    Wall("pydicom", ("dicom/", "phantom/", "exports/", "pacs/")),
    Wall("highdicom", ("dicom/", "exports/")),
    Wall("dicomweb_client", ("pacs/",)),
    Wall("requests", ("pacs/",)),
    Wall("pynetdicom", ("pacs/",)),
    Wall("SimpleITK", ("geometry/itk_bridge.py", "alignment/", "marrow/atlas/", "exports/")),
    Wall("typer", ("cli/",)),
    Wall("rich", ("cli/",)),
    Wall("jinja2", ("report/", "cohort/")),
    Wall("PIL", ("report/",)),
    Wall("sklearn", ("marrow/atlas/",)),
    Wall("onnxruntime", ("marrow/automatic/",)),
    Wall("torch", ("training/",)),
    Wall("duckdb", ("cohort/",)),
    # highdicom keeps its frames in SQLite: there its errors are caught
    Wall("sqlite3", ("cohort/", "dicom/segmentation.py")),
    Wall("psutil", ("cohort/",)),
    Wall("distributed", ("cohort/",)),
)
NUMERIC = ("signals", "patterns")
NUMERIC_OUTSIDE = {"numpy", "scipy", "skimage"}
NUMERIC_INSIDE = (
    "errors",
    "findings",
    "geometry",
    "geometry.acquisition",
    "geometry.depth",
    "geometry.distance",
    "geometry.volume",
    "protocol",
    "protocol.schema",
)


@dataclass(frozen=True)
class Arrow:
    """`module` (dotted, inside the package) imports `target` (dotted, full)."""

    module: str
    path: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.target}"


def modules_of(root: Path) -> dict[str, Path]:
    """Dotted names below the package's root; the root itself is ''."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def arrows_of(root: Path) -> list[Arrow]:
    """Every import of every module, at any depth of indentation, TYPE_CHECKING included."""
    modules = modules_of(root)
    return [
        Arrow(name, path.relative_to(root).as_posix(), node.lineno, target)
        for name, path in modules.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for target in _targets(node, name, path, modules)
    ]


def _targets(node: ast.AST, module: str, path: Path, modules: dict[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            here = [PACKAGE, *(part for part in module.split(".") if part)]
            up = here[: len(here) - node.level + (path.name == "__init__.py")]
            base = ".".join([*up, *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}".removeprefix(f"{PACKAGE}.")
            # `from package import module` points to the module, `from package import name` to the package.
            yield f"{PACKAGE}.{inner}" if base.split(".")[0] == PACKAGE and inner in modules else base
            if base == PACKAGE and inner not in modules and alias.name != "__version__":
                yield f"{PACKAGE}.<front door>"


def inside(target: str) -> str | None:
    """The target below our package, '' for the front door itself; None when it is outside."""
    head, _, rest = target.partition(".")
    return rest if head == PACKAGE else None


def upward(root: Path) -> list[str]:
    """Arrows that run up or sideways, and modules of no layer."""
    bad = [f"{name} belongs to no layer" for name in modules_of(root) if not _known(_top(name))]
    for arrow in arrows_of(root):
        target, source = inside(arrow.target), _top(arrow.module)
        if target is None or source in ("", "__main__") or not target:
            continue
        seen = _top(target)
        if target == "<front door>":
            bad.append(f"{arrow}: inside the package only __version__ is taken from the front door")
        elif source == "phantom":
            bad += [] if seen in PHANTOM_SEES else [f"{arrow}: the phantom leans on nothing but geometry"]
        elif source != seen and not _runs_down(source, seen):
            bad.append(f"{arrow}: {source} may not see {seen}")
    return bad


def _top(module: str) -> str:
    return module.partition(".")[0]


def _known(top: str) -> bool:
    return top in RANK or top in ("", "__main__", "phantom")


def _runs_down(source: str, seen: str) -> bool:
    if seen == "phantom":
        return source in ("cohort", "cli", "training")
    if seen not in RANK or source not in RANK:
        return False
    return RANK[seen] < RANK[source] or (RANK[seen] == 0 and RANK[source] == 0)


def circles(root: Path) -> list[str]:
    """Modules that import themselves by way of others; the front door's late imports do not count."""
    modules = modules_of(root)
    graph: dict[str, set[str]] = {name: set() for name in modules if name}
    for arrow in arrows_of(root):
        target = inside(arrow.target)
        if arrow.module and target in graph and target != arrow.module:
            graph[arrow.module].add(target)
    done: set[str] = set()
    return [text for name in graph for text in _circles_from(name, graph, [], done)]


def _circles_from(name: str, graph: dict[str, set[str]], way: list[str], done: set[str]) -> Iterator[str]:
    if name in way:
        yield " -> ".join([*way[way.index(name) :], name])
        return
    if name in done:
        return
    for target in sorted(graph[name]):
        yield from _circles_from(target, graph, [*way, name], done)
    done.add(name)


def breaches(root: Path) -> list[str]:
    """Arrows through a wall."""
    bad = []
    for arrow in arrows_of(root):
        head = arrow.target.split(".")[0]
        for wall in WALLS:
            if head == wall.outside and not arrow.path.startswith(wall.allowed):
                bad.append(f"{arrow}: only {', '.join(wall.allowed)} may")
        if _top(arrow.module) in NUMERIC and not _numeric_may_see(arrow):
            bad.append(f"{arrow}: {_top(arrow.module)} sees numpy, scipy, scikit-image and records only")
    return bad


def _numeric_may_see(arrow: Arrow) -> bool:
    target = inside(arrow.target)
    if target is None:
        head = arrow.target.split(".")[0]
        return head in NUMERIC_OUTSIDE or head in sys.stdlib_module_names
    if _top(target) == _top(arrow.module):
        return True
    return target in NUMERIC_INSIDE or target.endswith(".records")


def test_imports_run_down() -> None:
    assert upward(SOURCE) == []


def test_imports_run_in_no_circle() -> None:
    assert circles(SOURCE) == []


def test_walls_hold() -> None:
    assert breaches(SOURCE) == []


def house(root: Path, **files: str) -> Path:
    """Build a package of the given modules; `a__b` is a/b.py."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "line",
    [
        "import marrowsignal.signals",
        "from marrowsignal.signals import records",
        "from marrowsignal import signals",
        "from ..signals import records",
        "def late():\n    from marrowsignal.signals.records import Lesion",
    ],
)
def test_an_arrow_that_runs_up_is_flagged(tmp_path: Path, line: str) -> None:
    root = house(tmp_path, dicom__read=line, signals__records="")
    assert len(upward(root)) == 1


def test_an_arrow_between_neighbours_of_one_rank_is_flagged(tmp_path: Path) -> None:
    root = house(tmp_path, report__page="import marrowsignal.exports.tables.study_tables", exports__tables="")
    assert len(upward(root)) == 1


def test_the_front_door_gives_only_the_version(tmp_path: Path) -> None:
    root = house(tmp_path, signals__a="from marrowsignal import __version__, find_series")
    assert len(upward(root)) == 1


def test_a_module_of_no_layer_is_flagged(tmp_path: Path) -> None:
    assert upward(house(tmp_path, helpers__a="")) == [
        "helpers belongs to no layer",
        "helpers.a belongs to no layer",
    ]


def test_a_phantom_that_leans_on_what_it_tests_is_flagged(tmp_path: Path) -> None:
    root = house(tmp_path, phantom__a="import marrowsignal.signals.b\nimport marrowsignal.geometry.c")
    assert len(upward(root)) == 1


def test_a_good_house_is_not_flagged(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        errors="import marrowsignal.findings",
        findings="",
        geometry__volume="from marrowsignal.errors import GeometryError",
        signals__records="import numpy\nfrom marrowsignal.geometry.volume import VolumeGeometry",
        study="from marrowsignal import __version__\nfrom .signals import records",
    )
    assert upward(root) + circles(root) + breaches(root) == []


def test_a_circle_is_flagged(tmp_path: Path) -> None:
    root = house(
        tmp_path,
        dicom__a="from marrowsignal.dicom import b",
        dicom__b="from marrowsignal.dicom.c import x",
        dicom__c="import marrowsignal.dicom.a",
    )
    assert circles(root) == ["dicom.a -> dicom.b -> dicom.c -> dicom.a"]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("signals__a", "import pydicom"),
        ("report__a", "from pydicom.dataset import Dataset"),
        ("geometry__volume", "import SimpleITK as sitk"),
        ("intensity__references", "import SimpleITK"),
        ("signals__a", "import pandas"),
        ("signals__a", "from marrowsignal.geometry.itk_bridge import array_to_itk"),
        ("patterns__a", "from marrowsignal.signals.lesions import find_lesions"),
        ("study", "import rich"),
        ("marrow__atlas_like", "import SimpleITK"),
        ("marrow__automatic__a", "from sklearn.ensemble import HistGradientBoostingClassifier"),
        ("marrow__atlas__a", "import onnxruntime"),
        ("marrow__supplied__a", "from highdicom.seg import Segmentation"),
        ("marrow__automatic__a", "import torch"),
    ],
)
def test_a_breach_is_flagged(tmp_path: Path, module: str, line: str) -> None:
    assert breaches(house(tmp_path, **{module: line}))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("phantom__writer", "import pydicom"),
        ("geometry__itk_bridge", "import SimpleITK"),
        ("marrow__atlas__a", "import SimpleITK, sklearn.ensemble"),
        ("marrow__automatic__a", "import onnxruntime"),
        ("dicom__segmentation", "from highdicom.seg import Segmentation"),
        ("training__a", "import torch"),
        ("signals__a", "import numpy, scipy.ndimage, skimage.measure, math"),
        ("patterns__a", "from marrowsignal.signals.records import Signals"),
    ],
)
def test_what_a_wall_allows_is_not_flagged(tmp_path: Path, module: str, line: str) -> None:
    assert breaches(house(tmp_path, **{module: line})) == []


def test_front_door_is_sorted_short_and_true() -> None:
    names = marrowsignal.__all__
    assert names == sorted(names)
    assert len(names) <= 20
    assert all(getattr(marrowsignal, name) is not None for name in names)
    assert set(names) <= set(dir(marrowsignal))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = marrowsignal.no_such_name


HEAVY = ("numpy", "scipy", "skimage", "sklearn", "SimpleITK", "pydicom", "highdicom")
HEAVY += ("PIL", "jinja2", "onnxruntime", "torch", "requests", "pynetdicom", "dicomweb_client")
HEAVY += ("duckdb", "psutil", "distributed")


@pytest.mark.parametrize(
    "code",
    [
        "import marrowsignal",
        "from marrowsignal.cli.app import main; main(['--help'])",
        "from marrowsignal.cli.app import main; main(['analyze', '--help'])",
        "from marrowsignal.cli.app import main; main(['batch', '--help'])",
        "from marrowsignal.cli.app import main; main(['listen', '--help'])",
        "from marrowsignal.cli.app import main; main(['--version'])",
    ],
)
def test_import_and_help_load_nothing_heavy(code: str) -> None:
    tail = f"; import sys; sys.exit(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
