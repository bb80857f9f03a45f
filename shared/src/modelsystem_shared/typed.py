"""JSON checked against types: TypedDicts are also what is true when a program runs.

Of the types of `typing` it knows those that JSON has: str, int, float (an integer is one, too),
bool, None, `list[T]`, `dict[str, T]`, unions and TypedDicts; anything is an `object` or `Any`.
Keys that a TypedDict does not name are allowed: a later version may write more.
"""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, NotRequired, TypeVar, get_args, get_origin, get_type_hints, is_typeddict

T = TypeVar("T")


def checked(kind: type[T], value: object, name: str) -> T:
    """Return `value` if it is of type `kind`; `name` says what it is.

    Raises:
        ValueError: it is not; the sentence names the place, such as `model.data.rows`.

    """
    _check(kind, value, name)
    return value  # type: ignore[return-value]  # this is what was checked


def _check(kind: Any, value: object, name: str) -> None:  # Any: a type as typing spells it
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (object, Any):
        return
    if origin is UnionType:
        _check_union(arguments, value, name)
    elif is_typeddict(kind):
        _check_keys(kind, _instance(dict, value, name), name)
    elif origin is list:
        for place, element in enumerate(_instance(list, value, name)):
            _check(arguments[0], element, f"{name}[{place}]")
    elif origin is dict:
        for key, element in _instance(dict, value, name).items():
            _check(arguments[1], element, f"{name}.{key}")
    else:
        _instance(kind, value, name)


def _check_union(kinds: tuple[Any, ...], value: object, name: str) -> None:
    if value is None and NoneType in kinds:
        return
    faults = []
    for kind in kinds:
        try:
            _check(kind, value, name)
        except ValueError as error:
            faults.append(error)
    if len(faults) == len(kinds):
        raise faults[0]


def _check_keys(kind: Any, value: Mapping[str, object], name: str) -> None:
    for key, hint in get_type_hints(kind, include_extras=True).items():
        is_optional = get_origin(hint) is NotRequired
        if key in value:
            _check(get_args(hint)[0] if is_optional else hint, value[key], f"{name}.{key}")
        elif not is_optional:
            raise ValueError(f"{name}.{key} is missing")


def _instance(kind: type[T], value: object, name: str) -> T:
    kinds = (int, float) if kind is float else kind
    if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} is not {_NAMES[kind]}")
    return value  # type: ignore[return-value]  # an int stands for a float


_NAMES: dict[type, str] = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false",
    NoneType: "null", list: "a list", dict: "an object",
}  # fmt: skip
