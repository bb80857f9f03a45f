"""The engines: they run a phase for each of some numbers, and know nothing else.

A phase is a function of a module, `phase(folder, number)`. It reads files of `folder` and writes
one part file into it; no other state exists. `parts` writes and reads these files: a part has its
name when it is whole, and a part that is made again has the same bytes. So a model depends neither
on the engine, nor on the number of workers, nor on the order of their work.
"""

from modelsystem_trainer.engines import faults, parts
from modelsystem_trainer.engines.choice import ENGINES, LOCAL, started
from modelsystem_trainer.engines.contract import Engine, OnShare, Phase
from modelsystem_trainer.engines.helping import help_driver
from modelsystem_trainer.engines.threads import Threads
from modelsystem_trainer.engines.workplace import Workplace, note, on_this_machine, opened

__all__ = [
    "ENGINES",
    "LOCAL",
    "Engine",
    "OnShare",
    "Phase",
    "Threads",
    "Workplace",
    "faults",
    "help_driver",
    "note",
    "on_this_machine",
    "opened",
    "parts",
    "started",
]
