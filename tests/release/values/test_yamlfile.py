"""YAML files are edited, not rewritten."""

from pathlib import Path

import pytest
from hypothesis import given
from ruamel.yaml import YAML
from tests.release.values.test_assignments import TEXTS

from modelsystem_release.values import Assignment, Document, load, parse_yaml
from modelsystem_shared.errors import UsageError

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


def test_other_values_stay() -> None:
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


def test_missing_maps_are_added() -> None:
    """At any depth, also in place of null."""
    edited = Document("a:\n")
    edited.assign([Assignment(("a", "b", "c"), 1), Assignment(("d", "e"), [{"on": "off"}])])
    assert YAML(typ="safe").load(edited.text()) == {
        "a": {"b": {"c": 1}},
        "d": {"e": [{"on": "off"}]},
    }


@given(TEXTS)
def test_any_text_survives_the_file(value: str) -> None:
    """YAML reads the same string that was written."""
    edited = Document()
    edited.assign([Assignment(("env", "A"), value)])
    assert YAML(typ="safe").load(edited.text()) == {"env": {"A": value}}
    assert Document(edited.text()).text() == edited.text()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a: [1", "line 1 is not YAML"),
        (b"- a", "not a map"),
        (b"\xff", "byte 1 is not UTF-8"),
        (b"a: 1\nb: 2\na: 3\n", "line 3 is not YAML"),
    ],
)
def test_a_file_without_a_map_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    """The message has the file, and the line if it is known."""
    path = tmp_path / "values.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {fault}"


def test_a_path_through_a_scalar_is_refused() -> None:
    """The scalar would be lost."""
    with pytest.raises(UsageError, match=r"a\.b\.c: a\.b is not a map"):
        Document("a:\n  b: 1\n").assign([Assignment(("a", "b", "c"), 2)])


@pytest.mark.parametrize(
    "value",
    [
        *("0123", "08", "0o17", "1:30", "190:20:30", "on", "Off", "yes", "NO", "y", "N"),
        *("2018-05-08", "2018-05-08T01:02:03Z", "[1, 0123]", "{on: 1}", "[{b: no}]"),
    ],
)
def test_what_helm_reads_differently_is_refused(value: str) -> None:
    """Helm reads YAML 1.1: `number: 0123` would be packaged as 123 and installed as 83."""
    with pytest.raises(UsageError, match=r"^values.yaml: a\.b.*: without quotes Helm reads"):
        parse_yaml(f"a:\n  b: {value}\n", "values.yaml")
    with pytest.raises(UsageError, match="Helm reads another value"):
        Document(f"a:\n  b: {value}\n").plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'0123'", "0123"),
        ('"on"', "on"),
        ("123", 123),
        ("0", 0),
        ("20180523.5", 20180523.5),
        ("1e5", 1e5),
        ("true", True),
        ("~", None),
        ("0x1F", 31),
        ("plain text", "plain text"),
        ("10Gi", "10Gi"),
        ("2018/05/08", "2018/05/08"),
    ],
)
def test_what_both_read_alike_is_read(text: str, value: object) -> None:
    """Quoted text, and numbers and words with one meaning."""
    assert parse_yaml(f"a: {text}\n", "values.yaml") == {"a": value}
