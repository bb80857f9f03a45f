"""OpenSSF model-signing and we accept and refuse the same models, and so do in-toto's tools."""

import json
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.integration.conftest import BUILD, QUICK, Ask, write_key
from tests.programs import run
from tests.shared.vault import KEY_URL, Vault, serving

from modelsystem_shared import files, folder, manifest, marker, publication
from modelsystem_shared.errors import MismatchError
from modelsystem_shared.manifest import Manifest, ModelFile
from modelsystem_shared.signing import Envelope, KeyFile, TrustedKeys, sign_model


def signed_by(key: KeyFile) -> publication.Sign:
    return lambda name, digests: sign_model(key, name, digests, folder.UNSIGNED)


def publish(target: Path, seed: int, sign: publication.Sign | None) -> folder.Published:
    """Publish a model of a few small files."""
    rng = random.Random(seed)
    attempt = target / f"attempt-{seed}"
    attempt.mkdir(parents=True)
    names = ["items.ends.npy", "items.text.npy", "report.html", "similarity.npy", "trend.npy"]
    written = [publication.write(attempt, name, rng.randbytes(300)) for name in names]
    (attempt / "progress.jsonl").write_text("{}\n")
    listed = manifest.listing(written)
    content = Manifest({"format": manifest.FORMAT, "build": BUILD, "files": listed}, {})
    publication.publish(target, attempt, content, "0.1", sign)
    return folder.published(target)


class Attacker:
    """Somebody who can write to the share, and makes all digests right again; `key`: their own."""

    def __init__(
        self, model: folder.Published, other: folder.Published, rng: random.Random
    ) -> None:
        self.model, self.other, self.rng = model, other, rng
        self.attempt = model.attempt
        self.bundle = self.attempt / marker.SIGNATURE

    def file(self) -> Path:
        return self.attempt / self.rng.choice(self.model.manifest.files).name

    def mutated(self, content: bytes) -> bytes:
        """Change, remove or insert some bytes."""
        at, length = self.rng.randrange(len(content)), self.rng.randrange(1, 4)
        kind = self.rng.randrange(3)
        new = (
            self.rng.randbytes(length)
            if kind
            else bytes([content[at] ^ 1 << self.rng.randrange(8)])
        )
        return content[:at] + new + content[at + (len(new) if kind < 2 else 0) :]

    def reseal(self) -> None:
        """List the files as they are now, and write a manifest and a marker of that."""
        described = [self.described(path) for path in self.listed()]
        content = Manifest(
            {**self.model.manifest.model, "files": manifest.listing(described)},
            self.model.manifest.run,
        )
        (self.attempt / manifest.NAME).write_bytes(content.to_bytes())
        self.remark()

    def listed(self) -> list[Path]:
        others = {manifest.NAME, *folder.UNSIGNED}
        return [path for path in self.attempt.iterdir() if path.name not in others]

    def described(self, path: Path) -> ModelFile:
        return ModelFile(path.name, path.stat().st_size, files.sha256(path))

    def remark(self) -> None:
        """Write a marker with the digests of manifest and bundle as they are now."""
        signature = files.sha256(self.bundle) if self.bundle.exists() else None
        sealed = files.sha256(self.attempt / manifest.NAME)
        standing = replace(self.model.marker, manifest_sha256=sealed, signature_sha256=signature)
        (self.model.folder / marker.NAME).write_bytes(standing.to_bytes())


def byte(a: Attacker) -> None:
    path = a.file()
    path.write_bytes(a.mutated(path.read_bytes()))


def sealed_byte(a: Attacker) -> None:
    byte(a)
    a.reseal()


def size(a: Attacker) -> None:
    path = a.file()
    content = path.read_bytes()
    path.write_bytes(a.rng.choice([content[:-1], content + b"\0", b""]))
    a.reseal()


def name(a: Attacker) -> None:
    path = a.file()
    path.rename(path.with_name(a.rng.choice(["other.npy", f"x{path.name}", f"{path.name}.bak"])))
    a.reseal()


def swapped_files(a: Attacker) -> None:
    first, second = a.rng.sample([file.name for file in a.model.manifest.files], 2)
    contents = [(a.attempt / file).read_bytes() for file in (first, second)]
    (a.attempt / first).write_bytes(contents[1])
    (a.attempt / second).write_bytes(contents[0])
    a.reseal()


def extra_file(a: Attacker) -> None:
    path = a.attempt / a.rng.choice(["extra.npy", ".gitignore", ".git/config", "a/b", "model.sig2"])
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    if a.rng.random() < 0.5 and path.name == "extra.npy":
        a.reseal()


def missing_file(a: Attacker) -> None:
    a.file().unlink()
    if a.rng.random() < 0.5:
        a.reseal()


def linked_file(a: Attacker) -> None:
    path = a.file()
    path.rename(a.model.folder / path.name)
    path.symlink_to(a.model.folder / path.name)


