"""Writes the tables of values into the charts' READMEs, from the comments of values.yaml.

A comment that begins with "# --" describes the key below it. A test compares; run this to mend.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CHARTS = ("modelsystem", "modelsystem-routing")
HEADING = "## Values"
_KEY = re.compile(r"( *)([A-Za-z_]+):")
_MARK = "# -- "


def main() -> None:
    """Rewrite the READMEs."""
    for chart in CHARTS:
        readme(chart).write_text(documented(chart), encoding="utf-8")


def readme(chart: str) -> Path:
    """Return where a chart's README is."""
    return HERE / chart / "README.md"


def documented(chart: str) -> str:
    """Return a chart's README with the table of its values as it should be."""
    before = readme(chart).read_text(encoding="utf-8").split(HEADING)[0]
    return f"{before}{HEADING}\n\n{table(HERE / chart / 'values.yaml')}"


def table(values: Path) -> str:
    """Return a Markdown table of the keys that a values file describes."""
    text = values.read_text(encoding="utf-8")
    defaults = yaml.safe_load(text)
    rows = [f"| `{key}` | {_shown(_at(defaults, key))} | {told} |" for key, told in described(text)]
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def described(text: str) -> Iterator[tuple[str, str]]:
    """Yield each described key, dotted, with its description."""
    path: list[tuple[int, str]] = []
    told = ""
    for line in text.splitlines():
        if line.strip().startswith(_MARK):
            told = line.strip().removeprefix(_MARK)
        elif key := _KEY.match(line):
            depth = len(key[1])
            path = [*(part for part in path if part[0] < depth), (depth, key[2])]
            if told:
                yield ".".join(name for _, name in path), told.replace("|", "\\|")
            told = ""


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def _shown(default: Any) -> str:
    return "" if default in ("", None, [], {}) else f"`{json.dumps(default)}`"


if __name__ == "__main__":
    main()
