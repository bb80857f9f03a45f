"""What may import what, read from the source of every distribution."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = "modelsystem_shared"
PACKAGES = sorted(ROOT.glob("*/src/modelsystem_*"))
BEHIND_THE_EXTRA = {"arrays", "model", "ranking"}
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


def test_shared_needs_nothing_but_python() -> None:
    """Only what is behind the extra may import numpy: the waiter's image stays tiny."""
    allowed = sys.stdlib_module_names | {SHARED}
    for source in _sources(ROOT / "shared/src" / SHARED):
        more = {"numpy"} if source.stem in BEHIND_THE_EXTRA else set()
        assert set(_imports(source)) <= allowed | more, source