def other_manifest(a: Attacker) -> None:
    changed = {**a.model.manifest.model, "tenant": a.rng.choice("abc")}
    (a.attempt / manifest.NAME).write_bytes(Manifest(changed, {}).to_bytes())
    a.remark()


def swapped_bundle(a: Attacker) -> None:
    shutil.copyfile(a.other.attempt / marker.SIGNATURE, a.bundle)
    a.remark()


def no_bundle(a: Attacker) -> None:
    a.bundle.unlink()
    a.remark()


def mutated_bundle(a: Attacker) -> None:
    a.bundle.write_bytes(a.mutated(a.bundle.read_bytes()))
    a.remark()


def mutated_statement(a: Attacker) -> None:
    envelope = Envelope.of_bundle(a.bundle.read_bytes())
    a.bundle.write_bytes(replace(envelope, payload=a.mutated(envelope.payload)).to_bundle())
    a.remark()


def mutated_signature(a: Attacker) -> None:
    envelope = Envelope.of_bundle(a.bundle.read_bytes())
    a.bundle.write_bytes(replace(envelope, signature=a.mutated(envelope.signature)).to_bundle())
    a.remark()


def other_key(a: Attacker) -> None:
    envelope = Envelope.of_bundle(a.bundle.read_bytes())
    signed = write_key(a.model.folder, "theirs").sign(envelope.payload)
    hint = a.rng.choice([signed.key_id, envelope.key_id])  # or they call it ours
    a.bundle.write_bytes(replace(signed, key_id=hint).to_bundle())
    a.remark()


def nothing(a: Attacker) -> None:
    a.reseal()


def progress_only(a: Attacker) -> None:
    (a.attempt / "progress.jsonl").write_bytes(a.rng.randbytes(5))


def blanks_in_bundle(a: Attacker) -> None:
    document = json.loads(a.bundle.read_bytes())
    a.bundle.write_text(json.dumps(document, indent=a.rng.randrange(4)))
    a.remark()


HARMLESS = (nothing, progress_only, blanks_in_bundle)
MUTATIONS = (
    *(byte, sealed_byte, size, name, swapped_files, extra_file, missing_file, linked_file),
    *(other_manifest, swapped_bundle, no_bundle, mutated_bundle, mutated_statement),
    *(mutated_signature, other_key, *HARMLESS),
)


def ours(target: Path, trusted: TrustedKeys) -> str | None:
    """Return why we refuse a model; None if we accept it."""
    try:
        folder.verify(folder.published(target, BUILD, trusted))
    except MismatchError as error:
        return str(error)
    return None


def check_mutations(count: int, judge: Ask, tmp_path: Path) -> str:
    """Compare the verdicts on so many mutated models; return the counts as text."""
    key, counts = write_key(tmp_path, "ours"), Counter[str]()
    public = tmp_path / "ours.pub"
    trusted = TrustedKeys.read(public)
    original = publish(tmp_path / "original", 1, signed_by(key))
    other = publish(tmp_path / "other", 2, signed_by(key))
    target = tmp_path / "mutated"
    for number in range(count):
        mutate = MUTATIONS[number % len(MUTATIONS)]
        shutil.copytree(original.folder, target)
        model = replace(original, folder=target)
        mutate(Attacker(model, other, random.Random(number)))
        theirs = judge("verify", model.attempt, model.attempt / marker.SIGNATURE, public)
        sentence = ours(target, trusted)
        case = f"{mutate.__name__} {number}: {sentence!r} but {theirs!r}"
        assert (sentence is None) == (theirs is None), case
        if mutate in HARMLESS:
            assert sentence is None, case
        counts["accepted by both" if sentence is None else "refused by both"] += 1
        shutil.rmtree(target)
    return f"{count} mutated models: {counts['refused by both']} refused by both, " + (
        f"{counts['accepted by both']} accepted by both"
    )


def test_model_signing_refuses_what_we_refuse(judge: Ask, tmp_path: Path) -> None:
    """Bytes, names, sizes, extra files, bundles, statements, keys: the verdicts are the same."""
    check_mutations(len(MUTATIONS) * 8, judge, tmp_path)


