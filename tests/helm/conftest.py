"""The charts as the real Helm renders them, 3 and 4."""

import pytest
from tests.helm import charts
from tests.helm.charts import BUILDS, ROUTES, Helm, Release, Render


@pytest.fixture(scope="session", params=charts.MAJORS, ids=lambda major: f"helm{major}")
def helm(request: pytest.FixtureRequest) -> Helm:
    """Return Helm, of each major version."""
    return charts.find_helm(request.param)


@pytest.fixture
def render() -> Render:
    """Return a function that renders with Helm 4; a test shows that 3 does the same."""
    return charts.find_helm(charts.MAJORS[-1]).render


@pytest.fixture(params=BUILDS, ids=lambda path: path.stem)
def build(render: Render, request: pytest.FixtureRequest) -> Release:
    """Return the objects of a build, for each values file."""
    return render(request.param)


@pytest.fixture(params=[*BUILDS, *ROUTES], ids=lambda path: f"{path.parent.name}-{path.stem}")
def any_release(render: Render, request: pytest.FixtureRequest) -> Release:
    """Return the objects of either chart, for each values file."""
    chart = "modelsystem" if request.param in BUILDS else "modelsystem-routing"
    return render(request.param, chart=chart)
