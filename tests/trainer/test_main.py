"""The trainer as a process: its log, its files, its exit codes."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modelsystem_shared import folder, progress
from modelsystem_shared.numeric import model
from modelsystem_shared.progress import Progress

Start = Callable[..., Any]
Environ = dict[str, object]
Snapshot = Callable[[Path], dict[str, tuple[bytes, int]]]
Files = Callable[..., dict[str, str]]


def test_it_logs_folder_build_and_score(trained: Any) -> None:
    """The lines of the seed system are in the log, and the score is the marker's."""
    place = trained.model_folder
    assert trained.messages[:2] == [f"Model Folder: {place}", "Build Number: 20180523.5"]
    assert trained.messages[-2:] == [
        f"Wrote: {place / 'complete.txt'}",
        f"Score: {trained.published.marker.score}",
    ]
    assert any(message.startswith("Parameters: method=") for message in trained.messages)
    assert any(message.startswith("search: ") for message in trained.messages)


def test_the_folder_holds_one_whole_model(trained: Any) -> None:
    """A marker and one attempt, with nothing in it that the manifest does not list."""
    published = trained.published
    names = {path.name for path in published.folder.iterdir()}
    assert names == {"complete.txt", published.attempt.name}
    assert (published.marker.build, published.manifest.build) == ("20180523.5", "20180523.5")
    assert str(progress.latest(published.attempt)).startswith("fit: ")


