"""Copies the descriptions of values from values.yaml to where people read them.

A comment that begins with "# --" describes the key below it. The charts' READMEs show all of them
in one table; editors show those in values.schema.json. A test compares; run this to update both.
"""

import json
import re
from pathlib import Path

import yaml

HERE = Path(__file__).parent
CHARTS = ("modelsystem", "modelsystem-routing")
HEADING = "## Values"
_KEY = re.compile(r"( *)([A-Za-z_]+):")
_MARK = "# -- "
_PIPE = "\\|"


def main() -> None:
    """Rewrite the READMEs and the schemas."""
    for chart in CHARTS:
        readme_path(chart).write_text(readme(chart), encoding="utf-8")
        schema_path(chart).write_text(schema(chart), encoding="utf-8")


def readme_path(chart: str) -> Path:
    """Return the path of a chart's README."""
    return HERE / chart / "README.md"


def schema_path(chart: str) -> Path:
    """Return the path of a chart's schema."""
    return HERE / chart / "values.schema.json"


def readme(chart: str) -> str:
    """Return a chart's README with an up-to-date table of its values."""
    introduction = readme_path(chart).read_text(encoding="utf-8").split(HEADING)[0]
    return f"{introduction}{HEADING}\n\n{table(_values(chart))}"


def schema(chart: str) -> str:
    """Return a chart's schema with up-to-date descriptions.

    Raises:
        ValueError: values that share a definition have different descriptions.

    """
    root: object = json.loads(schema_path(chart).read_text(encoding="utf-8"))
    described: dict[int, str] = {}
    for key, meaning in descriptions(_values(chart)).items():
        node = _node(root, key)
        if described.setdefault(id(node), meaning) != meaning:
            raise ValueError(f"{chart}: {key} shares a definition, but not its description")
        rules = {name: rule for name, rule in node.items() if name != "description"}
        node.clear()
        node.update({"description": meaning}, **rules)
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


def table(values: str) -> str:
    """Return a Markdown table of the keys that a values file describes."""
    defaults, meanings = yaml.safe_load(values), descriptions(values)
    sections = {key.rpartition(".")[0] for key in meanings}
    rows = []
    for key, meaning in meanings.items():
        default = "" if key in sections else _shown(_default(defaults, key))
        rows.append(f"| `{key}` | {default} | {meaning.replace('|', _PIPE)} |")
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def descriptions(values: str) -> dict[str, str]:
    """Return the description of each described key of a values file; keys are dotted."""
    meanings: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    meaning: list[str] = []
    for line in values.splitlines():
        text = line.strip()
        if text.startswith(_MARK):
            meaning = [text.removeprefix(_MARK)]
        elif text.startswith("#") and meaning:
            meaning.append(text.removeprefix("# "))
        elif key := _KEY.match(line):
            depth = len(key[1])
            path = [*(parent for parent in path if parent[0] < depth), (depth, key[2])]
            if meaning:
                meanings[".".join(name for _, name in path)] = " ".join(meaning)
            meaning = []
    return meanings


def _values(chart: str) -> str:
    return (HERE / chart / "values.yaml").read_text(encoding="utf-8")


def _node(root: object, key: str) -> dict[str, object]:
    """Return the part of a schema for a key. Only on its last part a reference is not followed.

    There a description of its own may stand beside `$ref`, since validators ignore it.
    """
    node = root
    for part in key.split("."):
        while "$ref" in _mapping(node):
            node = _child(root, str(_mapping(node)["$ref"]).removeprefix("#/").split("/"))
        node = _child(node, ["properties", part])
    return _mapping(node)


def _default(defaults: object, key: str) -> object:
    return _child(defaults, key.split("."))


def _child(node: object, path: list[str]) -> object:
    for part in path:
        node = _mapping(node)[part]
    return node


def _mapping(node: object) -> dict[str, object]:
    assert isinstance(node, dict)
    return node


def _shown(default: object) -> str:
    return "" if default in ("", None, [], {}) else f"`{json.dumps(default)}`"


if __name__ == "__main__":
    main()
