"""YAML files are edited, not rewritten."""

from pathlib import Path

import pytest
from hypothesis import given
from ruamel.yaml import YAML
from tests.release.values.test_assignments import TEXTS

from modelsystem_release.errors import UsageError
from modelsystem_release.values import yamlfile
from modelsystem_release.values.assignments import Assignment
from modelsystem_release.values.yamlfile import Document

COMMENTED = """\
# The build.
build:
  number: 20180523.10  # a string, please
tolerations:
  - key: "gpu"
    operator: Exists

# What it reads.
env:
  A: 'single'
  B: 0123
  C: on
"""


def test_what_is_not_touched_stays() -> None:
    """Comments, order, quotes, indentation, and how numbers are written."""
    edited = Document(COMMENTED)
    edited.assign([Assignment(("env", "D"), "1e5")])
    assert edited.text() == COMMENTED + '  D: "1e5"\n'


def test_a_value_is_replaced_in_its_place() -> None:
    """The comment beside it stays."""
    edited = Document(COMMENTED)
    edited.assign([Assignment(("build", "number"), "20180523.10")])
    assert 'number: "20180523.10" # a string, please' in " ".join(edited.text().split("  "))
    assert len(edited.text().splitlines()) == len(COMMENTED.splitlines())


def test_what_is_missing_on_the_way_is_made() -> None:
    """At any depth, and where there was nothing or null."""
    edited = Document("a:\n")
    edited.assign([Assignment(("a", "b", "c"), 1), Assignment(("d", "e"), [{"on": "off"}])])
    assert YAML(typ="safe").load(edited.text()) == {
        "a": {"b": {"c": 1}},
        "d": {"e": [{"on": "off"}]},
    }


@given(TEXTS)
def test_any_text_survives_the_file(value: str) -> None:
    """Whatever a string holds, YAML gives it back."""
    edited = Document()
    edited.assign([Assignment(("env", "A"), value)])
    assert YAML(typ="safe").load(edited.text()) == {"env": {"A": value}}
    assert Document(edited.text()).text() == edited.text()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a: [1", "line 1 is not YAML"),
        (b"- a", "is not a map of values"),
        (b"\xff", "byte 1 is not UTF-8"),
        (b"a: 1\nb: 2\na: 3\n", "line 3 is not YAML"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    """With the file's name, and the line where there is one."""
    path = tmp_path / "values.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        yamlfile.load(path)
    assert str(caught.value) == f"{path}: {fault}"


def test_a_path_through_a_scalar_is_refused() -> None:
    """It would lose what stands there."""
    with pytest.raises(UsageError, match=r"a\.b\.c: a\.b is not a map"):
        Document("a:\n  b: 1\n").assign([Assignment(("a", "b", "c"), 2)])
