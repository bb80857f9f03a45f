"""The waiter in a container of its own polls a share that gives no file events."""

import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.engine import Compose, docker, wait_until
from tests.integration import smb

HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp")


@pytest.fixture
def share() -> Iterator[dict[str, Path]]:
    """Start a share with a new folder that belongs to the containers' user."""
    if not smb.UP.exists():
        pytest.skip(f"there is no {smb.UP}")
    with smb.share() as paths:
        name = f"test-{uuid.uuid4().hex}"
        (paths["SHARE"] / name).mkdir(mode=0o777)
        shutil.chown(paths["SHARE"] / name, 10001, 10001)
        yield {side: path / name for side, path in paths.items()}
        shutil.rmtree(paths["SHARE"] / name)


def test_polling(served: Compose, share: dict[str, Path], small_folder: Path) -> None:
    """A trainer writes behind the SMB server; the waiter in front of it sees the model."""
    assert served.variables["BUILDNUMBER"] == "152"  # its images exist
    environment = ("-e", "MODELFOLDER=/mnt/azure/152", "-e", "BUILDNUMBER=152")
    volume = f"{share['MOUNT']}:/mnt/azure:ro"
    waiting = ("-e", "WAIT_INTERVAL=1", "-e", "WAIT_TIMEOUT=120", "-v", volume)
    waiter = docker(
        "run", "-d", *HARDENED, *environment, *waiting, "modelsystem/waiter:152"
    ).strip()
    try:
        wait_until(lambda: "File not found!" in docker("logs", waiter), 30, "the waiter waits")
        volumes = ("-v", f"{share['SHARE']}:/mnt/azure", "-v", f"{small_folder}:/export:ro")
        training = ("-e", "CSV_FOLDER=/export", "-e", "PARAMETERS=method=cooccurrence")
        docker(
            "run", "--rm", *HARDENED, *environment, *training, *volumes, "modelsystem/trainer:152"
        )
        began = time.monotonic()
        assert docker("wait", waiter).strip() == "0"
        assert time.monotonic() - began < 60
        assert "File found /mnt/azure/152" in docker("logs", waiter)
    finally:
        docker("rm", "--force", waiter)
