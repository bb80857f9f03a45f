"""`release package` and `release tag`."""

import subprocess
from pathlib import Path

import pytest
from tests.release.conftest import Release

from modelsystem_release.artefact import artefact, origin

WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}
RUN = {
    "BUILD_BUILDID": "4711",
    "BUILD_REASON": "Schedule",
    "BUILD_REQUESTEDFOR": "Ada",
    "BUILD_REPOSITORY_URI": "https://org:word@dev.example/org/_git/modelsystem",
    "SYSTEM_COLLECTIONURI": "https://dev.example/org/",
    "SYSTEM_TEAMPROJECT": "model system",
}


def git(folder: Path, *arguments: str) -> str:
    """Run Git, with no configuration of the machine's."""
    done = subprocess.run(
        ["git", "-C", folder, *arguments],
        env=WHO | {"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone with a chart, whose last commit was a pull request."""
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: sample\nversion: 0.0.0\n")
    (chart / "values.yaml").write_text("build:\n  number: ''\nenv:\n  TENANTID: ''\n")
    (chart / "templates/a.yaml").write_text("a: {{ .Values.build.number }}\n")
    git(tmp_path, "init", "-q")
    commit(tmp_path, "Merged PR 12: Better names\n\nRelated work items: AB#77 and AB#9")
    return tmp_path


@pytest.fixture
def package(release: Release, clone: Path) -> Path:
    """Return the artefact of build 20180523.10."""
    values = ("values", "--chart", "chart", "--into", "build/b", "build.number='20180523.10'")
    assert release(*values).code == 0
    result = release("package", "build/b", "--into", "out", environ=RUN | WHO)
    assert result.code == 0, result.errors
    return clone / "out" / "20180523.10.tar.gz"


def test_an_artefact_says_where_it_comes_from(package: Path, clone: Path) -> None:
    """Commit, pull request, work items and run are annotations of the chart; no password is."""
    built = artefact.read(package)
    assert built.build == "20180523.10"
    assert built.release == "mlrelease-20180523-10"
    assert (built.chart["version"], built.chart["appVersion"]) == (
        "0.0.0-b20180523-10",
        built.build,
    )
    made_from = built.origin
    assert made_from.commit == git(clone, "rev-parse", "HEAD")
    assert (made_from.pull_request, made_from.work_items) == ("12", "9,77")
    assert (made_from.reason, made_from.started_by, made_from.run) == ("Schedule", "Ada", "4711")
    assert made_from.run_url == "https://dev.example/org/model%20system/_build/results?buildId=4711"
    assert made_from.repository == "https://dev.example/org/_git/modelsystem"


def test_the_same_input_gives_the_same_bytes(release: Release, package: Path, clone: Path) -> None:
    """Whatever the files' times; the printed SHA-256 is that of the file."""
    (clone / "build/b/templates/a.yaml").touch()
    call = ("package", "build/b", "--into", "again", "--output", "json")
    result = release(*call, environ=RUN | WHO)
    again = clone / "again" / package.name
    assert again.read_bytes() == package.read_bytes()
    assert result.json["sha256"] == artefact.read(again).sha256


def test_an_old_build_is_made_again(release: Release, package: Path, clone: Path) -> None:
    """From its tag and its artefact, byte by byte, though the chart has moved on since."""
    assert release("tag", package, environ=WHO).code == 0
    (clone / "chart/templates/a.yaml").write_text("another: chart\n")
    commit(clone, "Change the chart")
    git(clone, "worktree", "add", "-q", "then", "build/20180523.10")
    result = release("package", "then/chart", "--like", package, "--into", "again", environ=WHO)
    assert result.code == 0, result.errors
    assert (clone / "again" / package.name).read_bytes() == package.read_bytes()
    other = release("package", "chart", "--like", package, "--into", "other", environ=WHO)
    assert other.code == 0
    assert (clone / "other" / package.name).read_bytes() != package.read_bytes()


def test_a_build_is_never_overwritten(release: Release, package: Path, clone: Path) -> None:
    """The same again is nothing new; other content under the same number is refused."""
    again = ("package", "build/b", "--into", "out")
    assert release(*again, environ=RUN | WHO).code == 0
    (clone / "build/b/templates/a.yaml").write_text("other: 1\n")
    result = release(*again, environ=RUN | WHO)
    assert result.code == 2
    assert "exists with other content: a build never changes" in result.errors
    assert artefact.read(package).contents["templates/a.yaml"].startswith(b"a: ")


def test_a_tag_marks_the_builds_commit_once(release: Release, package: Path, clone: Path) -> None:
    """A second call does nothing; another artefact's is refused; it can be pushed."""
    git(clone, "init", "-q", "--bare", "remote.git")
    commit(clone, "Go on") if git(clone, "status", "--porcelain") else None
    for _ in range(2):
        result = release("tag", package, "--push", "remote.git", environ=WHO)
        assert result.code == 0, result.errors
    built = artefact.read(package)
    assert git(clone, "rev-parse", "build/20180523.10^{commit}") == built.origin.commit
    remote = git(clone / "remote.git", "for-each-ref", "--format=%(contents)")
    assert built.description in remote
    (clone / "build/b/templates/a.yaml").write_text("other: 1\n")
    release("package", "build/b", "--into", "other", environ=RUN | WHO)
    result = release("tag", "other/20180523.10.tar.gz", environ=WHO)
    assert result.code == 2
    assert "exists for another artefact" in result.errors


def test_a_secret_in_clear_is_refused(release: Release, clone: Path) -> None:
    """Unless it is allowed by its path; the message has the path and not the value."""
    values = ("values", "--file", "chart/values.yaml")
    release(*values, "build.number='1',env.BLOB_STORAGE_KEY='geheim=='")
    result = release("package", "chart", "--into", "out", environ=WHO)
    assert result.code == 2
    assert "env.BLOB_STORAGE_KEY" in result.errors
    assert "geheim" not in result.output + result.errors
    allowed = ("--allow-secret", "env.BLOB_STORAGE_KEY")
    assert release("package", "chart", "--into", "out", *allowed, environ=WHO).code == 0
    assert (clone / "out" / "1.tar.gz").exists()


@pytest.mark.parametrize("number", ["1.5", "''", "true", "null"])
def test_a_build_number_is_text(release: Release, clone: Path, number: str) -> None:
    """20180523.10 without quotes would be 20180523.1: the cure is in the message."""
    (clone / "chart/values.yaml").write_text(f"build:\n  number: {number}\n")
    result = release("package", "chart", environ=WHO)
    assert result.code == 2
    assert "write it in quotes" in result.errors


def test_outside_of_a_clone_the_origin_is_unknown(tmp_path: Path) -> None:
    """The message has Git's own reason."""
    with pytest.raises(Exception, match="not a git repository"):
        origin.of_run({}, tmp_path)
