"""Compares the API with the last released one, `docs/openapi.json`, by the rules of docs/api.md.

    .venv/bin/python docs/api_changes.py            # what has changed; exit code 1 if it breaks
    .venv/bin/python docs/api_changes.py --release  # make the current API the released one

A test does the first. A release is a dated section of CHANGELOG.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from modelsystem_scorer.app import openapi

RELEASED = Path(__file__).with_name("openapi.json")
Json = Mapping[str, Any]  # Any: a JSON document's value
_NOTHING: Json = {}
_ANYTHING = "anything"
_CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_FORMS = ("pattern", "format", "multipleOf")


class Addition(NamedTuple):
    """Something new that clients may ignore: its name, and where it is."""

    name: str
    place: str


class Comparison:
    """What differs between two OpenAPI documents, from the view of a client of the old one.

    breaking: sentences. additions: what is new and breaks nothing.
    """

    def __init__(self, old: Json, new: Json) -> None:
        """Compare all operations, and the schemas that they use."""
        self.breaking: list[str] = []
        self.additions: list[Addition] = []
        self._old, self._new = old, new
        self._compared: set[tuple[str, str, bool]] = set()
        for path, operations in old["paths"].items():
            self._path(path, operations, new["paths"].get(path))
        self.additions += [Addition(path, "paths") for path in new["paths"].keys() - old["paths"]]

    def _path(self, path: str, old: Json, new: Json | None) -> None:
        if new is None:
            self.breaking.append(f"{path}: the path is gone")
            return
        for method, operation in old.items():
            place = f"{method.upper()} {path}"
            if method in new:
                self._parameters(place, operation, new[method])
                self._body(place, operation.get("requestBody"), new[method].get("requestBody"))
                self._answers(place, operation["responses"], new[method]["responses"])
            else:
                self.breaking.append(f"{place}: the operation is gone")
        self.additions += [Addition(method.upper(), path) for method in new.keys() - old]

    def _parameters(self, place: str, old: Json, new: Json) -> None:
        before, after = _by_name(old), _by_name(new)
        for name, parameter in before.items():
            if name not in after:
                self.breaking.append(f"{place}: parameter {name} is gone")
                continue
            if after[name]["required"] and not parameter["required"]:
                self.breaking.append(f"{place}: parameter {name} is required now")
            where = f"{place}: parameter {name}"
            self._schema(where, parameter["schema"], after[name]["schema"], is_request=True)
        for name in after.keys() - before:
            if after[name]["required"]:
                self.breaking.append(f"{place}: parameter {name} is new and required")
            else:
                self.additions.append(Addition(name, place))

    def _body(self, place: str, old: Json | None, new: Json | None) -> None:
        if new is None or old is None:
            if new is not old:
                self.breaking.append(f"{place}: the body is {'gone' if old else 'new'}")
            return
        self._contents(f"{place}: body", old["content"], new["content"], is_request=True)

    def _answers(self, place: str, old: Json, new: Json) -> None:
        """Compare good answers; of errors only the form, which is the same for all."""
        for status, answer in old.items():
            before = _resolved(self._old, answer)
            after = _resolved(self._new, new.get(status, _NOTHING))
            if not after:
                if status < "400":
                    self.breaking.append(f"{place}: answer {status} is gone")
                continue
            where = f"{place}: answer {status}"
            for header in before.get("headers", _NOTHING).keys() - after.get("headers", _NOTHING):
                self.breaking.append(f"{where}: header {header} is gone")
            self._contents(where, before["content"], after["content"], is_request=False)

    def _contents(self, place: str, old: Json, new: Json, *, is_request: bool) -> None:
        for media_type, content in old.items():
            if media_type in new:
                schemas = content["schema"], new[media_type]["schema"]
                self._schema(place, *schemas, is_request=is_request)
            else:
                self.breaking.append(f"{place}: {media_type} is gone")

    def _schema(self, place: str, old: Json, new: Json, *, is_request: bool) -> None:
        """Compare two schemas: a request may accept no less, an answer may give nothing else."""
        names = old.get("$ref", ""), new.get("$ref", "")
        if all(names):
            if (*names, is_request) in self._compared:
                return
            self._compared.add((*names, is_request))
            place = names[0].rpartition("/")[2]
        before, after = _kinds(self._old, old), _kinds(self._new, new)
        sent, known = (before, after) if is_request else (after, before)
        for kind in sent:
            if not _accepts(known, kind):
                words = "is refused now" if is_request else "is new in an answer"
                self.breaking.append(f"{place}: {kind} {words}")
        for kind in before.keys() & after:
            self._values(place, before[kind], after[kind], is_request=is_request)
            if kind.startswith("object"):
                self._object(place, before[kind], after[kind], is_request=is_request)
            if kind.startswith("array"):
                items = before[kind].get("items", _NOTHING), after[kind].get("items", _NOTHING)
                self._schema(f"{place}[]", *items, is_request=is_request)

    def _values(self, place: str, old: Json, new: Json, *, is_request: bool) -> None:
        before, after = _choices(old), _choices(new)
        lost = _missing(before, after) if is_request else _missing(after, before)
        if lost:
            words = "are refused now" if is_request else "are new in an answer"
            self.breaking.append(f"{place}: the values {', '.join(lost)} {words}")
        if is_request:
            self.breaking += [f"{place}: {limit}" for limit in _narrowed(old, new)]

    def _object(self, place: str, old: Json, new: Json, *, is_request: bool) -> None:
        before, after = old.get("properties", _NOTHING), new.get("properties", _NOTHING)
        required = set(new.get("required", ())), set(old.get("required", ()))
        for name, schema in before.items():
            where = f"{place}.{name}"
            if name not in after:
                self.breaking.append(f"{where}: the field is gone")
                continue
            self._schema(where, schema, after[name], is_request=is_request)
            if is_request and name in required[0] - required[1]:
                self.breaking.append(f"{where}: the field is required now")
            if not is_request and name in required[1] - required[0]:
                self.breaking.append(f"{where}: the field may be missing now")
        for name in after.keys() - before:
            if is_request and name in required[0]:
                self.breaking.append(f"{place}.{name}: the field is new and required")
            else:
                self.additions.append(Addition(name, place))
        others = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if is_request and others[0] and not others[1]:
            self.breaking.append(f"{place}: unknown fields are refused now")
        if all(isinstance(schema, dict) for schema in others):
            self._schema(f"{place}.*", *others, is_request=is_request)


def _by_name(operation: Json) -> dict[str, Json]:
    parameters = operation.get("parameters", ())
    return {f"{parameter['in']} {parameter['name']}": parameter for parameter in parameters}


def _resolved(document: Json, node: Json) -> Json:
    """Return what a node refers to, or the node."""
    while "$ref" in node:
        referred: Any = document  # Any: a JSON document's value
        for key in node["$ref"].removeprefix("#/").split("/"):
            referred = referred[key]
        node = referred
    return node


def _kinds(document: Json, schema: Json) -> dict[str, Json]:
    """Return the types that a schema has, each with its own schema; numbered if one is twice."""
    schema = _resolved(document, schema)
    kinds: dict[str, Json] = {}
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        pairs = [pair for option in alternatives for pair in _kinds(document, option).items()]
    else:
        types = schema.get("type", _ANYTHING)
        pairs = [(kind, schema) for kind in ([types] if isinstance(types, str) else types)]
    for kind, own in pairs:
        twins = sum(known.split()[0] == kind for known in kinds)
        kinds[f"{kind} {twins + 1}" if twins else kind] = own
    return kinds


def _accepts(kinds: Mapping[str, Json], kind: str) -> bool:
    return bool({kind, _ANYTHING} & kinds.keys()) or (kind == "integer" and "number" in kinds)


def _choices(schema: Json) -> list[str] | None:
    """Return the only values that a schema allows, as JSON; None if it does not list any."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else [json.dumps(value) for value in values]


