"""The settings of a training, from its environment."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelsystem_shared import parsers, settings
from modelsystem_shared.parsers import Secret
from modelsystem_shared.settings import Values, variable
from modelsystem_shared.telemetry import trace
from modelsystem_trainer import cpus, memory
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.engines import ENGINES
from modelsystem_trainer.fit import METHODS, Parameters
from modelsystem_trainer.rules import Rules

if TYPE_CHECKING:
    from modelsystem_shared.signing import KeyFile, TrustedKeys

_BLOB = ("BLOB_STORAGE_ACCOUNT", "BLOB_STORAGE_CONTAINER", "BLOB_STORAGE_CSV_FOLDER")
_BLOB_ONLY = (*_BLOB, "BLOB_STORAGE_KEY", "BLOB_STORAGE_ENDPOINT")


def _matching(pattern: str, description: str) -> parsers.Parser:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"is not {description}")
        return value

    return parse


def _blob_folder(value: str) -> str:
    return parsers.text(value).strip("/")


def _key_file(value: str) -> "KeyFile":
    from modelsystem_shared.signing import KeyFile  # noqa: PLC0415  # only if there is a key

    return KeyFile(parsers.folder(value))


@dataclass(frozen=True)
class Settings(settings.Settings):
    """Settings of the trainer."""

    build: str = variable(
        "BUILDNUMBER",
        parsers.text,
        "this build, for example 20180523.5",
        shapes_model=True,
    )
    tenant: str | None = variable(
        "TENANTID",
        parsers.text,
        "train on this tenant's rows only, if the data has a tenant_id column",
        None,
        shapes_model=True,
    )
    csv_folder: Path | None = variable(
        "CSV_FOLDER",
        parsers.folder,
        "a local folder with the export, instead of Blob Storage",
        None,
    )
    account: str | None = variable(
        "BLOB_STORAGE_ACCOUNT",
        _matching(r"[a-z0-9]{3,24}", "a storage account's name (3 to 24 of a-z and 0-9)"),
        "the storage account of the export",
        None,
    )
    container: str | None = variable(
        "BLOB_STORAGE_CONTAINER",
        _matching(r"[a-z0-9$](-?[a-z0-9]){2,62}", "a container's name (3 to 63 of a-z, 0-9 and -)"),
        "the container in that account",
        None,
    )
    blob_folder: str | None = variable(
        "BLOB_STORAGE_CSV_FOLDER",
        _blob_folder,
        "the folder in the container, for example 2018/05/08",
        None,
    )
    key: Secret | None = variable(
        "BLOB_STORAGE_KEY",
        Secret,
        "the account's key; without it DefaultAzureCredential (workload identity)",
        None,
    )
    endpoint: str | None = variable(
        "BLOB_STORAGE_ENDPOINT",
        parsers.url,
        "an endpoint other than the public cloud's: Azurite, sovereign clouds, private links",
        None,
    )
    columns: Columns = variable(
        "CSV_COLUMNS",
        Columns.parse,
        "names of your columns if they differ: `user_id=learner,item_id=course`",
        Columns(),
        shapes_model=True,
    )
    bad_rows: int = variable(
        "MAX_BAD_ROWS",
        parsers.integer(0, 10**9),
        "number of malformed rows to tolerate, each of their lines counts; they are skipped and "
        "listed in `rejected.csv`; one more fails the training",
        0,
        shapes_model=True,
    )
    rules: Rules = variable(
        "DATA_RULES",
        Rules.parse,
        "bounds on the figures of the data's profile, beside the defaults, such as "
        "`stop rows >= 0.7 champion; warn titles_fit >= 50 %; off days_behind`; docs/data.md has "
        "the figures and the defaults",
        Rules.default(),
        shapes_model=True,
    )
    neighbours: int | None = variable(
        "NEIGHBOURS",
        parsers.integer(1, 10_000),
        "K, the neighbours kept for each item; if not set 100, 200 or, by `dense`, all: what the "
        "search finds best",
        None,
        shapes_model=True,
    )
    parameters: Parameters | None = variable(
        "PARAMETERS",
        Parameters.parse,
        "the fit's parameters, such as `method=ridge,a=0.5,lam=160`, in place of a search",
        None,
        shapes_model=True,
    )
    method: str | None = variable(
        "METHOD",
        parsers.choice(*METHODS),
        "`ridge`; `cooccurrence`: quicker; `dense`: all items are neighbours, at most "
        "4,000; chosen if not set",
        None,
        shapes_model=True,
    )
    histories: str = variable(
        "HISTORIES",
        parsers.choice("on", "off"),
        "`off`: the model has no users and no histories, so that a site's copy stays small; users "
        "are asked by their items, and a user id is answered as an unknown one",
        "on",
        shapes_model=True,
    )
    champion_folder: Path | None = variable(
        "CHAMPIONFOLDER",
        parsers.folder,
        "the model folder of an earlier build to compare with on the gate users; it is only read",
        None,
    )
    trusted_keys: "TrustedKeys | None" = variable(
        "TRUSTED_KEYS",
        parsers.trusted_keys,
        "a PEM file of public keys, or a folder of such files: a champion that none of them has "
        "signed is refused; if not set, its signature is not checked",
        None,
    )
    signing_key: "KeyFile | None" = variable(
        "SIGNING_KEY_FILE",
        _key_file,
        "a PEM file with a private key (ECDSA on P-256) that signs the model",
        None,
    )
    signing_vault: str | None = variable(
        "SIGNING_KEY_VAULT",
        _matching(
            r"https://[^/?#@]+/keys/[0-9A-Za-z-]+(/[0-9a-f]+)?",
            "a key's URL, https://<vault>.vault.azure.net/keys/<name>",
        ),
        "the URL of a key in Azure Key Vault that signs the model, "
        "`https://<vault>.vault.azure.net/keys/<name>`; DefaultAzureCredential (workload identity)",
        None,
    )
    engine: str = variable(
        "ENGINE",
        parsers.choice(*ENGINES),
        "the workers of the training: `threads`; `processes`; `spark`; `indexed`, the pods of an "
        "Indexed Job (docs/scale.md); they have no effect on the model",
        "threads",
    )
    spark_remote: str | None = variable(
        "SPARK_REMOTE",
        _matching(r"sc://\S+", "the URL of a Spark Connect server, sc://…"),
        "for ENGINE=spark: the URL of a Spark Connect server, `sc://host:15002`",
        None,
    )
    spark_master: str | None = variable(
        "SPARK_MASTER",
        parsers.text,
        "for ENGINE=spark: the URL of a master, `spark://host:7077` or `local[2]`; if not set that "
        "of spark-submit, else this machine with THREADS workers",
        None,
    )
    index: int = variable(
        "JOB_COMPLETION_INDEX",
        parsers.integer(0, 100_000),
        "for ENGINE=indexed: the number of this pod, which Kubernetes sets; 0 drives and "
        "publishes, the others help",
        0,
    )
    threads: int = variable(
        "THREADS",
        parsers.integer(1, 1024),
        "threads of reading and fitting, on each machine; they have no effect on the model",
        cpus.available(),
    )
    memory_limit: int = variable(
        "MEMORY_LIMIT",
        parsers.quantity,
        "bytes of memory that a fit may take where it has a choice, such as 3Gi or 500M; it has no "
        "effect on the model",
        memory.limit(),
    )
    commit: str | None = variable(
        "GIT_COMMIT",
        parsers.text,
        "the commit that this code was built from, for the manifest",
        None,
    )
    started_by: str | None = variable(
        "STARTED_BY",
        parsers.text,
        "the person or program that started this training, for the manifest",
        None,
    )
    openlineage: str | None = variable(
        "OPENLINEAGE_URL",
        parsers.url,
        "the URL of an OpenLineage receiver, such as Marquez, to which the training reports its "
        "start, its end and its failure",
        None,
    )
    traceparent: str | None = variable(
        "TRACEPARENT",
        trace.parse,
        "the W3C traceparent of the pipeline's run; each answer of the build has its trace id",
        None,
    )

    @property
    def location(self) -> str:
        """The place of the export, for people and the manifest."""
        if self.csv_folder:
            return str(self.csv_folder)
        return f"{self.account_url}/{self.container}/{self.blob_folder}"

    @property
    def is_helper(self) -> bool:
        """Whether another pod of the Job drives and publishes."""
        return self.engine == "indexed" and self.index > 0

    @property
    def spark_url(self) -> str | None:
        """The Spark Connect server or the master; None for what the environment says."""
        return self.spark_remote or self.spark_master

    @property
    def account_url(self) -> str:
        """The storage account's URL."""
        return self.endpoint or f"https://{self.account}.blob.core.windows.net"

    @classmethod
    def contradictions(cls, values: Values) -> Iterator[str]:
        """Yield the faults of the data's place, and of a key that is not base64."""
        blob_variables = [name for name in _BLOB_ONLY if values[name]]
        if values["CSV_FOLDER"] and blob_variables:
            yield f"CSV_FOLDER contradicts {', '.join(blob_variables)}: set one of the two"
        elif not values["CSV_FOLDER"]:
            alternative = "" if blob_variables else ", and neither is CSV_FOLDER"
            yield from (f"{name} is not set{alternative}" for name in _BLOB if values[name] is None)
        if _differ(values["NEIGHBOURS"], values["PARAMETERS"]):
            yield "NEIGHBOURS contradicts the neighbours of PARAMETERS: set one of the two"
        if values["SIGNING_KEY_FILE"] and values["SIGNING_KEY_VAULT"]:
            yield "SIGNING_KEY_FILE contradicts SIGNING_KEY_VAULT: set one of the two"
        if values["SPARK_REMOTE"] and values["SPARK_MASTER"]:
            yield "SPARK_REMOTE contradicts SPARK_MASTER: set one of the two"
        if values["BLOB_STORAGE_KEY"] and not _is_base64(values["BLOB_STORAGE_KEY"]):
            yield "BLOB_STORAGE_KEY: its value (not shown) is not base64, as account keys are"


def _differ(neighbours: object, parameters: object) -> bool:
    """Whether the numbers of neighbours differ; the default of the parameters yields."""
    if not isinstance(neighbours, int) or not isinstance(parameters, Parameters):
        return False
    return parameters.neighbours not in (Parameters.neighbours, neighbours)


def _is_base64(key: Secret) -> bool:
    try:
        return bool(base64.b64decode(key.reveal(), validate=True))
    except ValueError:
        return False