def test_the_model_serves_the_whole_export(trained: Any) -> None:
    """All users are in it, gate users too, and titles; it recommends within clusters."""
    loaded = model.load(trained.published.attempt)
    assert (len(loaded.users), len(loaded.items)) == (400, 120)
    place = loaded.items.find("i7")
    assert place is not None
    assert loaded.titles[place] == "Item 7"
    assert len(loaded.history.indices) == trained.published.manifest.model["data"]["interactions"]
    near = loaded.similar[place][:5]
    assert [int(loaded.items[int(item)][1:]) // 30 for item in near] == [0] * 5


def test_threads_places_and_files_do_not_matter(
    start: Start, make_folder: Any, clustered_files: Files, trained: Any
) -> None:
    """Rows in another order, in files of other names elsewhere, four threads: the same bytes."""
    files = clustered_files()
    header, *rows = files["clicks-1.csv"].split("\n")
    renamed = {
        "z/1.csv.gz": files["clicks-1.csv"],
        "a.csv": files["clicks-2.csv.gz"].replace("\n", "\r\n"),
        "b/items.csv": "\ufeff" + files["items.csv"],
    }
    cut = files | {
        "clicks-1.csv": "\n".join([header, *rows[:9:-1]]),
        "clicks-3.csv": "\n".join([header, *rows[:10]]),
    }
    others = [start(CSV_FOLDER=make_folder(export), THREADS=4) for export in (files, renamed, cut)]
    for other in others:
        assert model_files(other) == model_files(trained)
        assert other.published.manifest.digest == trained.published.manifest.digest
    parts = [trainer.published.manifest.model for trainer in (trained, others[0])]
    locations = {part["data"].pop("location") for part in parts}
    assert (parts[0], len(locations)) == (parts[1], 2)


def test_a_model_without_histories_says_so(
    start: Start, clustered_export: Path, trained: Any
) -> None:
    """HISTORIES=off leaves users out of the files; the manifest keeps the figures and says it."""
    small = start(
        CSV_FOLDER=clustered_export, HISTORIES="off", CHAMPIONFOLDER=trained.model_folder
    ).published
    part, whole = small.manifest.model, trained.published.manifest.model
    assert part["settings"]["HISTORIES"] == "off"
    assert part["data"]["users"] == whole["data"]["users"] == 400
    assert part["data"]["history_lengths"] == whole["data"]["history_lengths"]
    assert part["metrics"]["gate"]["model"] == whole["metrics"]["gate"]["model"]
    sizes = {file.name: file.size for file in small.manifest.files}
    assert sizes["history.indices.npy"] == sizes["confidence.npy"] == sizes["users.ends.npy"] == 128
    again = start(CSV_FOLDER=clustered_export, CHAMPIONFOLDER=small.folder, PARAMETERS="a=0.5")
    assert again.code == 0, again.output


def model_files(trainer: Any) -> dict[str, bytes]:
    return {
        file.name: (trainer.published.attempt / file.name).read_bytes()
        for file in trainer.published.manifest.files
    }


def test_two_at_once_publish_one_model(start: Start, quick: Environ) -> None:
    """Both end 0; one wrote, and the other stood back or found it complete."""
    first = start(**quick)
    second = start(**quick, MODELFOLDER=first.model_folder)
    assert (first.code, second.code) == (0, 0)
    messages = first.messages + second.messages
    assert len([message for message in messages if message.startswith("Wrote: ")]) == 1
    assert first.published == second.published


def test_the_slower_one_stands_back(start: Start, quick: Environ, snapshot: Snapshot) -> None:
    """A trainer that is done after another published logs it, ends 0 and changes nothing."""
    slow = start(**quick)
    slow.pause()
    fast = start(**quick, MODELFOLDER=slow.model_folder)
    before = snapshot(fast.published.attempt)
    slow.resume()
    assert slow.code == 0, slow.output
    assert any(message.startswith("Stood back: attempt-") for message in slow.messages)
    assert not any(message.startswith("Wrote: ") for message in slow.messages)
    assert snapshot(fast.published.attempt) == before


def test_the_slower_one_of_other_settings_does_not_pass(start: Start, quick: Environ) -> None:
    """The model that was published meanwhile has other settings: it ends 2."""
    slow = start(**quick, NEIGHBOURS=7)
    slow.pause()
    fast = start(**quick, MODELFOLDER=slow.model_folder)
    assert fast.published
    slow.resume()
    assert slow.code == 2, slow.output
    assert slow.messages[-1].startswith("NEIGHBOURS is 7, but this folder's complete model")
    assert folder.published(slow.model_folder) == fast.published


def test_sigterm_ends_it_with_a_reason(start: Start, quick: Environ) -> None:
    """Stopped in its training it ends 1, and records that a retry can help."""
    trainer = start(**quick)
    trainer.pause()
    trainer.process.send_signal(signal.SIGTERM)
    trainer.resume()
    assert trainer.code == 1, trainer.output
    assert trainer.messages[-1] == "stopped by SIGTERM"
    recorded = [progress.failure(path) for path in folder.attempts(trainer.model_folder)]
    (failure,) = [failure for failure in recorded if failure]
    assert (failure.reason, failure.retry_helps) == (trainer.messages[-1], True)
    assert failure.exit_code == 1
    assert folder.read_marker(trainer.model_folder) is None


def test_leftovers_of_a_killed_training_have_no_effect(start: Start, quick: Environ) -> None:
    """After a SIGKILL the next training in the folder succeeds."""
    killed = start(**quick)
    killed.pause()
    killed.process.kill()
    assert killed.process.wait() == -signal.SIGKILL
    again = start(**quick, MODELFOLDER=killed.model_folder)
    assert again.published
    assert len(folder.attempts(killed.model_folder)) == 2


def test_scratch_files_are_removed(start: Start, quick: Environ, tmp_path: Path) -> None:
    """Nothing stays that it wrote outside of the model folder."""
    trainer = start(**quick, TMPDIR=tmp_path)
    assert trainer.published
    assert not list(tmp_path.iterdir())


def test_a_tiny_export_is_trained_on(start: Start, make_folder: Any) -> None:
    """Three interactions give a model."""
    content = "user_id,item_id\nu,i\nu,j\nv,i\n"
    trainer = start(CSV_FOLDER=make_folder({"clicks.csv": content}))
    assert model.load(trainer.published.attempt).trend.tolist() == [1, 0.5]
    assert np.isfinite(float(trainer.published.marker.score))


def test_the_log_says_how_many_rows_are_lost(start: Start, make_folder: Any) -> None:
    """A stray quote is one malformed row and costs two; TENANTID needs a column."""
    content = 'user_id,item_id\nu,i\nu,j\nv,i\nw,"i\nx,j\n'
    trainer = start(
        CSV_FOLDER=make_folder({"clicks.csv": content}), MAX_BAD_ROWS=2, TENANTID="acme"
    )
    assert trainer.code == 0, trainer.output
    assert "Lost 2 of 5 rows, which are malformed" in trainer.messages
    assert any(message.startswith("TENANTID has no effect") for message in trainer.messages)
    rejected = (trainer.published.attempt / "rejected.csv").read_text().splitlines()
    assert rejected[1] == "clicks.csv,5,2,not RFC 4180: a quote is not closed"


def test_help_names_every_variable(start: Start) -> None:
    """`--help` shows variables and exit codes; any other argument is refused."""
    helped, refused = start("--help"), start("--verbose")
    assert (helped.code, refused.code) == (0, 2)
    assert "BLOB_STORAGE_KEY" in helped.output
    assert "exit codes" in helped.output
    assert not helped.model_folder.exists()


def test_sigterm_ends_the_reading_of_a_large_file(start: Start, make_folder: Any) -> None:
    """It ends in the middle of a file, and says so."""
    rows = b"".join(b"user-%07d,item-%06d\n" % (n % 99_991, n % 9_973) for n in range(1_000_000))
    content = b"user_id,item_id\n" + rows * 6
    trainer = start(CSV_FOLDER=make_folder({"a.csv": content}), THREADS=2)
    while not (now := latest(trainer.model_folder)) or now.phase == "start":
        assert trainer.process.poll() is None, trainer.output
        time.sleep(0.01)
    assert (now.phase, 0 < now.done < 1) == ("read", True)
    trainer.process.send_signal(signal.SIGTERM)
    assert trainer.code == 1, trainer.output
    assert trainer.messages[-1] == "stopped by SIGTERM"
    assert not any(message.startswith("Read ") for message in trainer.messages)


def latest(model_folder: Path) -> Progress | None:
    """Return the latest progress of the only attempt."""
    return next((progress.latest(attempt) for attempt in folder.attempts(model_folder)), None)
