"""The reading: from the export's files to one table of interactions, by any engine.

Three phases share a folder: `read` each file, `number` its ids by those of all files, and `merge`
the rows of a range of users. On one machine the same phases run on threads.
"""

from modelsystem_trainer.reading.plan import ReadOptions
from modelsystem_trainer.reading.reading import read, read_export

__all__ = ["ReadOptions", "read", "read_export"]
