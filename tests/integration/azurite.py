"""Azurite: Azure's own emulator of Blob Storage."""

import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from azure.storage.blob import ContainerClient, ContentSettings
from tests.programs import installing

AZURITE = "azurite@3.37.0"
TOOLS = Path(__file__).parents[2] / ".tools" / "azurite"
ACCOUNT = "devstoreaccount1"
# Published with Azurite, the same in every installation: no secret.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
NIGHT = "2018/05/08"  # the ETL's folder for one night
Files = Mapping[str, bytes]


class Azurite(NamedTuple):
    """A running Azurite."""

    port: int

    @property
    def endpoint(self) -> str:
        """The URL of its one account."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def client(self, container: str) -> ContainerClient:
        """Return a client of one of its containers."""
        credential = {"account_name": ACCOUNT, "account_key": KEY}
        return ContainerClient(self.endpoint, container, credential=credential)

    def put(self, container: str, files: Files, encoding: str | None = None) -> None:
        """Write blobs; existing ones are replaced."""
        settings = ContentSettings(content_encoding=encoding)
        with self.client(container) as client:
            for name, content in files.items():
                client.upload_blob(name, content, overwrite=True, content_settings=settings)

    def container(self, files: Files, encoding: str | None = None) -> str:
        """Create a container with these blobs, and return its name."""
        name = f"test-{uuid.uuid4().hex}"
        with self.client(name) as client:
            client.create_container()
        self.put(name, files, encoding)
        return name

    def variables(self, container: str) -> dict[str, str]:
        """Return the settings with which a trainer reads the folder of the night."""
        return {
            "BLOB_STORAGE_ACCOUNT": ACCOUNT,
            "BLOB_STORAGE_KEY": KEY,
            "BLOB_STORAGE_ENDPOINT": self.endpoint,
            "BLOB_STORAGE_CONTAINER": container,
            "BLOB_STORAGE_CSV_FOLDER": f'"{NIGHT}"',  # in quotes, as the seed's pipeline sends it
        }


def azurite_program() -> Path:
    """Return Azurite's path; install it into `.tools/`, which git ignores, if it is missing."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("Azurite needs Node: there is no node or no npm on the PATH")
    program = TOOLS / "node_modules" / ".bin" / "azurite-blob"
    with installing():
        if not program.exists():
            options = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run([npm, "install", "--prefix", TOOLS, *options, AZURITE], check=True)
    return program
