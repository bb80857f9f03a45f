"""A model folder is complete or the model is absent."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelsystem_shared import folder, manifest, marker, progress
from modelsystem_shared.errors import CorruptModelError, IncompleteModelError, SettingsError
from modelsystem_shared.folder import Published
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.marker import Marker
from modelsystem_shared.progress import Failure, Progress

MakePublished = Callable[..., Published]
MakeAttempt = Callable[..., tuple[Path, Manifest]]


def test_a_published_model_verifies(make_published: MakePublished) -> None:
    """What was published is read back whole, with its score, build and place."""
    model = make_published(build="20180523.10")
    folder.verify(model)
    assert model.marker.score == "0.148812"
    assert model.marker.build == model.manifest.build == "20180523.10"
    assert (model.attempt / "similarity.npy").is_file()


def test_a_model_of_another_build_is_refused(make_published: MakePublished) -> None:
    """Both builds and the variable are named; the right build is accepted."""
    model = make_published(build="20180523.10")
    assert folder.published(model.folder, "20180523.10") == model
    with pytest.raises(SettingsError, match=r"^BUILDNUMBER is 7, but .* is of build 20180523\.10$"):
        folder.published(model.folder, "7")


@pytest.mark.parametrize(
    ("theirs", "ours", "sentence"),
    [
        ("acme", "globex", r"^TENANTID is globex, but .* is of tenant acme$"),
        ("acme", None, r"^TENANTID is not set, but .* is of tenant acme$"),
        (None, "globex", r"^TENANTID is globex, but .* is of tenant none$"),
    ],
)
def test_a_model_of_another_tenant_is_refused(
    make_published: MakePublished, theirs: str | None, ours: str | None, sentence: str
) -> None:
    """Tenants have builds of the same number, signed by the same key; the right one is accepted."""
    model = make_published(tenant=theirs)
    build = model.marker.build
    assert folder.published(model.folder, build, tenant=theirs) == model
    assert folder.published(model.folder) == model
    with pytest.raises(SettingsError, match=sentence):
        folder.published(model.folder, build, tenant=ours)


def test_a_folder_that_is_not_there_is_incomplete(tmp_path: Path) -> None:
    """The site may look before the Job has made the folder."""
    missing = tmp_path / "20180523.5"
    assert folder.attempts(missing) == []
    assert folder.marker_bytes(missing) is None
    with pytest.raises(IncompleteModelError, match=r"complete\.txt"):
        folder.published(missing)


def test_attempts_are_listed_and_nothing_else(tmp_path: Path) -> None:
    """Other files and folders are no attempts."""
    names = [folder.new_attempt_name() for _ in range(3)]
    for name in [*names, "lost+found", "attempt-", "attempt-x.tmp"]:
        (tmp_path / name).mkdir()
    assert [path.name for path in folder.attempts(tmp_path)] == sorted(names)


def test_an_attempt_without_marker_is_incomplete(tmp_path: Path, make_attempt: MakeAttempt) -> None:
    """A whole attempt whose trainer died before the marker is no model."""
    make_attempt()
    with pytest.raises(IncompleteModelError):
        folder.published(tmp_path)


def test_a_marker_cut_anywhere_is_incomplete(make_published: MakePublished) -> None:
    """A marker seen before all its content is a model that is not there yet."""
    model = make_published()
    whole = model.marker.to_bytes()
    for length in range(len(whole)):
        (model.folder / marker.NAME).write_bytes(whole[:length])
        with pytest.raises(IncompleteModelError):
            folder.published(model.folder)


def test_the_longest_allowed_build_number_can_be_read_back(
    tmp_path: Path, make_marker: Callable[..., Marker]
) -> None:
    """A marker that a trainer may write is never too long for a reader."""
    written = make_marker(attempt="attempt-" + "a" * 100, build="\U0001f382" * 1000)
    (tmp_path / marker.NAME).write_bytes(written.to_bytes())
    assert folder.read_marker(tmp_path) == written


def test_every_changed_byte_of_the_manifest_is_refused(make_published: MakePublished) -> None:
    """The marker vouches for each byte of the manifest."""
    model = make_published()
    path = model.attempt / manifest.NAME
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(CorruptModelError, match=r"manifest\.json"):
            folder.published(model.folder)


def test_a_missing_manifest_is_refused(make_published: MakePublished) -> None:
    """A marker without its manifest is corruption, not absence."""
    model = make_published()
    (model.attempt / manifest.NAME).unlink()
    with pytest.raises(CorruptModelError, match=r"manifest\.json cannot be read"):
        folder.published(model.folder)


def test_marker_and_manifest_must_be_of_one_build(
    make_published: MakePublished, make_marker: Callable[..., Marker]
) -> None:
    """A marker copied beside another build's model is refused."""
    model = make_published()
    other = Marker("1", model.attempt.name, "20180524.1", model.marker.manifest_sha256)
    (model.folder / marker.NAME).write_bytes(other.to_bytes())
    with pytest.raises(CorruptModelError, match=r"20180523\.5.*20180524\.1"):
        folder.published(model.folder)


