"""The seed's parameter string, taken verbatim."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelsystem_release.errors import UsageError
from modelsystem_release.values import assignments
from modelsystem_release.values.assignments import Assignment

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
    return {one.name: one.value for one in assignments.parse(text)}


def quoted(value: str) -> str:
    """Write a text as the grammar has it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def test_the_seeds_string_is_taken_as_it_stands() -> None:
    """Every value is the string that stands there, escapes resolved and inner quotes kept."""
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
    assert [(one.name, one.value) for one in assignments.parse(text)] == pairs


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
    assert assignments.parse(r"podAnnotations.prometheus\.io/scrape='true'") == [
        Assignment(("podAnnotations", "prometheus.io/scrape"), "true")
    ]


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("build.number=20180523.10", "write build.number='20180523.10'"),
        ("image.tag=0123", "write image.tag='0123'"),
        ("image.tag=1e5", "write image.tag='1e5'"),
        ("day=2018-05-08", "put it in quotes"),
        ("a='b", "a: the quote at character 3 has no end"),
        ("a='b' c='d'", "a: a comma is missing after it, at character 6"),
        (r"a='\n'", r"a: \n is no escape"),
        ("a", "a: '=' is missing after it, at character 2"),
        ("a..b='c'", "'a..b' is no path"),
        ("='c'", "character 1 does not begin a path"),
        ("a=[1", "a: what stands after '=' is not YAML"),
        ("a='\0'", "a: the value has a NUL"),
    ],
)
def test_a_fault_is_named_with_its_cure(text: str, cure: str) -> None:
    """The message has the path, or the character, and says what to write instead."""
    with pytest.raises(UsageError) as caught:
        assignments.parse(text)
    assert cure in str(caught.value)


def test_a_fault_does_not_show_a_secret() -> None:
    """Neither an error nor a repr holds the value."""
    with pytest.raises(UsageError) as caught:
        assignments.parse("env.BLOB_STORAGE_KEY='geheim' env.B='c'")
    assert "geheim" not in str(caught.value)
    assert "geheim" not in repr(assignments.parse("env.BLOB_STORAGE_KEY='geheim'"))


def test_from_a_variable_a_value_is_taken_as_it_is() -> None:
    """No grammar and no quotes: it is a string whatever it looks like."""
    environ = {"KEY": "it's\\ 1e5, a=b"}
    assert assignments.from_environment("env.K=KEY", environ) == Assignment(
        ("env", "K"), environ["KEY"]
    )
    with pytest.raises(UsageError, match="there is no environment variable NONE"):
        assignments.from_environment("env.K=NONE", environ)
    with pytest.raises(UsageError, match="write path=VARIABLE"):
        assignments.from_environment("env.K", environ)
