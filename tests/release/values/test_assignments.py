"""The parameter string."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_release.values import Assignment, from_environment, parse_assignments
from modelsystem_shared.errors import UsageError

SEED = (
    r"build.number='20180523.10',scoringimage.repository='acr.example/samplescorer',"
    r"scoringimage.tag='20180523.10',image.repository='acr.example/sampletrainer',"
    r"image.tag='20180523.10',outputs.modelfolder='/mnt/azure/20180523.10',"
    r"env.BLOB_STORAGE_ACCOUNT='acct',env.BLOB_STORAGE_KEY='k==', "
    r"env.BLOB_STORAGE_CONTAINER='etl',env.BLOB_STORAGE_CSV_FOLDER='"
    r'"2018\/05\/08"'
    r"',env.TENANTID='1e8b7415-7c2e-e411-80bb-00155d5369ef'"
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def read(text: str) -> dict[str, Any]:
    """Return what is assigned, by path."""
    return {assignment.name: assignment.value for assignment in parse_assignments(text)}


def quoted(value: str) -> str:
    """Write a text as the grammar has it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def test_the_string_of_the_first_pipeline_is_read() -> None:
    """Every value is its string, with escapes resolved and inner quotes unchanged."""
    assert read(SEED) == {
        "build.number": "20180523.10",
        "scoringimage.repository": "acr.example/samplescorer",
        "scoringimage.tag": "20180523.10",
        "image.repository": "acr.example/sampletrainer",
        "image.tag": "20180523.10",
        "outputs.modelfolder": "/mnt/azure/20180523.10",
        "env.BLOB_STORAGE_ACCOUNT": "acct",
        "env.BLOB_STORAGE_KEY": "k==",
        "env.BLOB_STORAGE_CONTAINER": "etl",
        "env.BLOB_STORAGE_CSV_FOLDER": '"2018/05/08"',
        "env.TENANTID": "1e8b7415-7c2e-e411-80bb-00155d5369ef",
    }


@given(st.lists(st.tuples(st.from_regex(r"[A-Za-z_]\w*", fullmatch=True), TEXTS), min_size=1))
def test_any_texts_are_read_as_they_were_written(pairs: list[tuple[str, str]]) -> None:
    """Quoting loses nothing, whatever the texts hold."""
    text = " , ".join(f"{key}={quoted(value)}" for key, value in pairs)
    assert [(a.name, a.value) for a in parse_assignments(text)] == pairs


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-2", -2),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("", None),
        ("word", "word"),
        ("on", "on"),
        ("[1, {a: 'b,c'}]", [1, {"a": "b,c"}]),
        ("{limits: {cpu: 2}}", {"limits": {"cpu": 2}}),
    ],
)
def test_without_quotes_it_is_yaml(text: str, value: object) -> None:
    """Numbers, truth, nothing, words, lists and maps; the next assignment is not touched."""
    assert read(f"a={text} , b='c'") == {"a": value, "b": "c"}


def test_separators_are_commas_or_lines() -> None:
    """From standard input each assignment may stand on a line of its own."""
    assert read("\n a.b = 'x'\n\nc=1,\n d='y' \n") == {"a.b": "x", "c": 1, "d": "y"}


def test_a_key_may_hold_a_dot() -> None:
    """Annotations have dots in their names."""
    assert parse_assignments(r"podAnnotations.prometheus\.io/scrape='true'") == [
        Assignment(("podAnnotations", "prometheus.io/scrape"), "true")
    ]


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("build.number=20180523.10", "write build.number='20180523.10'"),
        ("image.tag=0123", "write image.tag='0123'"),
        ("image.tag=1e5", "write image.tag='1e5'"),
        ("a=[1, 0123]", "a: without quotes Helm reads another value"),
        ("a={b: {on: 1}}", "a: without quotes Helm reads another value"),
        ("day=2018-05-08", "put it in quotes"),
        ("a='b", "a: the quote at character 3 is not closed"),
        ("a='b' c='d'", "a: missing comma after it, at character 6"),
        (r"a='\n'", r"a: \n is not an escape"),
        ("a", "a: missing '=' after it, at character 2"),
        ("a..b='c'", "'a..b' is not a path"),
        ("='c'", "no path at character 1"),
        ("a=[1", "a: the value is not YAML"),
        ("a='\0'", "a: the value has a NUL"),
    ],
)
def test_a_fault_is_named_with_its_cure(text: str, cure: str) -> None:
    """The message has the path or the character, and what to write instead."""
    with pytest.raises(UsageError) as caught:
        parse_assignments(text)
    assert cure in str(caught.value)


def test_a_fault_does_not_show_a_secret() -> None:
    """Neither an error nor a repr holds the value."""
    with pytest.raises(UsageError) as caught:
        parse_assignments("env.BLOB_STORAGE_KEY='geheim' env.B='c'")
    assert "geheim" not in str(caught.value)
    assert "geheim" not in repr(parse_assignments("env.BLOB_STORAGE_KEY='geheim'"))


def test_from_a_variable_a_value_is_a_string() -> None:
    """Without grammar and quotes."""
    environ = {"KEY": "it's\\ 1e5, a=b"}
    assert from_environment("env.K=KEY", environ) == Assignment(("env", "K"), environ["KEY"])
    with pytest.raises(UsageError, match="environment variable NONE is not set"):
        from_environment("env.K=NONE", environ)
    with pytest.raises(UsageError, match="write path=VARIABLE"):
        from_environment("env.K", environ)
