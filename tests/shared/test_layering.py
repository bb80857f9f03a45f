"""What may import what, read from the source of every distribution."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SHARED = "modelsystem_shared"
PACKAGES = sorted(ROOT.glob("*/src/modelsystem_*"))
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def _imports(source: Path) -> Iterator[str]:
    """Yield the top-level name of every module that a file imports, at any depth."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def _sources(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def test_shared_is_among_the_packages() -> None:
    """The other tests look at something."""
    shared = next(package for package in PACKAGES if package.name == SHARED)
    assert len(_sources(shared)) > 5


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_imports_itself_and_shared_and_no_other_of_ours(package: Path) -> None:
    """No workload imports another, and shared imports none."""
    imported = {name for source in _sources(package) for name in _imports(source)}
    ours = {name for name in imported if name.startswith("modelsystem_")}
    assert ours <= {package.name, SHARED}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_is_named_after_its_folder(package: Path) -> None:
    """Folder x holds import package modelsystem_x, without exception."""
    assert package.name == f"modelsystem_{package.parents[1].name}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_nothing_can_pickle(package: Path) -> None:
    """No pickle, anywhere."""
    assert not {name for source in _sources(package) for name in _imports(source)} & PICKLERS


EXTRAS = {"numeric": {"numpy"}, "signing": {"cryptography"}}  # what a room of shared may import


def test_shared_needs_nothing_but_python() -> None:
    """Only a room with an extra imports more: the waiter's image stays small."""
    allowed = sys.stdlib_module_names | {SHARED}
    for source in _sources(ROOT / "shared/src" / SHARED):
        more = EXTRAS.get(source.parent.name, set())
        if source.name == "vault.py":  # of the extra `vault`, which the small images lack
            more = more | {"azure"}
        assert set(_imports(source)) <= allowed | more, source


@pytest.mark.parametrize("room", EXTRAS)
def test_the_flat_part_of_shared_works_without_the_extras(room: str) -> None:
    """No module beside the rooms with extras imports them, but for types or within a function."""
    for source in sorted((ROOT / "shared/src" / SHARED).glob("*.py")):
        for node in ast.parse(source.read_bytes()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert f"{SHARED}.{room}" not in ast.unparse(node), source


# The rooms of each package, from top to bottom: a room imports only rooms below it. A room is a
# subpackage, or a module at the top of the package. `shared` is flat on purpose: one contract.
ROOMS = {
    "modelsystem_scorer": (
        *("__main__", "serve", "app", "site", "v2", "v1", "api", "observe", "engine", "settings"),
    ),
    "modelsystem_release": (
        *("__main__", "commands", "diagnosis", "traffic", "judging", "cluster"),
        *("artefact", "registry", "values", "naming", "errors"),
    ),
    "modelsystem_trainer": (
        *(
            "__main__",
            "lineage",
            "publishing",
            "cards",
            "profile",
            "training",
            "search",
            "evaluation",
        ),
        *("reading", "ingest", "export", "settings", "fit", "columns", "rules"),
        *("cpus", "memory", "compiling", "engines"),
    ),
    "modelsystem_waiter": (
        *("__main__", "pushgateway", "progress_log", "wake"),
        *("observation", "delivery", "verdict", "settings"),
    ),
}
MOST_MODULES = 12  # of one folder, `__init__` left out


class Import(NamedTuple):
    """One import from one room of a package into another; `names`: what it takes, None: all."""

    place: str
    room: str
    target: str
    inner: tuple[str, ...]
    names: tuple[str, ...] | None


def _rooms(package: Path) -> set[str]:
    """Return the subpackages and the modules at the top of a package."""
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    return folders | {path.stem for path in package.glob("*.py")} - {"__init__"}


def _own_imports(package: Path) -> Iterator[Import]:
    """Yield every import between rooms, at any depth of the source, functions included."""
    for source in _sources(package):
        room = source.relative_to(package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(source.read_bytes())):
            place = f"{source.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            for target, inner, names in _targets(node, package.name):
                if target != room:
                    yield Import(place, room, target, inner, names)


def _targets(
    node: ast.AST, package: str
) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...] | None]]:
    """Yield room, path inside of it, and names of what a statement imports from the package."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top, *path = alias.name.split(".")
            if top == package and path:
                yield path[0], tuple(path[1:]), None
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "no relative imports: the graph is read from full names"
        top, *path = (node.module or "").split(".")
        names = tuple(alias.name for alias in node.names)
        if top == package and path:
            yield path[0], tuple(path[1:]), names
        elif top == package:
            yield from ((name, (), None) for name in names)


def _door(package: Path, room: str) -> set[str] | None:
    """Return what a room exports by `__all__`; None for a module, which exports all it has."""
    door = package / room / "__init__.py"
    if not door.exists():
        return None
    for node in ast.parse(door.read_bytes()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


with_rooms = pytest.mark.parametrize(
    "package",
    [package for package in PACKAGES if package.name in ROOMS],
    ids=lambda package: package.name,
)


def test_every_package_but_shared_has_its_rooms_listed() -> None:
    """A new package, or a new room, gets its place in the order."""
    assert {package.name for package in PACKAGES} == {SHARED, *ROOMS}
    for package in PACKAGES:
        if package.name != SHARED:
            assert sorted(ROOMS[package.name]) == sorted(_rooms(package))


@with_rooms
def test_rooms_import_downwards_only(package: Path) -> None:
    """No arrow points up, so there is no circle."""
    order = ROOMS[package.name]
    upward = [
        f"{arrow.place}: {arrow.room} imports {arrow.target}"
        for arrow in _own_imports(package)
        if order.index(arrow.target) < order.index(arrow.room)
    ]
    assert not upward


@with_rooms
def test_a_room_is_entered_by_its_door(package: Path) -> None:
    """No import names a module inside another room, or takes what its `__all__` does not list."""
    for arrow in _own_imports(package):
        assert not arrow.inner, f"{arrow.place} imports a module inside {arrow.target}"
        door = _door(package, arrow.target)
        if door is not None:
            hidden = set(arrow.names or ()) - door
            assert not hidden, f"{arrow.place} imports {sorted(hidden)} past {arrow.target}'s door"


@with_rooms
def test_every_door_is_there(package: Path) -> None:
    """Each room exports something, and each name it exports is imported or defined in its door."""
    for room in _rooms(package):
        door = _door(package, room)
        if door is not None:
            assert door, f"{room} exports nothing"
            assert door <= _defined(package / room / "__init__.py"), room


def _defined(module: Path) -> set[str]:
    """Return the names that the top level of a module imports or defines."""
    names: set[str] = set()
    for node in ast.parse(module.read_bytes()).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {ast.unparse(target) for target in node.targets}
    return names


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_folder_is_a_drawer(package: Path) -> None:
    """A folder of source has at most twelve modules."""
    folders = {source.parent for source in _sources(package)}
    for folder in folders:
        modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
        assert len(modules) <= MOST_MODULES, folder
