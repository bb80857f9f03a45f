"""The charts as the real Helm renders them, 3 and 4."""

from collections.abc import Callable
from pathlib import Path

import charts
import pytest
from charts import Helm, Manifest

HERE = Path(__file__).parent
BUILDS = sorted((HERE / "values").glob("*.yaml"))
ROUTES = sorted((HERE / "routing").glob("*.yaml"))

Render = Callable[..., tuple[Manifest, ...]]


@pytest.fixture(scope="session", params=charts.MAJORS, ids=lambda major: f"helm{major}")
def helm(request: pytest.FixtureRequest) -> Helm:
    """Return Helm, of each major version."""
    return charts.find_helm(request.param)


@pytest.fixture(params=BUILDS, ids=lambda path: path.stem)
def build(helm: Helm, request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    """Return the objects of a build, for each values file."""
    return helm.render("modelsystem", request.param)


@pytest.fixture(params=ROUTES, ids=lambda path: path.stem)
def route(helm: Helm, request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    """Return the objects of the routing, for each values file."""
    return helm.render("modelsystem-routing", request.param)


@pytest.fixture(params=[*BUILDS, *ROUTES], ids=lambda path: f"{path.parent.name}-{path.stem}")
def any_release(helm: Helm, request: pytest.FixtureRequest) -> tuple[Manifest, ...]:
    """Return the objects of either chart, for each values file."""
    chart = "modelsystem" if request.param in BUILDS else "modelsystem-routing"
    return helm.render(chart, request.param)
