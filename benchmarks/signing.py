"""What signatures cost: the waiter with and without TRUSTED_KEYS, a training with and without key.

`.venv/bin/python benchmarks/signing.py` lets the waiter check a signed model of 300 MB; with an
export, `benchmarks/signing.py FOLDER`, it also trains on it. CPU seconds (user and system) of whole
processes, the least of some runs, which alternate.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from modelsystem_shared import folder, manifest, publication
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.signing import KeyFile, sign_model

RUNS, TRAININGS = 5, 2
PARAMETERS = "method=ridge,a=0.25,lam=160,b=0.1,c=-0.05"
FILES, BYTES = 12, 25_000_000
BUILD = "1"


def cpu_seconds(program: str, **variables: object) -> float:
    """Run a workload to its end and return its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environ = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    subprocess.run(
        [Path(sys.executable).with_name(f"modelsystem-{program}")],
        env=environ,
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def keys(work: Path) -> None:
    """Write a pair of keys."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (work / "key.pem").write_bytes(private)
    (work / "key.pub").write_bytes(public)


def large_model(target: Path, key: KeyFile) -> None:
    """Publish files of random bytes as a signed model."""
    attempt = target / "attempt-a"
    attempt.mkdir(parents=True)
    written = [
        publication.write(attempt, f"file{number}.npy", os.urandom(BYTES))
        for number in range(FILES)
    ]
    listed = manifest.listing(written)
    content = Manifest({"format": manifest.FORMAT, "build": BUILD, "files": listed}, {})

    def sign(name: str, digests: Mapping[str, str]) -> bytes:
        return sign_model(key, name, digests, folder.UNSIGNED)

    publication.publish(target, attempt, content, "0.1", sign)


def check(work: Path) -> None:
    """Print what the waiter takes without and with keys."""
    large_model(work / "large", KeyFile(work / "key.pem"))
    waiting = {"MODELFOLDER": work / "large", "BUILDNUMBER": BUILD, "WAIT_TIMEOUT": 60}
    without, with_ = [], []
    for _ in range(RUNS):
        without.append(cpu_seconds("waiter", **waiting))
        with_.append(cpu_seconds("waiter", **waiting, TRUSTED_KEYS=work / "key.pub"))
    show("the waiter's check", without, with_)


def training(work: Path, export: str) -> None:
    """Print what a training with given parameters takes without and with a key."""
    values = {"CSV_FOLDER": export, "BUILDNUMBER": BUILD, "PARAMETERS": PARAMETERS}
    without, with_ = [], []
    for number in range(TRAININGS):
        without.append(cpu_seconds("trainer", **values, MODELFOLDER=work / f"plain-{number}"))
        signing = {"SIGNING_KEY_FILE": work / "key.pem", "MODELFOLDER": work / f"signed-{number}"}
        with_.append(cpu_seconds("trainer", **values, **signing))
    show("a training", without, with_)


def show(name: str, without: list[float], with_: list[float]) -> None:
    """Print the least CPU seconds of each, and their ratio."""
    ratio = min(with_) / min(without)
    print(f"{name}: {min(without):.3f} s without, {min(with_):.3f} s with keys: {ratio:.3f} times")


def main() -> None:
    """Measure, and print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        keys(work)
        check(work)
        for export in sys.argv[1:]:
            training(work, export)


if __name__ == "__main__":
    main()
