"""The pods of an Indexed Job, as processes on one folder: index 0 publishes, the others help."""

from collections.abc import Callable
from pathlib import Path

from tests.trainer.conftest import Trainer

from modelsystem_shared import folder

Start = Callable[..., Trainer]
ONE = {"ENGINE": "indexed", "THREADS": 1, "LOG_FORMAT": "json"}


def test_four_pods_make_the_model_of_one_process(
    start: Start, clustered_export: Path, trained: Trainer, tmp_path: Path
) -> None:
    """The digest is the same; all end with 0, and nothing of an engine is left."""
    pod = ONE | {"CSV_FOLDER": clustered_export, "MODELFOLDER": tmp_path / "20180523.5"}
    helpers = [start(**pod, JOB_COMPLETION_INDEX=index) for index in (1, 2, 3)]
    driver = start(**pod, JOB_COMPLETION_INDEX=0)
    assert driver.published.manifest.digest == trained.published.manifest.digest
    for index, helper in enumerate(helpers, 1):
        assert helper.code == 0, helper.output
        assert f"The build is published: index {index} ends" in helper.messages[-1]
    [attempt] = folder.attempts(driver.model_folder)
    assert not [path for path in attempt.iterdir() if path.is_dir()]


def test_index_0_needs_no_helper(start: Start, clustered_export: Path, trained: Trainer) -> None:
    """The pods that never come are missed by nobody."""
    driver = start(CSV_FOLDER=clustered_export, **ONE)
    assert driver.published.manifest.digest == trained.published.manifest.digest


def test_a_helper_of_a_complete_build_ends(start: Start, trained: Trainer, tmp_path: Path) -> None:
    """It changes nothing, whatever the export is now: index 0 judges."""
    helper = start(
        **ONE, MODELFOLDER=trained.model_folder, CSV_FOLDER=tmp_path, JOB_COMPLETION_INDEX=2
    )
    assert helper.code == 0, helper.output
    assert "The build is published" in helper.messages[-1]


def test_a_helper_leaves_no_failure_in_the_folder(start: Start, tmp_path: Path) -> None:
    """Index 0 has the same wrong settings, and says so."""
    pod = ONE | {"CSV_FOLDER": tmp_path, "MODELFOLDER": tmp_path / "1", "NEIGHBOURS": "many"}
    assert start(**pod, JOB_COMPLETION_INDEX=1).code == 2
    assert not folder.attempts(tmp_path / "1")
    assert start(**pod, JOB_COMPLETION_INDEX=0).code == 2
    assert len(folder.attempts(tmp_path / "1")) == 1


def test_spark_is_an_extra(start: Start, clustered_export: Path) -> None:
    """Where it is not installed the message says how to get it."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        ended = start(CSV_FOLDER=clustered_export, ENGINE="spark")
        assert ended.code == 2
        assert "install modelsystem-trainer[spark]" in ended.messages[-1]
