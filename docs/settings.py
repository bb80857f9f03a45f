"""Writes the table of settings into docs/settings.md, from the settings classes of the programs.

A test compares the page with the classes; run this to update the page:
`.venv/bin/python docs/settings.py`.
"""

from collections.abc import Iterator
from pathlib import Path

from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import settings
from modelsystem_shared.settings import Variable
from modelsystem_trainer.settings import Settings as TrainerSettings
from modelsystem_waiter.settings import Settings as WaiterSettings

PAGE = Path(__file__).with_name("settings.md")
HEADING = "## All variables"
PROGRAMS = {"trainer": TrainerSettings, "waiter": WaiterSettings, "scorer": ScorerSettings}
# Other machines have other defaults.
MACHINE_DEFAULTS = {"THREADS": "the CPUs", "MEMORY_LIMIT": "the container's, or the machine's"}


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(documented(), encoding="utf-8")


def documented() -> str:
    """Return the page with the current table."""
    introduction = PAGE.read_text(encoding="utf-8").split(HEADING)[0]
    head = ["| variable | for | default | meaning |", "| --- | --- | --- | --- |"]
    return f"{introduction}{HEADING}\n\n" + "\n".join([*head, *rows()]) + "\n"


def rows() -> Iterator[str]:
    """Yield a row for each variable; programs share a row if default and meaning are the same."""
    programs: dict[tuple[str, str, str], list[str]] = {}
    for program, cls in PROGRAMS.items():
        for variable in settings.variables(cls):
            row = (variable.name, default(variable), variable.help.replace("|", "\\|"))
            programs.setdefault(row, []).append(program)
    names = list(dict.fromkeys(name for name, _, _ in programs))
    for row in sorted(programs, key=lambda row: names.index(row[0])):
        name, value, meaning = row
        yield f"| {name} | {', '.join(programs[row])} | {value} | {meaning} |"


def default(variable: Variable) -> str:
    """Return a default as the table shows it."""
    if variable.default is settings.REQUIRED:
        return "required"
    value = "" if variable.default is None else str(variable.default)
    return MACHINE_DEFAULTS.get(variable.name, value)


if __name__ == "__main__":
    main()
