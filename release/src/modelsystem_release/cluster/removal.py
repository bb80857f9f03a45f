"""Runs inside the cluster, in a Job that mounts the claim: removes one build's model folder.

It is handed over as text and needs nothing but Python. It refuses what is no model folder.
"""

import os
import shutil
import sys
from pathlib import Path

mount, folder = Path(os.environ["MOUNT"]).resolve(), Path(os.environ["MODELFOLDER"])
if not folder.exists():
    sys.exit(0)
if folder.is_symlink() or mount not in folder.resolve().parents:
    sys.exit(f"{folder} is not below {mount}: nothing is removed")
names = [path.name for path in folder.iterdir()]
foreign = [n for n in names if not n.startswith(("attempt-", "complete.txt"))]
if foreign:
    sys.exit(f"{folder} holds {foreign[0]}, so it is no model folder: nothing is removed")
(folder / "complete.txt").unlink(missing_ok=True)  # first: no reader may take the rest for whole
shutil.rmtree(folder)
print(f"removed {folder}")
