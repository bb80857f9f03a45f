"""Azure Blob Storage: the export, downloaded by the workers as one consistent whole.

After the downloads the blobs are listed again, until the listing has nothing new: a blob that was
written meanwhile is downloaded again, and a download fails if its blob's etag changes.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobProperties, ContainerClient, ExponentialRetry

from modelsystem_shared import parsers
from modelsystem_shared.errors import AccessDeniedError, DataError, ModelSystemError, StorageError
from modelsystem_shared.parsers import Secret
from modelsystem_trainer.engines import Workplace, faults, note, parts
from modelsystem_trainer.export import membership
from modelsystem_trainer.export.files import ExportFile, describe
from modelsystem_trainer.export.membership import Entry, Kind, Members
from modelsystem_trainer.export.night import Export, of_files
from modelsystem_trainer.settings import Settings

log = logging.getLogger(__name__)
OnBytes = Callable[[float], None]
KEY = "BLOB_STORAGE_KEY"
_TASK, _NAME = "blob", "download"
_ROUNDS = 5
_CONNECTIONS = 4  # for each blob
# Seconds. An endpoint that never answers costs 4 tries of 8 s and pauses of 9 s. A slow download is
# not affected: the timeout is for one read from the socket.
_CONNECTION_TIMEOUT, _READ_TIMEOUT = 5, 8


@dataclass(frozen=True)
class Blob:
    """A blob in the listing; `name` is its path below the export's folder."""

    full_name: str
    name: str
    size: int
    etag: str


@dataclass(frozen=True)
class Place:
    """A container, as every worker opens it; its key is in the worker's environment only."""

    account: str | None
    account_url: str
    container: str
    location: str
    has_key: bool

    def client(self, key: Secret | None) -> ContainerClient:
        """Return a client of the container."""
        return ContainerClient(
            self.account_url,
            self.container,
            credential=self._credential(key),
            retry_policy=ExponentialRetry(
                1, increment_base=2, retry_total=3, random_jitter_range=1
            ),
            connection_timeout=_CONNECTION_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
        )

    def _credential(self, key: Secret | None) -> dict[str, str] | TokenCredential:
        if key:
            return {"account_name": self.account or "", "account_key": key.reveal()}
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415  # slow to import

        return DefaultAzureCredential()

    def key_of_worker(self) -> Secret | None:
        """Return the key in the environment of this process, if the container needs one.

        Raises:
            AccessDeniedError: it is not there.

        """
        if not self.has_key:
            return None
        if not (key := parsers.unquoted(os.environ.get(KEY, ""))):
            raise AccessDeniedError(
                f"{self.location}: {KEY} is not in the environment of this worker: each of them "
                "opens the blobs by itself"
            )
        return Secret(key)


def fetch(settings: Settings, workplace: Workplace, on_share: OnBytes) -> Export:
    """Download the export's blobs into the workplace; `on_share` gets the share of bytes.

    Raises:
        DataError: no such container, or no CSV files in the folder.
        AccessDeniedError: the key or identity was refused.
        StorageError: the storage does not answer, or its blobs keep changing.

    """
    place = Place(
        settings.account,
        settings.account_url,
        settings.container or "",
        settings.location,
        settings.key is not None,
    )
    try:
        with place.client(settings.key) as client:
            return _Download(client, place, settings.blob_folder, workplace, on_share).run()
    except AzureError as error:
        raise _sentence(place, place.location, error) from error


