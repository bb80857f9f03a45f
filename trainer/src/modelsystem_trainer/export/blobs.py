"""Azure Blob Storage: the export, downloaded to a scratch folder as one consistent whole.

After the downloads the blobs are listed again, until the listing has nothing new: a blob that was
written meanwhile is downloaded again, and a download fails if its blob's etag changes.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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

from modelsystem_shared.errors import AccessDeniedError, DataError, ModelSystemError, StorageError
from modelsystem_trainer.export import membership
from modelsystem_trainer.export.files import ExportFile, describe
from modelsystem_trainer.export.membership import Entry, Kind, Members
from modelsystem_trainer.export.night import Export, of_files
from modelsystem_trainer.settings import Settings

log = logging.getLogger(__name__)
OnBytes = Callable[[float], None]
PARALLEL = 4
_ROUNDS = 5
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


def fetch(settings: Settings, scratch: Path, on_share: OnBytes) -> Export:
    """Download the export's blobs into `scratch`; `on_share` gets the share of bytes.

    Raises:
        DataError: no such container, or no CSV files in the folder.
        AccessDeniedError: the key or identity was refused.
        StorageError: the storage does not answer, or its blobs keep changing.

    """
    try:
        with _client(settings) as client:
            return _Download(client, settings, scratch, on_share).run()
    except AzureError as error:
        raise _sentence(settings, settings.location, error) from error


class _Download:
    def __init__(
        self, client: ContainerClient, settings: Settings, scratch: Path, on_share: OnBytes
    ) -> None:
        self.client, self.settings = client, settings
        self.scratch, self.on_share = scratch, on_share
        self.downloaded: dict[tuple[str, str], ExportFile] = {}  # by name and etag
        self.done = 0
        self.lock = threading.Lock()

    def run(self) -> Export:
        for _ in range(_ROUNDS):
            listing, members = self.listing()
            missing = [b for b in listing if (b.name, b.etag) not in self.downloaded]
            if not missing:
                files = [self.downloaded[blob.name, blob.etag] for blob in listing]
                left_out, uncommitted = members.left_out, members.uncommitted
                return of_files(self.settings.location, files, left_out, uncommitted)
            self.download(missing)
        raise StorageError(
            f"{self.settings.location}: blobs keep changing: let the ETL finish first"
        )

    def listing(self) -> tuple[list[Blob], Members]:
        """Return the blobs that are data, and which entries are not."""
        folder = self.settings.blob_folder
        prefix = f"{folder}/" if folder else ""  # "/" is the container itself
        listed = list(self.client.list_blobs(name_starts_with=prefix, include=["metadata"]))
        members = membership.members(_entry(blob, prefix) for blob in listed)
        by_name = {blob.name[len(prefix) :].rstrip("/"): blob for blob in listed}
        data = [(name, by_name[name]) for name in members.names]
        return [Blob(b.name, name, b.size, b.etag or "") for name, b in data], members

    def download(self, missing: list[Blob]) -> None:
        total = sum(blob.size for blob in missing)
        log.info("Downloading %d files, %.1f MB", len(missing), total / 1e6)
        self.done = 0

        def count(new: int) -> None:
            with self.lock:
                self.done += new
                self.on_share(self.done / max(total, 1))

        pool = ThreadPoolExecutor(PARALLEL)
        try:
            for job in [pool.submit(self.download_blob, blob, count) for blob in missing]:
                job.result()
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure the rest is not needed

    def download_blob(self, blob: Blob, count: Callable[[int], None]) -> None:
        """Download a blob; if it changed or is gone, the next listing shows that."""
        # The blob's name never becomes a path: it may hold anything.
        target = self.scratch / uuid.uuid4().hex
        before = 0

        def hook(current: int, _total: int | None) -> None:
            nonlocal before
            count(current - before)
            before = current

        with suppress(ResourceModifiedError, ResourceNotFoundError), self.naming(blob):
            with target.open("wb") as file:
                self.client.download_blob(
                    blob.full_name,
                    etag=blob.etag,
                    match_condition=MatchConditions.IfNotModified,
                    max_concurrency=2,
                    decompress=False,  # with any Content-Encoding: the stored bytes are hashed
                    progress_hook=hook,
                ).readinto(file)
            self.downloaded[blob.name, blob.etag] = describe(blob.name, target, blob.etag)

    @contextmanager
    def naming(self, blob: Blob) -> Iterator[None]:
        """Name the blob in the error of its download."""
        try:
            yield
        except (ResourceModifiedError, ResourceNotFoundError):
            raise
        except AzureError as error:
            raise _sentence(
                self.settings, f"{self.settings.location}: {blob.name}", error
            ) from error


def _entry(blob: BlobProperties, prefix: str) -> Entry:
    """Return a blob's entry; a storage with folders (ADLS Gen2) lists them as empty blobs."""
    metadata = {name.lower(): value.lower() for name, value in (blob.metadata or {}).items()}
    is_folder = metadata.get("hdi_isfolder") == "true"
    return Entry(blob.name[len(prefix) :], blob.size, Kind.MARKER if is_folder else Kind.FILE)


def _client(settings: Settings) -> ContainerClient:
    return ContainerClient(
        settings.account_url,
        settings.container or "",
        credential=_credential(settings),
        retry_policy=ExponentialRetry(1, increment_base=2, retry_total=3, random_jitter_range=1),
        connection_timeout=_CONNECTION_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
    )


def _credential(settings: Settings) -> dict[str, str] | TokenCredential:
    if settings.key:
        return {"account_name": settings.account or "", "account_key": settings.key.reveal()}
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415  # slow to import

    return DefaultAzureCredential()


def _sentence(settings: Settings, where: str, error: AzureError) -> ModelSystemError:
    """Return the error for an operator; `where`: the location, or the blob in it."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status in (401, 403) or isinstance(error, ClientAuthenticationError):
        credential = "BLOB_STORAGE_KEY" if settings.key else "the workload's identity"
        return AccessDeniedError(f"{where}: the storage refused {credential} ({_short(error)})")
    if isinstance(error, ResourceNotFoundError):
        return DataError(f"{where}: there is no such container or blob ({_short(error)})")
    if status and 400 <= status < 500 and status not in (408, 429):
        return DataError(f"{where}: the storage refused the request ({_short(error)})")
    return StorageError(f"{where}: the storage does not answer ({_short(error)})")


def _short(error: AzureError) -> str:
    return str(error.message).splitlines()[0][:300]
