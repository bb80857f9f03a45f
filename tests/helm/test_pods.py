"""Security, volumes, deadlines and probes of a build's pods, for all values files."""

from typing import Any

from tests.helm import charts
from tests.helm.charts import VALUES, Manifest, Release, Render, containers, pods, the


def mounts(container: Manifest) -> dict[str, Manifest]:
    """Return a container's mounts, by the volume's name."""
    return {mount["name"]: mount for mount in container["volumeMounts"]}


def volumes(pod: Manifest) -> dict[str, Manifest]:
    """Return a pod's volumes by name."""
    return {volume["name"]: volume for volume in pod["spec"]["volumes"]}


def test_pod_security_restricted(build: Release) -> None:
    """Every pod meets the Pod Security Standard "restricted", with a read-only root."""
    assert set(pods(build)) == {"trainer", "scorer", "test"}
    for pod in pods(build).values():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert not any("hostPath" in volume for volume in spec.get("volumes", []))
        for container in containers(pod):
            security = container["securityContext"]
            assert security == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_only_the_job_writes_to_the_share(build: Release) -> None:
    """The claim is writable in the trainer and nowhere else."""
    job, site = pods(build)["trainer"], pods(build)["scorer"]
    [trainer] = containers(job)
    assert not mounts(trainer)["models"].get("readOnly")
    assert volumes(site)["models"]["persistentVolumeClaim"]["readOnly"] is True
    assert all(mounts(c)["models"]["readOnly"] for c in containers(site) if "models" in mounts(c))


def test_the_scorer_needs_no_share_with_a_copy(render: Render) -> None:
    """The waiter writes the copy, the scorer maps it; without one the scorer maps the share."""
    path = VALUES / "minimal.yaml"
    waiter, scorer = containers(pods(render(path))["scorer"])
    assert not mounts(waiter)["model"].get("readOnly")
    assert mounts(scorer)["model"]["readOnly"] is True
    assert "models" not in mounts(scorer)
    assert volumes(pods(render(path))["scorer"])["model"]["emptyDir"]["sizeLimit"] == "2Gi"

    site = pods(render(VALUES / "nfs.yaml"))["scorer"]
    waiter, scorer = containers(site)
    assert "model" not in volumes(site)
    assert mounts(scorer)["models"]["readOnly"] is True
    assert all(variable["name"] != "MODELCACHE" for variable in waiter["env"] + scorer["env"])


def test_folders_are_on_volumes(build: Release) -> None:
    """Each container finds its model below a path that it mounts."""
    for pod in (pods(build)["trainer"], pods(build)["scorer"]):
        for container in containers(pod):
            env = {entry["name"]: entry.get("value") for entry in container["env"]}
            folder = env.get("MODELCACHE") or env["MODELFOLDER"]
            places = [mount["mountPath"].rstrip("/") for mount in container["volumeMounts"]]
            assert any(f"{folder}/".startswith(f"{place}/") for place in places)
            assert "/tmp" in places


def test_deadlines_follow_from_one_another(build: Release) -> None:
    """The waiter waits longer than the Job may run, and the Deployment longer than the waiter."""
    job, deployment = the(build, "Job"), the(build, "Deployment")
    waiter, scorer = containers(pods(build)["scorer"])
    env = {entry["name"]: entry.get("value") for entry in waiter["env"] + scorer["env"]}
    training = job["spec"]["activeDeadlineSeconds"]
    assert training < int(env["WAIT_TIMEOUT"]) < deployment["spec"]["progressDeadlineSeconds"]
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > int(env["DRAIN_SECONDS"]) + 25  # seconds for requests in flight