class _Download:
    def __init__(
        self,
        client: ContainerClient,
        place: Place,
        blob_folder: str | None,
        workplace: Workplace,
        on_share: OnBytes,
    ) -> None:
        self.client, self.place, self.blob_folder = client, place, blob_folder
        self.workplace, self.on_share = workplace, on_share
        self.begun: list[Blob] = []  # all that were to be downloaded, by number
        self.downloaded: dict[tuple[str, str], ExportFile] = {}  # by name and etag

    def run(self) -> Export:
        for _ in range(_ROUNDS):
            listing, members = self.listing()
            missing = [b for b in listing if (b.name, b.etag) not in self.downloaded]
            if not missing:
                files = [self.downloaded[blob.name, blob.etag] for blob in listing]
                left_out, uncommitted = members.left_out, members.uncommitted
                return of_files(self.place.location, files, left_out, uncommitted)
            self.download(missing)
        raise StorageError(f"{self.place.location}: blobs keep changing: let the ETL finish first")

    def listing(self) -> tuple[list[Blob], Members]:
        """Return the blobs that are data, and which entries are not."""
        prefix = f"{self.blob_folder}/" if self.blob_folder else ""  # "/" is the container itself
        listed = list(self.client.list_blobs(name_starts_with=prefix, include=["metadata"]))
        members = membership.members(_entry(blob, prefix) for blob in listed)
        by_name = {blob.name[len(prefix) :].rstrip("/"): blob for blob in listed}
        data = [(name, by_name[name]) for name in members.names]
        return [Blob(b.name, name, b.size, b.etag or "") for name, b in data], members

    def download(self, missing: Sequence[Blob]) -> None:
        """Let the workers download blobs; if one changed or is gone, the next listing shows it."""
        sizes = [blob.size for blob in missing]
        log.info("Downloading %d files, %.1f MB", len(missing), sum(sizes) / 1e6)
        numbers = range(len(self.begun), len(self.begun) + len(missing))
        self.begun += missing
        folder = self.workplace.folder
        for number, blob in zip(numbers, missing, strict=True):
            task = {"place": asdict(self.place), "blob": asdict(blob)}
            parts.write_json(faults.part(folder, _TASK, number), task)
        self.workplace.run(download_blob, _NAME, numbers, self.on_share, sizes)
        for number in numbers:
            described = parts.read_json(faults.part(folder, _NAME, number))
            if described:
                file = ExportFile.of_json(described)
                self.downloaded[file.name, self.begun[number].etag] = file


def download_blob(folder: Path, number: int) -> None:
    """Download a blob of the listing into the folder: a phase."""
    task = parts.read_json(faults.part(folder, _TASK, number))
    place, blob = Place(**task["place"]), Blob(**task["blob"])
    described: dict[str, object] = {}
    with faults.recorded(folder, _NAME, number):
        with (
            suppress(ResourceModifiedError, ResourceNotFoundError),
            _naming(place, blob),
        ):
            # The blob's name never becomes a path: it may hold anything.
            target = folder / f"{_NAME}-{number:05}.blob"
            with parts.new(target) as file:
                _client(place).download_blob(
                    blob.full_name,
                    etag=blob.etag,
                    match_condition=MatchConditions.IfNotModified,
                    max_concurrency=_CONNECTIONS,
                    decompress=False,  # with any Content-Encoding: the stored bytes are hashed
                    progress_hook=lambda done, _: note(folder, _NAME, number, done),
                ).readinto(file)
            described = describe(blob.name, target, blob.etag).to_json()
        parts.write_json(faults.part(folder, _NAME, number), described)


@lru_cache(maxsize=1)  # one token and some connections for all blobs of a process
def _client(place: Place) -> ContainerClient:
    return place.client(place.key_of_worker())


@contextmanager
def _naming(place: Place, blob: Blob) -> Iterator[None]:
    """Name the blob in the error of its download."""
    try:
        yield
    except (ResourceModifiedError, ResourceNotFoundError):
        raise
    except AzureError as error:
        raise _sentence(place, f"{place.location}: {blob.name}", error) from error


def _entry(blob: BlobProperties, prefix: str) -> Entry:
    """Return a blob's entry; a storage with folders (ADLS Gen2) lists them as empty blobs."""
    metadata = {name.lower(): value.lower() for name, value in (blob.metadata or {}).items()}
    is_folder = metadata.get("hdi_isfolder") == "true"
    return Entry(blob.name[len(prefix) :], blob.size, Kind.MARKER if is_folder else Kind.FILE)


def _sentence(place: Place, where: str, error: AzureError) -> ModelSystemError:
    """Return the error for an operator; `where`: the location, or the blob in it."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status in (401, 403) or isinstance(error, ClientAuthenticationError):
        credential = KEY if place.has_key else "the workload's identity"
        return AccessDeniedError(f"{where}: the storage refused {credential} ({_short(error)})")
    if isinstance(error, ResourceNotFoundError):
        return DataError(f"{where}: there is no such container or blob ({_short(error)})")
    if status and 400 <= status < 500 and status not in (408, 429):
        return DataError(f"{where}: the storage refused the request ({_short(error)})")
    return StorageError(f"{where}: the storage does not answer ({_short(error)})")


def _short(error: AzureError) -> str:
    return str(error.message).splitlines()[0][:300]