def test_a_missing_file_is_refused_by_name(make_published: MakePublished) -> None:
    """Each file of the manifest must be there."""
    model = make_published()
    (model.attempt / "items.ends.npy").unlink()
    with pytest.raises(CorruptModelError, match=r"items\.ends\.npy is missing"):
        folder.verify(model)


@pytest.mark.parametrize("content", [b"", b"Ends", b"end", b"ends "])
def test_a_changed_file_is_refused_by_name(make_published: MakePublished, content: bytes) -> None:
    """Each file's bytes must be those of the manifest: changed, cut or grown is refused."""
    model = make_published()
    (model.attempt / "items.ends.npy").write_bytes(content)
    with pytest.raises(CorruptModelError, match=r"items\.ends\.npy does not have the digest"):
        folder.verify(model)


@pytest.mark.parametrize("name", ["items.ends.npy", "similarity.npy"])
def test_each_file_is_hashed(make_published: MakePublished, name: str) -> None:
    """The first and the last file of the manifest count like any other."""
    model = make_published()
    content = (model.attempt / name).read_bytes()
    (model.attempt / name).write_bytes(content[:-1] + b"?")
    with pytest.raises(CorruptModelError, match=f"{name} does not have the digest"):
        folder.verify(model)


def test_digests_are_compared_to_the_last_digit(make_published: MakePublished) -> None:
    """A digest that only begins like the right one is refused, in marker and manifest."""
    model = make_published()
    digest = model.marker.manifest_sha256
    almost = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    forged = replace(model.marker, manifest_sha256=almost)
    (model.folder / marker.NAME).write_bytes(forged.to_bytes())
    with pytest.raises(CorruptModelError, match="does not have the digest"):
        folder.published(model.folder)
    (file, *_) = model.manifest.files
    with pytest.raises(CorruptModelError, match="does not have the digest"):
        folder.check_file(model.attempt / file.name, file, file.sha256[:-1] + "x")


def test_a_folder_in_a_files_place_is_refused_by_name(make_published: MakePublished) -> None:
    """What cannot be read as a file is corruption."""
    model = make_published()
    (model.attempt / "items.ends.npy").unlink()
    (model.attempt / "items.ends.npy").mkdir()
    with pytest.raises(CorruptModelError, match=r"items\.ends\.npy is not a plain file"):
        folder.verify(model)


@pytest.mark.parametrize("name", ["extra.npy", progress.FAILED])
def test_an_extra_file_is_refused_by_name(make_published: MakePublished, name: str) -> None:
    """A file that no manifest covers could have come from anybody."""
    model = make_published()
    (model.attempt / name).write_bytes(b"")
    with pytest.raises(CorruptModelError, match=f"{name} is extra"):
        folder.verify(model)


def test_a_missing_attempt_is_refused(make_published: MakePublished) -> None:
    """A marker that names a folder which is gone is corruption."""
    model = make_published()
    model.attempt.rename(model.folder / "elsewhere")
    with pytest.raises(CorruptModelError, match="attempt-a cannot be read"):
        folder.verify(model)


def test_the_progress_file_may_differ(make_published: MakePublished) -> None:
    """A last heartbeat after publication harms nothing."""
    model = make_published()
    progress.append(model.attempt, Progress("publish", 1.0, 7))
    folder.verify(model)


def test_leftovers_of_other_attempts_do_not_disturb(
    make_published: MakePublished, make_attempt: MakeAttempt
) -> None:
    """Only the published attempt is the model."""
    model = make_published()
    dead, _ = make_attempt("attempt-dead")
    progress.fail(dead, Failure("the data was bad", retry_helps=False, exit_code=3))
    folder.verify(folder.published(model.folder))
