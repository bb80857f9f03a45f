"""Uploads last night's export into Blob Storage, as an ETL process would.

Its settings are the trainer's environment variables BLOB_STORAGE_ENDPOINT, BLOB_STORAGE_ACCOUNT,
BLOB_STORAGE_KEY, BLOB_STORAGE_CONTAINER and BLOB_STORAGE_CSV_FOLDER.
"""

import argparse
import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import ContainerClient, ContentSettings

from modelsystem_shared.errors import DataError
from modelsystem_trainer import export

ETL = Path(__file__).with_name("etl.py")


def upload(folder: Path, container: ContainerClient, night: str) -> Iterator[str]:
    """Upload the files below `folder` that are an export's data, and yield a line about each.

    A blob with the same content is not written again: the trainer would see changed data.
    """
    digests = {
        blob.name: bytes(blob.content_settings.content_md5 or b"")
        for blob in container.list_blobs(night)
    }
    data = export.data_files(folder)
    if not data.names:
        raise DataError(f"there is no *.csv or *.csv.gz below {folder}")
    yield from (f"{', '.join(out.names)}: left out, {out.reason}" for out in data.left_out)
    for below in data.names:
        name = f"{night}/{below}"
        content = (folder / below).read_bytes()
        digest = hashlib.md5(content, usedforsecurity=False).digest()  # Blob Storage's
        is_uploaded = digests.get(name) == digest
        if not is_uploaded:
            properties = ContentSettings(content_type="text/csv", content_md5=bytearray(digest))
            container.upload_blob(name, content, overwrite=True, content_settings=properties)
        yield f"{name}: {'unchanged' if is_uploaded else 'uploaded'}"


def container_of(environ: dict[str, str]) -> ContainerClient:
    """Return a client of the container, which is created if it does not exist."""
    account = environ["BLOB_STORAGE_ACCOUNT"]
    credential = {"account_name": account, "account_key": environ["BLOB_STORAGE_KEY"]}
    client = ContainerClient(
        environ["BLOB_STORAGE_ENDPOINT"], environ["BLOB_STORAGE_CONTAINER"], credential=credential
    )
    with contextlib.suppress(ResourceExistsError):
        client.create_container()
    return client


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", help="with CSV files; empty for a sample")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.folder or scratch)
        if not arguments.folder:
            subprocess.run([sys.executable, ETL, folder], check=True)
        try:
            with container_of(dict(os.environ)) as container:
                for line in upload(folder, container, os.environ["BLOB_STORAGE_CSV_FOLDER"]):
                    print(line, flush=True)
        except KeyError as error:
            sys.exit(f"{error.args[0]} is not set")
        except (AzureError, OSError, DataError) as error:
            sys.exit(f"Cannot upload the export: {error}")


if __name__ == "__main__":
    main()
