"""Loading: exactly what was published, or nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from modelsystem_scorer.engine import ServedModel
from modelsystem_shared import folder
from modelsystem_shared.errors import (
    CorruptModelError,
    IncompleteModelError,
    SettingsError,
)

Load = Callable[..., ServedModel]


def attempt(model_folder: Path) -> Path:
    """Return the folder of the published attempt."""
    return folder.published(model_folder).attempt


def test_loads_what_was_published(load: Load, model_folder: Path) -> None:
    """The model's identity is that of the marker and the manifest."""
    served = load(model_folder, BUILDNUMBER='"20180523.5"')
    assert served.info.build == "20180523.5"
    assert served.info.score == 0.148812
    assert served.info.digest == folder.published(model_folder).manifest.digest


def test_the_log_says_how_large_the_model_is_before_it_is_read(
    load: Load, copied_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also of a model that turns out to be damaged: reading a huge one takes minutes."""
    caplog.set_level("INFO")
    served = load(copied_folder)
    size = sum(file.size for file in served.published.manifest.files) / 1e6
    assert f"Verifying and mapping 18 files, {size:,.1f} MB, in " in caplog.text
    caplog.clear()
    (served.published.attempt / "trend.npy").write_bytes(b"")
    with pytest.raises(CorruptModelError):
        load(copied_folder)
    assert "Verifying and mapping" in caplog.text


def test_loads_from_the_cache(load: Load, model_folder: Path, tmp_path: Path) -> None:
    """With MODELCACHE the model folder need not exist."""
    served = load(tmp_path / "absent", MODELCACHE=str(model_folder))
    assert served.published.folder == model_folder


def test_refuses_a_folder_without_a_model(load: Load, tmp_path: Path) -> None:
    """An absent and an empty folder are incomplete."""
    for empty in (tmp_path, tmp_path / "absent"):
        with pytest.raises(IncompleteModelError, match="no complete model"):
            load(empty)


def test_refuses_another_build(load: Load, model_folder: Path) -> None:
    """A model of another build than BUILDNUMBER is an error of the settings."""
    with pytest.raises(SettingsError, match=r"BUILDNUMBER is 20180523\.50, .* build 20180523\.5$"):
        load(model_folder, BUILDNUMBER="20180523.50")


def test_refuses_a_missing_file(load: Load, copied_folder: Path) -> None:
    """The sentence names the file."""
    (attempt(copied_folder) / "similarity.npy").unlink()
    with pytest.raises(CorruptModelError, match=r"similarity\.npy is missing"):
        load(copied_folder)


def test_refuses_an_extra_file(load: Load, copied_folder: Path) -> None:
    """The sentence names the file that the manifest does not list."""
    (attempt(copied_folder) / "extra.npy").touch()
    with pytest.raises(CorruptModelError, match=r"extra\.npy is extra"):
        load(copied_folder)


def test_refuses_a_missing_attempt(load: Load, copied_folder: Path) -> None:
    """A marker without its attempt is corrupt."""
    shutil.rmtree(attempt(copied_folder))
    with pytest.raises(CorruptModelError, match=r"manifest\.json cannot be read"):
        load(copied_folder)


def test_dead_attempts_do_not_disturb(load: Load, copied_folder: Path) -> None:
    """Files beside the published attempt are ignored."""
    (copied_folder / "attempt-dead").mkdir()
    (copied_folder / "attempt-dead" / "half.npy").write_bytes(b"\x93NUM")
    assert load(copied_folder).info.build == "20180523.5"


def damage(content: bytes, random: Random) -> bytes:
    """Return the content with one byte changed, or without its end."""
    place = random.randrange(len(content))
    if random.random() < 0.5:
        return content[:place]
    return content[:place] + bytes([content[place] ^ random.randint(1, 255)]) + content[place + 1 :]


def refusals(load: Load, model_folder: Path, count: int) -> int:
    """Damage one file of the model at a time, and return how often it is refused."""
    random = Random(count)
    refused = 0
    files = sorted(path for path in model_folder.rglob("*") if path.is_file())
    for number in range(count):
        path = files[number % len(files)]  # each of them equally often
        content = path.read_bytes()
        path.write_bytes(damage(content, random))
        try:
            load(model_folder)
        except (IncompleteModelError, CorruptModelError):
            refused += 1
        path.write_bytes(content)
    assert load(model_folder).info.build == "20180523.5"
    return refused


def test_refuses_damage(load: Load, copied_folder: Path) -> None:
    """Every changed byte and every cut in marker, manifest or model files is noticed."""
    assert refusals(load, copied_folder, 50) == 50


@pytest.mark.faults
def test_refuses_damage_many_times(
    load: Load, copied_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The full count of damages."""
    refused = refusals(load, copied_folder, 500)
    with capsys.disabled():
        print(f"\n{refused} of 500 corruptions refused by the scorer")
    assert refused == 500
