"""The release tool with the real Helm, 3 and 4, and the real kubectl; the cluster is a stand-in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tests.helm import apiserver
from tests.helm.charts import CHARTS, VALUES, Helm, find_kubectl

from modelsystem_release import artefact, cluster
from modelsystem_release.artefact import Artefact
from modelsystem_release.cluster import Target, programs
from modelsystem_release.traffic import builds
from modelsystem_shared.errors import UsageError

BUILD, RELEASE = "20180523.10", "mlrelease-20180523-10"


@pytest.fixture(autouse=True)
def programs_on_path(helm: Helm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process find Helm, kubectl and a cluster that has the claim."""
    on_path = tmp_path / "bin"
    on_path.mkdir()
    for name, program in (("helm", helm.program), ("kubectl", find_kubectl().program)):
        (on_path / name).symlink_to(program)
    monkeypatch.setenv("PATH", str(on_path), prepend=":")
    monkeypatch.setenv("HELM_MAJOR", str(helm.major))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    programs.find.cache_clear()
    with apiserver.running() as running:
        running.put("PersistentVolumeClaim", "azurefilecustom")
        running.put("Namespace", "models")
        (tmp_path / "kubeconfig").write_text(running.kubeconfig(), encoding="utf-8")
        yield
    programs.find.cache_clear()


@pytest.fixture
def built(tmp_path: Path) -> Artefact:
    """Return the artefact of a build of the real chart."""
    chart = tmp_path / "chart"
    shutil.copytree(CHARTS / "modelsystem", chart)
    yaml = YAML()
    yaml.preserve_quotes = True  # "on" without them is a boolean
    values = yaml.load(chart / "values.yaml")
    for section, changed in yaml.load(VALUES / "minimal.yaml").items():
        values[section].update(changed)
    yaml.dump(values, chart / "values.yaml")
    made = artefact.package(chart, None, {}, [])
    artefact.write(made, tmp_path)
    return artefact.read(tmp_path / made.file_name)


def route(weight: int, chart: Path = CHARTS / "modelsystem-routing", **values: object) -> None:
    """Give the build traffic by a plain Service."""
    routing = {"provider": "service", "builds": [{"number": BUILD, "weight": weight}]} | values
    cluster.upgrade("traffic", chart, "models", routing, "why")


def test_a_build_is_installed_listed_and_routed(built: Artefact) -> None:
    """What both Helms and kubectl answer is what the tool reads; a dry run installs nothing."""
    assert cluster.install(built, "models", is_dry_run=True)
    assert cluster.releases("models") == []
    assert cluster.install(built, "models", is_dry_run=False)
    assert not cluster.install(built, "models", is_dry_run=False)
    (build,) = builds(cluster.releases("models"), "")
    assert (build.number, build.release) == (BUILD, RELEASE)
    route(100)
    assert cluster.values("traffic", "models")["builds"] == [{"number": BUILD, "weight": 100}]
    (reference,) = cluster.references(Target("models"))
    assert (reference.release, reference.source) == (RELEASE, "Service scoring")
    assert reference.owner == "traffic"


def test_a_refusal_is_the_sentence_of_the_chart_alone() -> None:
    """Without Helm's position and hint; so is the schema's, and that of a missing chart."""
    with pytest.raises(UsageError, match=r"^builds: the weights add up to 90; [^\n]* 100$"):
        route(90)
    with pytest.raises(UsageError, match=r"^values don't meet the spec"):
        route(100, provider="pigeon")
    with pytest.raises(UsageError, match=r"^chart nowhere/modelsystem-routing is not there"):
        route(100, chart=Path("nowhere/modelsystem-routing"))


def test_what_is_not_there_is_told_apart() -> None:
    """A kind that the cluster does not have lists nothing; a namespace is refused."""
    assert Target("models").get_if_served("virtualservices.networking.istio.io") == []
    assert cluster.releases("models") == []
    with pytest.raises(UsageError, match="there is no namespace absent"):
        cluster.releases("absent")
