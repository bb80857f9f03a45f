"""The system in containers: fixtures that need a Docker engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e import engine
from tests.e2e.engine import Compose
from tests.integration.conftest import interactions
from tests.programs import free_port

NewCompose = Callable[..., Compose]


@pytest.fixture(scope="session")
def _engine() -> None:
    if not engine.is_there():
        pytest.skip("no Docker engine answers; ../shared/bin/docker-up starts one in CI")


@pytest.fixture(scope="session")
def new_compose(_engine: None) -> Iterator[NewCompose]:
    """Return a function that makes a project of the compose file, with ports of its own."""
    projects: list[Compose] = []

    def new(name: str, **variables: object) -> Compose:
        ports = {"PORT": free_port(), "SECOND_PORT": free_port()}
        project = Compose(f"modelsystem-test-{name}").with_(**ports, **variables)
        projects.append(project)
        remove(project)  # a killed run may have left it
        return project

    yield new
    for project in projects:
        remove(project)


def remove(project: Compose) -> None:
    """Remove a project with its containers, volumes and networks."""
    project("--profile", "two", "down", "--volumes", "--remove-orphans", "--timeout", "1")


@pytest.fixture(scope="session")
def served(new_compose: NewCompose) -> Compose:
    """Return a project that serves build 152."""
    builds = {"BUILDNUMBER": 152, "SECOND_BUILDNUMBER": 153}
    project = new_compose("served", PARAMETERS="method=cooccurrence", **builds)
    project("build")  # images of an earlier run may be of another commit
    project.up()
    return project


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small export that a container's user may read."""
    folder = tmp_path_factory.mktemp("small")
    folder.chmod(0o755)
    (folder / "interactions.csv").write_bytes(interactions())
    return folder
