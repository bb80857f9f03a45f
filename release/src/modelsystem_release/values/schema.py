"""Values checked against the chart's schema before Helm would, with the cure for a wrong key."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

from modelsystem_release.errors import UsageError
from modelsystem_release.values.assignments import Keys, dotted

NAME = "values.schema.json"


class Schema:
    """A chart's `values.schema.json`."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            UsageError: it is no JSON schema.

        """
        try:
            self._schema = json.loads(path.read_text(encoding="utf-8"))
            self._validator = jsonschema_rs.validator_for(self._schema)
        except (OSError, ValueError, jsonschema_rs.ValidationError) as error:
            raise UsageError(f"{path}: is no JSON schema: {error}") from error

    def check(self, values: Mapping[str, Any], assigned: Iterable[Keys], allow_new: bool) -> None:
        """Refuse unknown keys, and what was assigned and is not allowed there.

        What others left out or wrong is theirs to mend; Helm checks the whole.

        Raises:
            UsageError: with all faults, each with its key.

        """
        paths = list(assigned)
        faults = list(self._faults(values, allow_new, paths))
        if faults:
            raise UsageError("; ".join(faults))

    def _faults(self, values: Any, allow_new: bool, paths: list[Keys]) -> Iterator[str]:
        for error in self._validator.iter_errors(values):
            here = tuple(map(str, error.instance_path))
            if unknown := getattr(error.kind, "unexpected", None):
                if not allow_new:
                    yield from (self._unknown((*here, key)) for key in unknown)
            elif any(here[: len(path)] == path for path in paths):
                yield f"{dotted(here)}: {self._rule(error)}"

    def _rule(self, error: jsonschema_rs.ValidationError) -> str:
        """Say what is allowed, never the value, which may be a secret."""
        place: Any = self._schema
        *way, rule = error.schema_path
        for key in way:
            place = self._resolved(place[key])
        told = f" ({place['description']})" if "description" in place else ""
        return f"must have {rule} {json.dumps(place[rule])}{told}"

    def _resolved(self, place: Any) -> Any:
        """Follow a reference within the schema."""
        if isinstance(place, str) and place.startswith("#/"):
            found: Any = self._schema
            for key in place[2:].split("/"):
                found = found[key]
            return found
        return place

    def _unknown(self, path: Keys) -> str:
        known = self._known(path[:-1])
        near = difflib.get_close_matches(path[-1], known, 1)
        hint = f"; did you mean {dotted((*path[:-1], near[0]))}?" if near else ""
        return f"{dotted(path)}: the chart has no such value{hint} (--allow-new takes it anyway)"

    def _known(self, path: Keys) -> list[str]:
        place: Any = self._schema
        for key in path:
            place = place.get("properties", {}).get(key, {})
        return list(place.get("properties", {}))


def beside(file: Path) -> Schema | None:
    """Return the schema that lies in the file's folder, or None."""
    path = file.with_name(NAME)
    return Schema(path) if path.exists() else None