@pytest.mark.faults
def test_model_signing_refuses_what_we_refuse_in_a_thousand_models(
    judge: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, 1,000 times."""
    counts = check_mutations(1000, judge, tmp_path)
    with capsys.disabled():
        print(f"\n{counts}")


def test_we_accept_what_model_signing_signs(judge: Ask, tmp_path: Path) -> None:
    """A bundle that its signer made is as good as ours, and is refused of other bytes."""
    write_key(tmp_path, "ours")
    trusted = TrustedKeys.read(tmp_path / "ours.pub")

    def sign(attempt: str, _digests: object) -> bytes:
        bundle = tmp_path / "model.sig"
        judge("sign", tmp_path / "model" / attempt, bundle, tmp_path / "ours.pem")
        return bundle.read_bytes()

    model = publish(tmp_path / "model", 1, sign)
    assert ours(model.folder, trusted) is None
    sealed_byte(Attacker(model, model, random.Random(1)))
    assert "signs other bytes" in str(ours(model.folder, trusted))


def test_a_build_is_signed_and_verified(judge: Ask, tmp_path: Path, small_export: Path) -> None:
    """Trainer, waiter and scorer with their keys; model-signing accepts the same model."""
    write_key(tmp_path, "ours")
    write_key(tmp_path, "theirs")
    target, cache = tmp_path / "model", tmp_path / "cache"
    training = {"MODELFOLDER": target, "CSV_FOLDER": small_export, **QUICK}
    ended = run("trainer", SIGNING_KEY_FILE=tmp_path / "ours.pem", **training)
    assert ended.code == 0, ended.output
    attempt = folder.published(target).attempt
    bundle = attempt / marker.SIGNATURE
    assert judge("verify", attempt, bundle, tmp_path / "ours.pub") is None

    waiting = {"MODELFOLDER": target, "BUILDNUMBER": BUILD, "WAIT_TIMEOUT": 5}
    refused = run("waiter", TRUSTED_KEYS=tmp_path / "theirs.pub", MODELCACHE=cache, **waiting)
    assert refused.code == 4
    assert "is signed by key" in refused.output
    assert not cache.exists()
    accepted = run("waiter", TRUSTED_KEYS=tmp_path / "ours.pub", MODELCACHE=cache, **waiting)
    assert accepted.code == 0, accepted.output
    scorer = run("scorer", TRUSTED_KEYS=tmp_path / "theirs.pub", MODELCACHE=cache, **waiting)
    assert scorer.code == 4
    assert "is signed by key" in scorer.output

    again = run("trainer", SIGNING_KEY_FILE=tmp_path / "ours.pem", **training)
    assert "Already complete" in again.output
    other = run("trainer", SIGNING_KEY_FILE=tmp_path / "theirs.pem", **training)
    assert other.code == 2
    assert "SIGNING_KEY_FILE is not the key of this folder's complete model" in other.output


def test_a_signed_model_of_another_tenant_is_refused(tmp_path: Path, small_export: Path) -> None:
    """Copied over the build of this tenant, which has the same number and key, it is not served."""
    write_key(tmp_path, "ours")
    target = tmp_path / "acme"
    training = {"MODELFOLDER": target, "CSV_FOLDER": small_export, "TENANTID": "acme", **QUICK}
    ended = run("trainer", SIGNING_KEY_FILE=tmp_path / "ours.pem", **training)
    assert ended.code == 0, ended.output
    reading = {"MODELFOLDER": target, "BUILDNUMBER": BUILD, "TRUSTED_KEYS": tmp_path / "ours.pub"}
    assert run("waiter", TENANTID="acme", **reading).code == 0
    for program, tenant in (("waiter", "globex"), ("waiter", ""), ("scorer", "globex")):
        refused = run(program, TENANTID=tenant, **reading)
        assert refused.code == 2, refused.output
        assert "is of tenant acme" in refused.output


def test_a_champion_that_no_trusted_key_has_signed_is_refused(models: Path, tmp_path: Path) -> None:
    """Its parameters would start the search; build 152 is not signed, 153 is."""
    write_key(tmp_path, "theirs")
    training = {"CSV_FOLDER": models / "data", **QUICK}
    for build, key, sentence in (
        ("152", models / "ours.pub", "is not signed"),
        ("153", tmp_path / "theirs.pub", "is signed by key"),
        ("153", models / "ours.pub", None),
    ):
        champion = {"CHAMPIONFOLDER": models / build, "TRUSTED_KEYS": key}
        ended = run("trainer", MODELFOLDER=tmp_path / f"{build}-{key.stem}", **champion, **training)
        assert ended.code == (2 if sentence else 0), ended.output
        assert f"CHAMPIONFOLDER: {models / build}" in ended.output or not sentence
        assert (sentence or "Champion: build 153") in ended.output


def test_a_key_in_a_vault_signs_a_build(judge: Ask, tmp_path: Path, small_export: Path) -> None:
    """The trainer signs in as a pod with workload identity does; a refusal ends it at once."""
    target = tmp_path / "model"
    training = {"MODELFOLDER": target, "CSV_FOLDER": small_export, **QUICK}
    with serving(Vault(tmp_path)) as vault:
        environ = {**training, **vault.environment, "SIGNING_KEY_VAULT": KEY_URL}
        vault.refused["POST"] = 403
        refused = run("trainer", **environ)
        assert refused.code == 3
        assert f"{KEY_URL} cannot be used" in refused.output
        assert not folder.attempts(target) or not list(target.glob("attempt-*/*.npy"))
        vault.refused.clear()
        ended = run("trainer", **environ)
        assert ended.code == 0, ended.output
    public = tmp_path / "vault.pub"
    public.write_bytes(
        vault.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    assert ours(target, TrustedKeys.read(public)) is None
    attempt = folder.published(target).attempt
    assert judge("verify", attempt, attempt / marker.SIGNATURE, public) is None
