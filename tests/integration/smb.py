"""A real SMB share on loopback, brought up by `../shared/bin/smb-up`."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import installing

UP = Path(__file__).parents[3] / "shared" / "bin" / "smb-up"


@contextmanager
def share() -> Iterator[dict[str, Path]]:
    """Start the server, mount the share, and undo both at the end: a mount without server hangs.

    Yields the folder behind the server as SHARE, and the mount point as MOUNT.
    """
    _remove_leftovers()
    with installing():
        output = subprocess.run([UP], check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = (line.partition("=") for line in output.splitlines())
    yield {name: Path(path) for name, _, path in lines}
    subprocess.run([UP, "down"], check=True)


def _remove_leftovers() -> None:
    """Remove the mounts and pid files of a killed session, with which `smb-up` fails."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        source, mount, *_ = line.split()
        if source == "smbnetfs" and not os.path.exists(mount):  # noqa: PTH110  # Path's raises here
            subprocess.run(["umount", "--lazy", mount], check=True)
    pid_file = Path("/var/tmp/smb-up/pid/smbd.pid")
    if pid_file.exists():
        name = Path(f"/proc/{pid_file.read_text(encoding='utf-8').strip()}/comm")
        if not name.exists() or name.read_text(encoding="utf-8").strip() != "smbd":
            pid_file.unlink()  # another process may have its number now