def _missing(before: Sequence[str] | None, after: Sequence[str] | None) -> list[str]:
    """Return the values that only `before` allows; None allows all."""
    if after is None:
        return []
    return ["all others"] if before is None else [v for v in before if v not in after]


def _narrowed(old: Json, new: Json) -> Iterator[str]:
    for limit in (*_CEILINGS, *_FLOORS):
        if limit in new:
            sign = 1 if limit in _CEILINGS else -1
            if limit not in old or sign * new[limit] < sign * old[limit]:
                yield f"{limit} is {new[limit]:,} now, not {old.get(limit, 'without a limit')}"
    for form in _FORMS:
        if form in new and new[form] != old.get(form):
            yield f"{form} is {new[form]} now"


def current() -> dict[str, Any]:
    """Return the document of this commit; its version is that of no build."""
    document: dict[str, Any] = json.loads(json.dumps(openapi("BUILD")))
    return document


def released() -> dict[str, Any]:
    """Return the last released document."""
    document: dict[str, Any] = json.loads(RELEASED.read_text(encoding="utf-8"))
    return document


def write(document: Json) -> None:
    """Make a document the released one."""
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    RELEASED.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Print what has changed; with --release release it, if nothing breaks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", action="store_true", help="replace docs/openapi.json")
    arguments = parser.parse_args()
    if RELEASED.exists():
        comparison = Comparison(released(), current())
        for name, place in sorted(comparison.additions):
            print(f"new: {name} in {place}")
        if comparison.breaking:
            sys.exit("\n".join(f"breaks clients: {sentence}" for sentence in comparison.breaking))
    if arguments.release:
        write(current())


if __name__ == "__main__":
    main()
