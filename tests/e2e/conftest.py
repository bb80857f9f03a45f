"""The system in containers; whoever asks for them needs an engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e import engine
from tests.e2e.engine import Compose
from tests.integration.conftest import free_port, interactions

NewCompose = Callable[..., Compose]


@pytest.fixture(scope="session")
def _engine() -> None:
    if not engine.is_there():
        pytest.skip("no Docker engine answers; ../shared/bin/docker-up starts one in CI")


@pytest.fixture(scope="session")
def new_compose(_engine: None) -> Iterator[NewCompose]:
    """Return a function that makes a project of the compose file, with ports of its own."""
    made: list[Compose] = []

    def new(name: str, **variables: object) -> Compose:
        ports = {"PORT": free_port(), "SECOND_PORT": free_port()}
        project = Compose(f"modelsystem-test-{name}").with_(**ports, **variables)
        made.append(project)
        remove(project)  # what a killed run left
        return project

    yield new
    for project in made:
        remove(project)


def remove(project: Compose) -> None:
    """Remove all that a project has."""
    project("--profile", "two", "down", "--volumes", "--remove-orphans", "--timeout", "1")


@pytest.fixture(scope="session")
def served(new_compose: NewCompose) -> Compose:
    """Return a project in which build 152 was brought up and is served."""
    builds = {"BUILDNUMBER": 152, "SECOND_BUILDNUMBER": 153}
    project = new_compose("served", PARAMETERS="method=cooccurrence", **builds)
    project("build")  # what an earlier run has left may be of another commit
    project.up()
    return project


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small export that a container's user may read."""
    folder = tmp_path_factory.mktemp("small")
    folder.chmod(0o755)
    (folder / "interactions.csv").write_bytes(interactions())
    return folder
