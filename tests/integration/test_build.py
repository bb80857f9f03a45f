"""One build as a cluster runs it: waiter, trainer and scorer share only the model folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.conftest import BUILD, QUICK, Serve, Site, Start
from tests.programs import Ended, free_port, run

from modelsystem_shared import folder

Train = Callable[[Path], Ended]


@pytest.fixture
def train(small_export: Path) -> Train:
    """Return a function that trains the build in a folder."""

    def once(model_folder: Path) -> Ended:
        return run("trainer", MODELFOLDER=model_folder, CSV_FOLDER=small_export, **QUICK)

    return once


def check_answers(site: Site, score: str) -> None:
    """Check that a site serves this build, and recommends new items with their titles."""
    assert site.ask("/") == f"Score: {score}\nBuild Number:{BUILD}\n"
    history = ["course-1", "course-2"]
    answer = site.ask("/v1/recommendations", {"items": history, "k": 5})
    assert answer["fallback"] is None
    assert len(answer["items"]) == 5
    for item in answer["items"]:
        assert item["item_id"] not in history
        assert item["title"] == item["item_id"].replace("course-", "Course Number ")
    of_user = site.ask("/v1/users/learner-7/recommendations?k=3")
    assert of_user["fallback"] is None
    assert len(of_user["items"]) == 3


def test_waiter_then_trainer_then_scorer(
    start: Start, serve: Serve, train: Train, target: Path
) -> None:
    """The waiter waits until the model is complete; the scorer serves exactly that model."""
    waiter = start("waiter", MODELFOLDER=target, BUILDNUMBER=BUILD, WAIT_TIMEOUT=60)
    waiter.until("File not found!")
    trained = train(target)
    assert trained.code == 0, trained.output
    assert f"Wrote: {target}/complete.txt" in trained.output
    waited = waiter.end()
    assert waited.code == 0, waited.output
    assert "File found" in waited.output.splitlines()[-1]
    score = (target / "complete.txt").read_text().splitlines()[0]
    site = serve(MODELFOLDER=target, BUILDNUMBER=BUILD)
    check_answers(site, score)
    site.program.process.terminate()
    assert site.program.end().code == 0


def test_a_cached_model_needs_no_folder(
    start: Start, serve: Serve, train: Train, target: Path, tmp_path: Path
) -> None:
    """With MODELCACHE the scorer serves the waiter's copy, without the model folder."""
    settings = {"MODELFOLDER": target, "MODELCACHE": tmp_path / "cache", "BUILDNUMBER": BUILD}
    waiter = start("waiter", **settings, WAIT_TIMEOUT=60)
    waiter.until("File not found!")
    train(target)
    assert waiter.end().code == 0
    score = folder.published(target).marker.score
    target.rename(tmp_path / "away")
    check_answers(serve(**settings), score)


@pytest.fixture
def trained(train: Train, target: Path) -> Path:
    """Return the folder of a complete build."""
    assert train(target).code == 0
    return target


def refusals(**variables: object) -> list[Ended]:
    """Return how a waiter and a scorer end that refuse a model."""
    return [
        run("waiter", **variables, WAIT_TIMEOUT=30, VERIFY_TIMEOUT=1),
        run("scorer", **variables, HOST="127.0.0.1", PORT=free_port()),
    ]


def test_a_corrupt_model_is_refused(trained: Path) -> None:
    """One changed byte ends waiter and scorer with 4, and both name the file."""
    path = folder.published(trained).attempt / "similarity.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    for ended in refusals(MODELFOLDER=trained):
        assert ended.code == 4, ended.output
        assert f"{path} does not have the digest in manifest.json" in ended.output


def test_a_model_of_another_build_is_refused(trained: Path) -> None:
    """A complete model of another build ends waiter and scorer with 2, and both name the two."""
    for ended in refusals(MODELFOLDER=trained, BUILDNUMBER="20180523.50"):
        assert ended.code == 2, ended.output
        assert "BUILDNUMBER is 20180523.50" in ended.output
        assert f"is of build {BUILD}" in ended.output


def test_a_corrupt_cache_is_refused(trained: Path, tmp_path: Path) -> None:
    """A damaged copy is not served, and the next waiter replaces it."""
    settings = {"MODELFOLDER": trained, "MODELCACHE": tmp_path / "cache"}
    assert run("waiter", **settings).code == 0
    (folder.published(tmp_path / "cache").attempt / "items.ends.npy").unlink()
    scorer = run("scorer", **settings, HOST="127.0.0.1", PORT=free_port())
    assert scorer.code == 4
    assert "items.ends.npy is missing" in scorer.output
    assert run("waiter", **settings).code == 0
    folder.verify(folder.published(tmp_path / "cache"))
