"""The tests of each workload pass inside its image, on the image's Python and as its user.

`make isolated` runs them on the Python of the machine, which may be another version.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.engine import ROOT, docker, run

WORKLOADS = ("trainer", "scorer", "waiter")
SHARED_FOLDER = ROOT.parent / "shared"  # with the datasets that some tests read
# The image has no pip of its own; the base image has one.
DOCKERFILE = b"""
ARG IMAGE
FROM $IMAGE
USER root
COPY tests/requirements/run.txt /
RUN /usr/local/bin/python -m pip install --disable-pip-version-check --quiet \\
    --root-user-action ignore --require-hashes -r /run.txt --target /runner
COPY . /src
USER 10001:10001
ENV PYTHONPATH=/runner HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis
# Else each training of a test would compile its loops again.
ENV NUMBA_CACHE_DIR=/tmp/numba
WORKDIR /src
ENTRYPOINT ["python", "-m", "pytest", "-p", "no:cacheprovider", "-m", "not faults", "-q"]
"""

pytestmark = pytest.mark.usefixtures("served")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build context: the tests, and the sources that some of them read."""
    path = tmp_path_factory.mktemp("context") / "context.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:  # what Docker recognises
        for source in sources():
            tar.add(source, source.relative_to(ROOT), recursive=False)
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(DOCKERFILE)
        tar.addfile(member, io.BytesIO(DOCKERFILE))
    return path


def sources() -> Iterator[Path]:
    """Yield the files that the tests read."""
    patterns = ("pyproject.toml", "demo/*", "docs/*.md", "tests/**/*", "*/src/**/*.py")
    patterns += ("*/requirements.txt",)
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


@pytest.mark.parametrize(
    ("workload", "package"), [(w, w) for w in WORKLOADS] + [("trainer", "shared")]
)
def test_the_tests_pass_on_the_image(context: Path, workload: str, package: str) -> None:
    """None is skipped, and the Python is the one that the Dockerfiles name."""
    name = f"modelsystem-test/{workload}:152"
    build = f"docker build --quiet --build-arg IMAGE=modelsystem/{workload}:152 -t {name} -"
    run("bash", "-c", f"{build} <{context}")
    data = ("-v", f"{SHARED_FOLDER}:/shared:ro") if SHARED_FOLDER.is_dir() else ()
    # --init: a process whose parent was killed is reaped, as on any machine.
    limits = ("--init", "--read-only", "--tmpfs", "/tmp:mode=1777,exec", "--cap-drop", "ALL")
    command = ("docker", "run", "--rm", *limits, *data, name, f"tests/{package}")
    output = run(*command).stdout
    assert " passed" in output
    assert " skipped" not in output
    version = docker("run", "--rm", "--entrypoint", "python", name, "--version")
    assert version.startswith("Python 3.13.")