def test_the_job_retries_only_if_a_retry_can_help(build: Release) -> None:
    """Bad settings and data fail the Job at once; a disruption does not count as a failure."""
    job = the(build, "Job")["spec"]
    fail, ignore = job["podFailurePolicy"]["rules"]
    assert fail["action"] == "FailJob"
    assert fail["onExitCodes"] == {"containerName": "trainer", "operator": "In", "values": [2, 3]}
    assert ignore["action"] == "Ignore"
    assert ignore["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    [trainer] = containers(job["template"])
    assert trainer["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert trainer.get("terminationMessagePath", "/dev/termination-log") == "/dev/termination-log"


def test_a_rollout_never_takes_pods_away(build: Release) -> None:
    """A rollout starts a pod before it ends one; readiness and liveness have paths of their own."""
    deployment = the(build, "Deployment")["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    scorer = containers(deployment["template"])[-1]
    probes = {
        kind: scorer[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")
    }
    assert probes["readiness"]["path"] == "/readyz"
    assert probes["startup"]["path"] == probes["liveness"]["path"] == "/healthz"
    assert {probe["port"] for probe in probes.values()} == {"http"}


def test_the_autoscaler_sets_the_number_of_pods(render: Render) -> None:
    """With an autoscaler the Deployment has no number of pods of its own."""
    scaled = render(VALUES / "production.yaml")
    assert "replicas" not in the(scaled, "Deployment")["spec"]
    target = the(scaled, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == the(scaled, "Deployment")["metadata"]["name"]
    plain = render(VALUES / "seed.yaml")
    assert the(plain, "Deployment")["spec"]["replicas"] == 1
    assert not charts.of_kind(plain, "HorizontalPodAutoscaler")


def test_only_the_job_has_an_identity(render: Render) -> None:
    """With workload identity only the Job's pod has its label, and no key is referred to."""
    for name in ("identity", "identity-own"):
        build = render(VALUES / f"{name}.yaml")
        mark = "azure.workload.identity/use"
        assert pods(build)["trainer"]["metadata"]["labels"][mark] == "true"
        assert mark not in pods(build)["scorer"]["metadata"]["labels"]
        assert "secretKeyRef" not in str(build)
    client = the(build, "ServiceAccount")["metadata"]["annotations"][
        "azure.workload.identity/client-id"
    ]
    assert client == "00000000-0000-0000-0000-000000000001"


def test_a_key_is_only_in_a_secret(render: Render) -> None:
    """The trainer refers to the key; the chart makes a Secret only for a key among the values."""
    build = render(VALUES / "seed.yaml")
    secret = the(build, "Secret")
    assert secret["data"] == {"BLOB_STORAGE_KEY": "YTJWNQ=="}
    others = [manifest for manifest in build if manifest is not secret]
    assert "YTJWNQ==" not in str(others)
    assert "a2V5" not in str(others)
    assert reference(build) == {"name": secret["metadata"]["name"], "key": "BLOB_STORAGE_KEY"}

    build = render(VALUES / "production.yaml")
    assert not charts.of_kind(build, "Secret")
    assert reference(build) == {"name": "blob-storage", "key": "account.key"}


def reference(build: Release) -> Any:
    """Return where the trainer's key comes from."""
    [trainer] = containers(pods(build)["trainer"])
    [key] = [entry for entry in trainer["env"] if entry["name"] == "BLOB_STORAGE_KEY"]
    return key["valueFrom"]["secretKeyRef"]


def test_a_job_of_one_pod_has_no_index(render: Render) -> None:
    """It is the Job that it was before."""
    job = the(render(VALUES / "minimal.yaml"), "Job")["spec"]
    assert (job["completions"], job["parallelism"], job["backoffLimit"]) == (1, 1, 3)
    assert not {"completionMode", "successPolicy", "backoffLimitPerIndex"} & job.keys()
    [trainer] = containers(job["template"])
    assert all(variable["name"] != "ENGINE" for variable in trainer["env"])


def test_a_job_of_several_pods_is_complete_with_its_index_0(render: Render) -> None:
    """A pod that never comes, or that dies too often, does not stop the night."""
    job = the(render(VALUES / "parallel.yaml"), "Job")["spec"]
    assert (job["completions"], job["parallelism"]) == (4, 4)
    assert job["completionMode"] == "Indexed"
    assert job["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}
    assert job["backoffLimitPerIndex"] == 2
    assert "backoffLimit" not in job
    [trainer] = containers(job["template"])
    assert {"name": "ENGINE", "value": "indexed"} in trainer["env"]
    none = render(VALUES / "parallel.yaml", json="trainer.backoffLimit=null")
    assert the(none, "Job")["spec"]["backoffLimitPerIndex"] == 6  # as without indexes
