"""What JSON holds is what its type says, or a sentence that names the place."""

import json
from typing import Any, NotRequired, TypedDict

import pytest

from modelsystem_shared import typed


class Inner(TypedDict):
    count: int
    share: float
    name: str | None


class Outer(TypedDict):
    inners: list[Inner]
    by_name: dict[str, Inner]
    is_new: NotRequired[bool]
    value: NotRequired[float | str]


INNER: dict[str, Any] = {"count": 1, "share": 0.5, "name": None}


def outer(**changes: Any) -> dict[str, Any]:
    """Return JSON that is an Outer but for `changes`."""
    content = {"inners": [INNER], "by_name": {"a": INNER}} | changes
    parsed: dict[str, Any] = json.loads(json.dumps(content))
    return parsed


@pytest.mark.parametrize(
    "content",
    [
        outer(),
        outer(inners=[], by_name={}),
        outer(is_new=True, value="text"),
        outer(value=2, later="a key of a later version"),
        outer(inners=[INNER | {"share": 1, "name": "x"}]),
    ],
)
def test_what_fits_is_returned(content: dict[str, Any]) -> None:
    """Optional keys may be missing, further keys are allowed, and an integer is a number."""
    assert typed.checked(Outer, content, "outer") is content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "outer is not an object"),
        (outer(inners={}), "outer.inners is not a list"),
        (outer(inners=[INNER, 7]), "outer.inners[1] is not an object"),
        (outer(inners=[INNER | {"count": 1.5}]), "outer.inners[0].count is not a whole number"),
        (outer(inners=[INNER | {"count": True}]), "outer.inners[0].count is not a whole number"),
        (outer(inners=[INNER | {"share": "1"}]), "outer.inners[0].share is not a number"),
        (outer(by_name={"a": INNER | {"name": 7}}), "outer.by_name.a.name is not a text"),
        (outer(by_name={"a": {"count": 1}}), "outer.by_name.a.share is missing"),
        (outer(is_new=1), "outer.is_new is not true or false"),
        (outer(value=[]), "outer.value is not a number"),
    ],
)
def test_what_does_not_fit_is_named(content: Any, sentence: str) -> None:
    """The first fault is named with its place."""
    with pytest.raises(ValueError, match="^" + sentence.replace("[", r"\[") + "$"):
        typed.checked(Outer, content, "outer")


def test_what_is_open_may_hold_anything() -> None:
    """Maps of `object` or `Any`, such as what kubectl prints."""
    content = {"spec": {"paused": True}, "status": None}
    assert typed.checked(dict[str, object], content, "content") is content
    assert typed.checked(dict[str, Any], content, "content") is content
