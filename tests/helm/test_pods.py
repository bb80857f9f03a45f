"""What the pods of a build may do, mount and be asked, whatever the values."""

from typing import Any

from tests.helm import charts
from tests.helm.charts import VALUES, Manifest, Release, Render, containers, pods, the


def mounts(container: Manifest) -> dict[str, Manifest]:
    """Return what a container mounts, by the volume's name."""
    return {mount["name"]: mount for mount in container["volumeMounts"]}


def volumes(pod: Manifest) -> dict[str, Manifest]:
    """Return a pod's volumes by name."""
    return {volume["name"]: volume for volume in pod["spec"]["volumes"]}


def test_pod_security_restricted(build: Release) -> None:
    """Every pod is what the Pod Security Standard calls restricted, with a read-only root."""
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


def test_the_scorer_needs_no_share_where_there_is_a_copy(render: Render) -> None:
    """The waiter writes the copy and the scorer maps it; without one the scorer reads the share."""
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


def test_folders_are_where_volumes_are_mounted(build: Release) -> None:
    """Each container finds its model below something that it mounts."""
    for pod in (pods(build)["trainer"], pods(build)["scorer"]):
        for container in containers(pod):
            env = {one["name"]: one.get("value") for one in container["env"]}
            folder = env.get("MODELCACHE") or env["MODELFOLDER"]
            places = [mount["mountPath"].rstrip("/") for mount in container["volumeMounts"]]
            assert any(f"{folder}/".startswith(f"{place}/") for place in places)
            assert "/tmp" in places


def test_deadlines_follow_from_one_another(build: Release) -> None:
    """The waiter outlives the Job, and the Deployment's patience outlasts the waiter."""
    job, deployment = the(build, "Job"), the(build, "Deployment")
    waiter, scorer = containers(pods(build)["scorer"])
    env = {one["name"]: one.get("value") for one in waiter["env"] + scorer["env"]}
    training = job["spec"]["activeDeadlineSeconds"]
    assert training < int(env["WAIT_TIMEOUT"]) < deployment["spec"]["progressDeadlineSeconds"]
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert (
        grace > int(env["DRAIN_SECONDS"]) + 25
    )  # what the scorer takes to finish what is in flight


def test_the_job_knows_what_not_to_retry(build: Release) -> None:
    """Bad settings and data fail the Job at once, a disruption does not count, nothing restarts."""
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


def test_the_site_never_has_fewer_pods_than_asked(build: Release) -> None:
    """A rollout starts a pod before it ends one, and no probe touches the share."""
    deployment = the(build, "Deployment")["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    scorer = containers(deployment["template"])[-1]
    asked = {
        kind: scorer[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")
    }
    assert asked["readiness"]["path"] == "/readyz"
    assert asked["startup"]["path"] == asked["liveness"]["path"] == "/healthz"
    assert {probe["port"] for probe in asked.values()} == {"http"}


def test_who_scales(render: Render) -> None:
    """An autoscaler owns the number of pods where there is one, else the Deployment has it."""
    scaled = render(VALUES / "production.yaml")
    assert "replicas" not in the(scaled, "Deployment")["spec"]
    target = the(scaled, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == the(scaled, "Deployment")["metadata"]["name"]
    plain = render(VALUES / "seed.yaml")
    assert the(plain, "Deployment")["spec"]["replicas"] == 1
    assert not charts.of_kind(plain, "HorizontalPodAutoscaler")


def test_identity_only_for_the_job(render: Render) -> None:
    """With workload identity the Job's pod is marked, the site's is not, and no key is named."""
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
    """The key is by reference everywhere, and in one Secret only if it was among the values."""
    build = render(VALUES / "seed.yaml")
    secret = the(build, "Secret")
    assert secret["data"] == {"BLOB_STORAGE_KEY": "YTJWNQ=="}
    others = [one for one in build if one is not secret]
    assert "YTJWNQ==" not in str(others)
    assert "a2V5" not in str(others)
    assert reference(build) == {"name": secret["metadata"]["name"], "key": "BLOB_STORAGE_KEY"}

    build = render(VALUES / "production.yaml")
    assert not charts.of_kind(build, "Secret")
    assert reference(build) == {"name": "blob-storage", "key": "account.key"}


def reference(build: Release) -> Any:
    """Return where the trainer's key comes from."""
    [trainer] = containers(pods(build)["trainer"])
    [key] = [one for one in trainer["env"] if one["name"] == "BLOB_STORAGE_KEY"]
    return key["valueFrom"]["secretKeyRef"]
