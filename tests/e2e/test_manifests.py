"""The rendered manifests run: Job, waiter, site and `helm test`."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import engine
from tests.e2e.pods import Node, Pod
from tests.helm.charts import VALUES, Release, find_helm, the
from tests.integration.azurite import ACCOUNT, KEY
from tests.integration.conftest import catalogue, interactions

AZURITE = "mcr.microsoft.com/azure-storage/azurite:3.37.0"
QUICK = "env.PARAMETERS=method=cooccurrence"
LIMITS = ("trainer.resources.limits.memory=1Gi", "scorer.resources.limits.memory=512Mi")


@pytest.fixture(scope="session")
def tag() -> str:
    """Return the tag of images of this tree."""
    return engine.images("manifests")


@pytest.fixture
def node(tmp_path: Path, tag: str) -> Iterator[Node]:
    """Return a node without the containers of an earlier run."""
    tmp_path.chmod(0o755)
    with Node("modelsystem-node", tmp_path) as node:
        yield node


def images(tag: str) -> tuple[str, ...]:
    """Return the values that name the images of this tree."""
    names = {"image": "trainer", "scoringimage": "scorer", "waiterimage": "waiter"}
    return tuple(
        f"{key}.{part}"
        for key, name in names.items()
        for part in (f"repository=modelsystem/{name}", f"tag={tag}", "digest=")
    )


def ask(url: str, body: object = None) -> Any:
    """Return an answer's JSON; a request with a body is a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def served(node: Node, release: Release) -> tuple[Pod, str]:
    """Run a release in a cluster's order until its site is ready; return its pod and address."""
    pods = node.install(release)
    waiter = pods["scorer"].start("waiter-container")
    waiter.until("File not found!")
    trainer = pods["trainer"].start("trainer")
    assert trainer.wait() == 0, trainer.log()
    assert waiter.wait() == 0, waiter.log()
    assert "File found" in waiter.last_words()
    scorer = pods["scorer"].start("scorer")
    scorer.until_ready(pods["scorer"].container("scorer"))
    node.serve(the(release, "Service"), pods["scorer"])
    return pods["scorer"], scorer.address(3000)


def test_the_seeds_values_make_a_working_system(node: Node, tag: str) -> None:
    """With the seed's values a build trains from Blob Storage, serves, and passes `helm test`."""
    container = node.azurite().container(
        {"2018/05/08/interactions.csv": interactions(), "2018/05/08/items.csv": catalogue()}
    )
    storage = (f"env.BLOB_STORAGE_ACCOUNT={ACCOUNT}", f"env.BLOB_STORAGE_KEY={KEY}",
               f"env.BLOB_STORAGE_ENDPOINT=http://azurite:10000/{ACCOUNT}",
               f"env.BLOB_STORAGE_CONTAINER={container}")  # fmt: skip
    sets = (*images(tag), *storage, *LIMITS, QUICK)
    release = find_helm(4).render(VALUES / "seed.yaml", sets=sets)
    _, site = served(node, release)
    answer = ask(f"{site}/v1/recommendations", {"user_id": "learner-1", "k": 3, "explain": True})
    assert answer["model"]["build"] == "13"
    assert len(answer["items"]) == 3
    assert ask(f"{site}/v1/provenance")["model"]["settings"]["TENANTID"].startswith("1e8b7415")

    tested = node.install(release)["test"].start("ask")
    assert tested.wait() == 0, tested.log()
    assert "Build Number:13" in tested.log()
    assert KEY not in tested.log()


def test_the_site_outlives_the_share(node: Node, tag: str) -> None:
    """A site with a copy of the model answers, and starts again, after the share is gone."""
    export(node)
    sets = (*images(tag), *LIMITS, QUICK)
    pod, site = served(node, find_helm(4).render(VALUES / "minimal.yaml", sets=sets))
    shutil.rmtree(node.claim("azurefilecustom") / "20180523.10")
    assert ask(f"{site}/v1/users/learner-1/recommendations?k=2")["model"]["build"] == "20180523.10"
    again = Pod(node, f"{pod.name}-again", pod.manifest, pod.folder).start("scorer")
    again.until_ready(pod.container("scorer"))


def test_a_model_too_large_to_copy_is_served_from_the_share(node: Node, tag: str) -> None:
    """Without a copy the site reads the share, and cannot write to it."""
    export(node)
    sets = (*images(tag), *LIMITS, QUICK)
    release = find_helm(4).render(
        VALUES / "minimal.yaml", sets=sets, json="modelCache.enabled=false"
    )
    pod, site = served(node, release)
    assert ask(f"{site}/readyz")["build"] == "20180523.10"
    write = "open('/mnt/azure/20180523.10/x', 'w')"
    refused = pod.execute("scorer", "python", "-c", write)
    assert "Read-only file system" in refused
    assert "Read-only file system" in pod.execute("scorer", "python", "-c", "open('/x', 'w')")


def test_bad_data_fails_for_good(node: Node, tag: str) -> None:
    """Bad data ends the Job with a code that is not retried; both pods' last words say why."""
    export(node, b"user_id,item_id\nlearner-1\n")
    sets = (*images(tag), *LIMITS, QUICK)
    release = find_helm(4).render(VALUES / "minimal.yaml", sets=sets)
    pods = node.install(release)
    waiter = pods["scorer"].start("waiter-container")
    waiter.until("File not found!")
    trainer = pods["trainer"].start("trainer")
    [rule] = [rule for rule in the(release, "Job")["spec"]["podFailurePolicy"]["rules"]
              if rule["action"] == "FailJob"]  # fmt: skip
    assert trainer.wait() in rule["onExitCodes"]["values"]
    assert "interactions.csv" in trainer.last_words()
    assert waiter.wait() == 3
    assert trainer.last_words() in waiter.last_words()


def export(node: Node, content: bytes | None = None) -> None:
    """Put an export where minimal.yaml expects it, beside the models."""
    folder = node.claim("azurefilecustom") / "export"
    folder.mkdir()
    (folder / "interactions.csv").write_bytes(content or interactions())
