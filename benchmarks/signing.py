"""What a signature costs: the share of a training, and the waiter's check with and without keys.

`.venv/bin/python benchmarks/signing.py` trains 20,000 rows without a search with and without a key, and
lets the waiter check a model of 300 MB with and without TRUSTED_KEYS. CPU seconds (user and system) of whole
processes, the least of some runs, which alternate.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
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

RUNS = 5
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


def export(target: Path, rows: int) -> None:
    """Write an export of so many rows."""
    target.mkdir()
    rng = random.Random(1)
    with (target / "interactions.csv").open("w") as file:
        file.write("user_id,item_id,timestamp\n")
        for _ in range(rows):
            user, item = rng.randrange(rows // 20), int(rng.paretovariate(1.1)) % 2000
            file.write(f"u{user},i{item},{1525000000 + rng.randrange(10**6)}\n")


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
    publication.publish(
        target, attempt, content, "0.1", lambda *what: sign_model(key, *what, folder.UNSIGNED)
    )


def main() -> None:
    """Measure, and print a line for each."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        keys(work)
        export(work / "data", 20_000)
        large_model(work / "large", KeyFile(work / "key.pem"))
        training = {"CSV_FOLDER": work / "data", "BUILDNUMBER": BUILD, "PARAMETERS": "method=ridge"}
        waiting = {"MODELFOLDER": work / "large", "BUILDNUMBER": BUILD, "WAIT_TIMEOUT": 60}
        cases = {
            "training": ("trainer", training, {"SIGNING_KEY_FILE": work / "key.pem"}, 2),
            "check": ("waiter", waiting, {"TRUSTED_KEYS": work / "key.pub"}, RUNS),
        }
        for case, (program, variables, key, runs) in cases.items():
            seconds: dict[bool, list[float]] = {False: [], True: []}
            for number in range(2 * runs):
                own = {"MODELFOLDER": work / f"{case}{number}"} if program == "trainer" else {}
                with_key = key if number % 2 else {}
                measured = cpu_seconds(program, **{**variables, **own, **with_key})
                seconds[bool(number % 2)].append(measured)
            without, with_ = min(seconds[False]), min(seconds[True])
            ratio = with_ / without
            print(f"{case}: {without:.2f} s without a key, {with_:.2f} s with: {ratio:.3f} times")


if __name__ == "__main__":
    main()
