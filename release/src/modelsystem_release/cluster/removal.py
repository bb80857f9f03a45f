"""Removes one build's model folder; runs as `python -c` in a Job that mounts the claim.

It imports nothing but Python's own modules, and refuses a folder that holds anything else than a
model. Its log names the model folders that are left beside it.
"""

import os
import shutil
import sys
from pathlib import Path


def list_others(folder: Path) -> None:
    """Print the model folders beside one."""
    for other in sorted(folder.parent.iterdir()):
        if other != folder and any(other.glob("attempt-*")):
            print(f"model folder: {other}")


mount, folder = Path(os.environ["MOUNT"]).resolve(), Path(os.environ["MODELFOLDER"])
if not folder.exists():
    list_others(folder)
    sys.exit(0)
if folder.is_symlink() or mount not in folder.resolve().parents:
    sys.exit(f"{folder} is not below {mount}: nothing is removed")
names = [path.name for path in folder.iterdir()]
foreign = [name for name in names if not name.startswith(("attempt-", "complete.txt"))]
if foreign:
    sys.exit(f"{folder} holds {foreign[0]}, so it is not a model folder: nothing is removed")
(folder / "complete.txt").unlink(missing_ok=True)  # first: a reader must not see a partial model
shutil.rmtree(folder)
print(f"removed {folder}")
list_others(folder)
