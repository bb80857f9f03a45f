"""The manifest names every file, and is read strictly."""

import hashlib
import json
from typing import Any

import pytest

from modelsystem_shared import manifest, typed
from modelsystem_shared.errors import CorruptModelError
from modelsystem_shared.manifest import Manifest, ModelFile

A = ModelFile("a.npy", 3, "a" * 64)
B = ModelFile("b.npy", 0, "b" * 64)


def _parts(**changes: Any) -> dict[str, Any]:
    model = {"format": manifest.FORMAT, "build": "20180523.10", "files": manifest.listing([A, B])}
    return {"model": model | changes, "run": {}}


def test_what_is_written_is_read() -> None:
    """A manifest survives its own bytes, also with keys of a later version."""
    written = Manifest(_parts(later={"ndcg@20": 0.148812})["model"], {"host": "Zoë"})
    assert manifest.parse(written.to_bytes()) == written


def test_the_bytes_do_not_depend_on_the_order_of_making() -> None:
    """Equal content gives equal bytes."""
    model = _parts()["model"]
    turned = dict(reversed(model.items()))
    assert Manifest(model, {}).to_bytes() == Manifest(turned, {}).to_bytes()


def test_the_build_keeps_its_zeros() -> None:
    """20180523.10 is a name, not the number 20180523.1."""
    assert manifest.parse(json.dumps(_parts()).encode()).build == "20180523.10"


def test_the_listing_is_by_name() -> None:
    """The order in which files were written does not show."""
    assert manifest.listing([B, A]) == manifest.listing([A, B])


def test_the_model_digest_is_what_sha256sum_would_give() -> None:
    """Anybody can check it with `sha256sum *.npy | sha256sum`, in any order of files."""
    lines = f"{'a' * 64}  a.npy\n{'b' * 64}  b.npy\n"
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert manifest.model_digest([B, A]) == Manifest(**_parts()).digest == expected


def test_the_drawings_are_files_that_a_manifest_may_list() -> None:
    """A report and its plots are files of the model like any other."""
    drawings = [ModelFile(name, 1, "c" * 64) for name in (manifest.REPORT, *manifest.PLOTS)]
    written = Manifest(_parts(files=manifest.listing(drawings))["model"], {})
    assert manifest.parse(written.to_bytes()).files == tuple(sorted(drawings, key=_name))


def _name(file: ModelFile) -> str:
    return file.name


def _file(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "a.npy", "size": 3, "sha256": "a" * 64} | changes]


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 1},
        {"files": []},
        {"files": None},
        {"files": ["a.npy"]},
        {"files": _file() * 2},
        {"files": _file(name="../a.npy")},
        {"files": _file(name="sub/a.npy")},
        {"files": _file(name="a.npy\n")},
        {"files": _file(name=7)},
        {"files": _file(size=-1)},
        {"files": _file(size=True)},
        {"files": _file(size="3")},
        {"files": _file(sha256="A" * 64)},
        {"files": _file(sha256="a" * 65)},
        {"files": _file(sha256=None)},
        {"files": _file(colour="red")},
    ],
)
def test_a_bad_model_part_is_refused(changes: dict[str, Any]) -> None:
    """Another format, or a file that is not plainly described, is corruption."""
    with pytest.raises(CorruptModelError, match=manifest.NAME):
        manifest.parse(json.dumps(_parts(**changes)).encode())


@pytest.mark.parametrize("gone", ["format", "build", "files"])
def test_a_missing_key_is_refused(gone: str) -> None:
    """Format, build and files are always there."""
    parts = _parts()
    del parts["model"][gone]
    with pytest.raises(CorruptModelError, match=gone):
        manifest.parse(json.dumps(parts).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"model": 1}', b"\xff", b"{}"])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    """Other files end in a sentence, not in a traceback."""
    with pytest.raises(CorruptModelError):
        manifest.parse(content)


@pytest.mark.parametrize(
    ("part", "changes", "sentence"),
    [
        ("model", {"data": {"rows": 7}}, "model.data.location is missing"),
        ("model", {"tenant": 7}, "model.tenant is not a text"),
        ("model", {"trend": [{"half_life": "7", "ndcg": 0.1}]}, "half_life is not a number"),
        ("run", {"seconds": "long"}, "run.seconds is not a number"),
    ],
)
def test_a_part_of_another_shape_is_refused(
    part: str, changes: dict[str, Any], sentence: str
) -> None:
    """Readers rely on the types: the first fault is named with its place."""
    parts = _parts()
    parts[part] |= changes
    with pytest.raises(CorruptModelError, match=sentence):
        manifest.parse(json.dumps(parts).encode())


def test_an_older_format_is_refused_with_the_cure() -> None:
    """A model of format 1 can be read by the images of its own build only."""
    parts = _parts(format=1, lately=[])
    with pytest.raises(CorruptModelError, match=r"format 1.*reads format 2.*its own build"):
        manifest.parse(json.dumps(parts).encode())


def test_a_gain_may_lack_what_older_builds_did_not_measure() -> None:
    """Their manifests have neither novelty nor coverage; what is there must be of its type."""
    interval = {"mean": 0.1, "low": 0, "high": 0.2}
    older = {"recall": interval, "ndcg": interval}
    for gain in (older, {**older, "novelty": interval, "coverage": -0.1}):
        typed.checked(manifest.Gain, gain, "gain")
    with pytest.raises(ValueError, match=r"gain\.novelty is not an object"):
        typed.checked(manifest.Gain, {**older, "novelty": 0.1}, "gain")
