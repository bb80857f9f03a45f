"""Mistakes in values: each message names the key, the fault and the cure."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.helm.charts import CHARTS, ROUTING, VALUES, Helm


class Wrong(NamedTuple):
    """A mistake, as YAML over a correct values file, and words of the message."""

    name: str
    file: str
    yaml: str
    key: str
    cure: str
    skips_schema: bool = False


BUILD = [
    Wrong("float", "minimal", "build: {number: 20180523.10}", "build number", "in quotes"),
    Wrong("float past the schema", "minimal", "build: {number: 20180523.10}",
          "build.number", "write it in quotes", skips_schema=True),
    Wrong("boolean", "minimal", "build: {number: on}", "build number", "in quotes"),
    Wrong("boolean past the schema", "minimal", "env: {ACCESS_LOG: off}",
          "env.ACCESS_LOG", "write it in quotes", skips_schema=True),
    Wrong("too many digits", "minimal", "env: {NEIGHBOURS: 12345678901234567890}",
          "env NEIGHBOURS", "in quotes"),
    Wrong("float setting", "minimal", "env: {WAIT_INTERVAL: 0.5}",
          "env WAIT_INTERVAL", "in quotes"),
    Wrong("no build", "minimal", "build: {number: ''}",
          "build.number", "--set-string build.number="),
    Wrong("odd build", "minimal", "build: {number: '-'}", "build number", "pattern|does not match"),
    Wrong("unknown key", "minimal", "replicas: 3", "replicas", "not allowed"),
    Wrong("unknown setting", "minimal", "env: {NEIGHBORS: '3'}", "NEIGHBORS", "not allowed"),
    Wrong("unknown in section", "minimal", "trainer: {cpu: '3'}", "cpu", "not allowed"),
    Wrong("wait shorter than the Job", "minimal", "env: {WAIT_TIMEOUT: '60'}",
          "env WAIT_TIMEOUT", "set trainer.deadlineSeconds instead"),
    Wrong("the same past the schema", "minimal", "env: {WAIT_TIMEOUT: '60'}",
          "env.WAIT_TIMEOUT", "set trainer.deadlineSeconds instead", skips_schema=True),
    Wrong("folder as setting", "minimal", "env: {MODELFOLDER: /x}",
          "env MODELFOLDER", "set outputs.modelfolder instead"),
    Wrong("setting as extra", "minimal", "scorer: {extraEnv: [{name: WORKERS, value: '3'}]}",
          "scorer.extraEnv: WORKERS", "set env.WORKERS"),
    Wrong("no export", "minimal", "env: {CSV_FOLDER: ''}",
          "env.BLOB_STORAGE_ACCOUNT", "says where the export is"),
    Wrong("two exports", "tenant", "env: {CSV_FOLDER: /x}",
          "env.CSV_FOLDER", "remove one of the two"),
    Wrong("missing secret", "tenant", "storage: {existingSecret: ''}",
          "storage.existingSecret", "name a Secret"),
    Wrong("two ways to sign in", "tenant", "workloadIdentity: {enabled: true}",
          "storage.existingSecret and workloadIdentity.enabled", "keep one of them"),
    Wrong("identity without client id", "identity-own", "workloadIdentity: {clientId: ''}",
          "workloadIdentity.clientId", "set the managed identity's client id"),
    Wrong("two keys that sign", "production",
          "env: {SIGNING_KEY_VAULT: 'https://team.vault.azure.net/keys/a'}",
          "env.SIGNING_KEY_VAULT: signing.existingSecret", "remove one of the two"),
    Wrong("vault without identity", "minimal",
          "env: {SIGNING_KEY_VAULT: 'https://team.vault.azure.net/keys/a'}",
          "env.SIGNING_KEY_VAULT", "set workloadIdentity.enabled=true"),
    Wrong("trust without a signature", "minimal", "signing: {trustedKeys: trusted-keys}",
          "signing.trustedKeys", "set signing.existingSecret"),
    Wrong("keys as setting", "minimal", "env: {TRUSTED_KEYS: /keys}",
          "env TRUSTED_KEYS", "set signing.trustedKeys instead"),
    Wrong("model off the share", "minimal", "outputs: {modelfolder: /tmp/13}",
          "outputs.modelfolder", "not below outputs.mountpath /mnt/azure"),
    Wrong("model all over the share", "minimal", "outputs: {modelfolder: /mnt/azure/}",
          "outputs.modelfolder", "not below outputs.mountpath /mnt/azure"),
    Wrong("model beside the share", "minimal", "outputs: {modelfolder: /mnt/azure/../x}",
          "outputs.modelfolder", "not below outputs.mountpath /mnt/azure"),
    Wrong("own champion", "minimal", "env: {CHAMPIONFOLDER: /mnt/azure/20180523.10/}",
          "env.CHAMPIONFOLDER", "set the folder of an earlier build"),
    Wrong("another engine", "parallel", "env: {ENGINE: processes}",
          "env.ENGINE: processes does not share work among the 4 pods", "remove env.ENGINE"),
    Wrong("no pod", "minimal", "trainer: {parallelism: 0}",
          "trainer parallelism", "minimum|greater than or equal to 1"),
    Wrong("index as setting", "minimal", "env: {JOB_COMPLETION_INDEX: '1'}",
          "env JOB_COMPLETION_INDEX", "set trainer.parallelism instead"),
    Wrong("no tag", "identity", "image: {tag: ''}", "image.tag", "set image.tag"),
    Wrong("scale upside down", "production", "autoscaling: {minReplicas: 30}",
          "autoscaling.maxReplicas", "raise it"),
    Wrong("scale by nothing", "production", "scorer: {resources: {requests: null}}",
          "scorer.resources.requests.cpu", "set it"),
    Wrong("counted twice", "production", "podMonitor: {enabled: true}",
          "podMonitor.enabled", "turn one off"),
]  # fmt: skip
ROUTE = [
    Wrong("too little", "service", "builds: [{number: '1', weight: 90}]",
          "builds: the weights add up to 90", "100"),
    Wrong("too much", "gateway", "builds: [{number: '1', weight: 90}, {number: '2', weight: 20}]",
          "builds: the weights add up to 110", "100"),
    Wrong("nothing", "minimal", "builds: []", "builds: the weights add up to 0", "100"),
    Wrong("float weight", "minimal", "builds: [{number: '1', weight: 99.5}]",
          "builds 0 weight", "integer"),
    Wrong("float weight past the schema", "minimal", "builds: [{number: '1', weight: 99.5}]",
          "builds: the weight of build 1", "whole number", skips_schema=True),
    Wrong("float build", "minimal", "builds: [{number: 20180523.10, weight: 100}]",
          "builds 0 number", "in quotes"),
    Wrong("float build past the schema", "minimal", "builds: [{number: 20180523.10, weight: 100}]",
          "builds[].number", "in quotes", skips_schema=True),
    Wrong("twice", "minimal", "builds: [{number: '1', weight: 50}, {number: 1, weight: 50}]",
          "builds: build 1 is listed twice", "the sum of its weights"),
    Wrong("split by a Service", "service",
          "builds: [{number: '1', weight: 90}, {number: '2', weight: 10}]",
          "provider service cannot split", "give one build weight 100, or use provider gateway"),
    Wrong("testers of a Service", "service", "testers: [{build: 153, header: A, value: b}]",
          "testers: provider service cannot", "use provider gateway or istio"),
    Wrong("buckets of a Service", "service", "sticky: {enabled: true}",
          "sticky.enabled: provider service cannot", "use provider gateway or istio"),
    Wrong("no gateway", "minimal", "gateway: {parentRefs: []}",
          "gateway.parentRefs", "name the Gateway"),
    Wrong("no names", "istio", "hostnames: []", "hostnames", "list them"),
    Wrong("unknown build mirrored", "gateway", "mirror: {build: '7'}",
          "mirror.build: build 7", "list it there"),
    Wrong("unknown build tested", "gateway", "testers: [{build: '7', header: A, value: b}]",
          "testers[0].build: build 7", "list it there"),
    Wrong("open metrics", "minimal", "paths: [/metrics]", "paths: /metrics", "remove it"),
    Wrong("open questions", "minimal", "paths: [/v1]",
          "paths: /v1", "list the public paths below it"),
    Wrong("open by prefix", "istio", "paths: [/v1/eval]", "paths: /v1/eval", "remove it"),
    Wrong("unknown provider", "minimal", "provider: nginx", "provider", "gateway.+istio.+service"),
    Wrong("unknown key", "minimal", "weights: {}", "weights", "not allowed"),
]  # fmt: skip


def flat(text: str) -> str:
    """Return text with the separators of a key, which differ between Helm 3 and 4, as blanks."""
    return re.sub(r"[./]", " ", text)


@pytest.mark.parametrize(
    ("chart", "wrong"),
    [
        *(("modelsystem", wrong) for wrong in BUILD),
        *(("modelsystem-routing", wrong) for wrong in ROUTE),
    ],
    ids=lambda value: value.name if isinstance(value, Wrong) else value,
)
def test_the_message_names_key_and_cure(
    helm: Helm, chart: str, wrong: Wrong, tmp_path: Path
) -> None:
    """Helm refuses the values with a message that names the wrong key and the cure."""
    mistake = tmp_path / "mistake.yaml"
    mistake.write_text(wrong.yaml, encoding="utf-8")
    right = (VALUES if chart == "modelsystem" else ROUTING) / f"{wrong.file}.yaml"
    skip = ["--skip-schema-validation"] if wrong.skips_schema else []
    ended = helm.run("template", "r", CHARTS / chart, "-f", right, "-f", mistake, *skip)
    assert ended.code != 0
    assert flat(wrong.key) in flat(ended.errors), ended.errors
    assert re.search(wrong.cure, ended.errors), ended.errors


def test_several_pods_need_a_cluster_that_ends_the_job_with_index_0(helm: Helm) -> None:
    """An older one would wait for a pod that never comes."""
    template = ["template", "r", CHARTS / "modelsystem", "-f", VALUES / "parallel.yaml"]
    ended = helm.run(*template, "--kube-version", "1.30.4")
    assert ended.code != 0
    assert "trainer.parallelism: Kubernetes v1.30.4" in ended.errors
    assert helm.run(*template, "--kube-version", "1.31.0").code == 0
