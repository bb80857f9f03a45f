"""What the waiter's image will hold beside Python."""

import re
from importlib.metadata import distribution
from pathlib import Path

import modelsystem_shared
import modelsystem_waiter

ROOT = Path(__file__).parents[2]
MOST_BYTES = 25_000_000


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_environment_is_small() -> None:
    """All that is required, with the waiter and the contract themselves, is under 25 MB."""
    locked = (ROOT / "waiter" / "requirements.txt").read_text(encoding="utf-8")
    required = re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE)
    assert required
    files = [file.locate() for name in required for file in distribution(name).files or []]
    own = [Path(str(p.__file__)).parent for p in (modelsystem_shared, modelsystem_waiter)]
    total = sum(Path(str(f)).stat().st_size for f in files if Path(str(f)).is_file())
    total += sum(map(size, own))
    print(f"the waiter's environment: {total / 1e6:.2f} MB beside Python")
    assert 100_000 < total < MOST_BYTES
