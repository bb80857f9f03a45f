"""Signatures of models: who is trusted, what is refused, and in which words."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from modelsystem_shared import folder, marker, publication
from modelsystem_shared.errors import CorruptModelError, SignatureError
from modelsystem_shared.folder import Published
from modelsystem_shared.manifest import Manifest
from modelsystem_shared.marker import Marker
from modelsystem_shared.signing import Envelope, KeyFile, TrustedKeys, sign_model
from modelsystem_shared.signing.statement import digests, make

PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo
PEM = serialization.Encoding.PEM
MakeKey = Callable[..., KeyFile]


def private_pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, passphrase: bytes | None = None
) -> bytes:
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.fixture
def make_key(tmp_path: Path) -> MakeKey:
    """Make a key; its private and public PEM are `<name>.pem` and `<name>.pub` in `tmp_path`."""

    def make(name: str = "a") -> KeyFile:
        key = ec.generate_private_key(ec.SECP256R1())
        (tmp_path / f"{name}.pem").write_bytes(private_pem(key))
        (tmp_path / f"{name}.pub").write_bytes(key.public_key().public_bytes(PEM, PUBLIC))
        return KeyFile(tmp_path / f"{name}.pem")

    return make


@pytest.fixture
def publish_signed(
    tmp_path: Path, make_attempt: Callable[..., tuple[Path, Manifest]]
) -> Callable[[KeyFile], Published]:
    """Publish a small signed model in `tmp_path`."""

    def make(key: KeyFile) -> Published:
        attempt, content = make_attempt()
        publication.publish(
            tmp_path, attempt, content, "1", lambda *what: sign_model(key, *what, folder.UNSIGNED)
        )
        return folder.published(tmp_path)

    return make


def resealed(model: Published, bundle: bytes) -> None:
    """Put another bundle in place, with a marker that has its digest."""
    (model.attempt / marker.SIGNATURE).unlink()
    sealed = publication.write(model.attempt, marker.SIGNATURE, bundle)
    (model.folder / marker.NAME).unlink()
    standing = model.marker
    publication.place(
        model.folder,
        Marker(
            standing.score,
            standing.attempt,
            standing.build,
            standing.manifest_sha256,
            sealed.sha256,
        ),
    )


def refusal(model: Published, trusted: TrustedKeys) -> str:
    with pytest.raises(SignatureError) as raised:
        folder.published(model.folder, trusted=trusted)
    assert raised.value.exit_code == 4
    assert not raised.value.retry_helps
    return str(raised.value)


def test_a_signed_model_is_accepted_by_its_key(
    make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """The bundle stands beside the manifest, and the digests of both are in the marker."""
    key = make_key()
    model = publish_signed(key)
    folder.verify(folder.published(model.folder, trusted=key.public))
    assert model.seals.keys() == {"manifest.json", "model.sig"}
    assert marker.parse(model.marker.to_bytes()) == model.marker


def test_a_signed_model_is_accepted_where_nobody_is_asked_for(
    make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """Without TRUSTED_KEYS the signature is one more file that must be as published."""
    model = publish_signed(make_key())
    folder.verify(folder.published(model.folder))
    path = model.attempt / marker.SIGNATURE
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(CorruptModelError, match=r"model\.sig does not have the digest"):
        folder.verify(folder.published(model.folder))
    path.unlink()
    with pytest.raises(CorruptModelError, match=r"model\.sig is missing"):
        folder.verify(folder.published(model.folder))


def test_an_unsigned_model_is_refused(
    make_key: MakeKey, make_published: Callable[..., Published]
) -> None:
    """If keys are trusted, a model without a signature is not."""
    model = make_published()
    assert "is not signed, and TRUSTED_KEYS demands a signature" in refusal(
        model, make_key().public
    )


def test_an_unsigned_model_with_a_bundle_beside_it_is_refused(
    make_key: MakeKey, make_published: Callable[..., Published]
) -> None:
    """A bundle that the marker does not name is an extra file."""
    model = make_published()
    (model.attempt / marker.SIGNATURE).write_bytes(b"{}")
    with pytest.raises(CorruptModelError, match=r"model\.sig is extra"):
        folder.verify(model)


def test_another_key_is_refused_by_name(
    make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """The sentence has the beginning of both keys' ids."""
    ours, theirs = make_key("ours"), make_key("theirs")
    sentence = refusal(publish_signed(theirs), ours.public)
    assert f"is signed by key {theirs.public.ids[0][:12]}…" in sentence
    assert f"trusted is {ours.public.ids[0][:12]}…" in sentence


def test_a_false_hint_is_refused(
    make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """Whoever signs with another key cannot call it ours."""
    ours, theirs = make_key("ours"), make_key("theirs")
    model = publish_signed(theirs)
    bundle = (model.attempt / marker.SIGNATURE).read_bytes()
    resealed(model, bundle.replace(theirs.public.ids[0].encode(), ours.public.ids[0].encode()))
    assert "has no valid signature of key" in refusal(model, ours.public)


def test_a_statement_that_was_changed_is_refused(
    make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """The signature covers each byte of the statement."""
    key = make_key()
    model = publish_signed(key)
    document = json.loads((model.attempt / marker.SIGNATURE).read_bytes())
    payload = base64.b64decode(document["dsseEnvelope"]["payload"])
    document["dsseEnvelope"]["payload"] = base64.b64encode(
        payload.replace(b"false", b"true ")
    ).decode()
    resealed(model, json.dumps(document).encode())
    assert "what it signs was changed" in refusal(model, key.public)


def test_a_bundle_of_other_files_is_refused(
    make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """A true signature of another model is no signature of this one; its files are named."""
    key = make_key()
    model = publish_signed(key)
    resealed(model, sign_model(key, "attempt-b", {"other.npy": "0" * 64}, ()))
    sentence = refusal(model, key.public)
    assert "model.sig signs other bytes: items.ends.npy, manifest.json, other.npy" in sentence


@pytest.mark.parametrize(
    ("bundle", "reason"),
    [
        (b"", "Expecting value"),
        (b"\xff", "codec can't decode"),
        (b"[]", "bundle is not an object"),
        (b"{}", r"bundle.mediaType is missing"),
    ],
)
def test_what_is_no_bundle_is_refused(
    bundle: bytes,
    reason: str,
    make_key: MakeKey,
    publish_signed: Callable[[KeyFile], Published],
) -> None:
    """The sentence says where it is wrong."""
    key = make_key()
    model = publish_signed(key)
    resealed(model, bundle)
    assert reason in refusal(model, key.public)


@pytest.mark.parametrize(
    "place", ["mediaType", "payloadType", "tlogEntries", "signatures", "extra"]
)
def test_a_bundle_of_another_form_is_refused(
    place: str, make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """What the signature does not cover has one form only."""
    key = make_key()
    model = publish_signed(key)
    document = json.loads((model.attempt / marker.SIGNATURE).read_bytes())
    envelope = document["dsseEnvelope"]
    changes: dict[str, Callable[[], object]] = {
        "mediaType": lambda: document.update(mediaType="application/json"),
        "payloadType": lambda: envelope.update(payloadType="text/plain"),
        "tlogEntries": lambda: document["verificationMaterial"].update(tlogEntries=[{}]),
        "signatures": lambda: envelope["signatures"].append(envelope["signatures"][0]),
        "extra": lambda: document.update(more=1),
    }
    changes[place]()
    resealed(model, json.dumps(document).encode())
    assert "bundle" in refusal(model, key.public)


def test_another_score_than_the_signed_is_refused(
    tmp_path: Path, make_key: MakeKey, make_attempt: Callable[..., tuple[Path, Manifest]]
) -> None:
    """The marker is not signed; its score is that of the signed manifest."""
    key = make_key()
    attempt, content = make_attempt()
    interval = {"mean": 0.25, "low": 0.2, "high": 0.3}
    figures = {"recall": interval, "ndcg": interval, "novelty": interval, "coverage": 0.5}
    metrics = {"users": 1, "at": {"20": figures}, "by_history": [], "tail": []}
    gate = {"users": 1, "model": metrics, "popularity": metrics}
    evaluation = {"model": metrics, "popularity": metrics, "gate": gate}
    content = Manifest({**content.model, "metrics": evaluation}, content.run)  # type: ignore[typeddict-item]  # plain dicts
    publication.publish(
        tmp_path, attempt, content, "0.990000", lambda *what: sign_model(key, *what, ())
    )
    with pytest.raises(SignatureError, match=r"has score 0\.990000, but 0\.250000 is signed"):
        folder.published(tmp_path, trusted=key.public)


def test_a_link_is_no_file_of_a_model(
    tmp_path: Path, make_published: Callable[..., Published]
) -> None:
    """A file that lies elsewhere can change after its check."""
    model = make_published()
    path = model.attempt / "similarity.npy"
    path.rename(tmp_path / "elsewhere.npy")
    path.symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(CorruptModelError, match=r"similarity\.npy is not a plain file"):
        folder.verify(model)


def test_several_keys_are_trusted_while_one_follows_another(
    tmp_path: Path, make_key: MakeKey, publish_signed: Callable[[KeyFile], Published]
) -> None:
    """A file holds some keys, or a folder some files, as a ConfigMap is mounted."""
    old, new = make_key("old"), make_key("new")
    both = (tmp_path / "old.pub").read_bytes() + (tmp_path / "new.pub").read_bytes()
    (tmp_path / "both.pub").write_bytes(both)
    mounted, data = tmp_path / "keys", tmp_path / "keys" / "..2026_11_26"
    data.mkdir(parents=True)
    (mounted / "..data").symlink_to(data.name)
    for name in ("old.pub", "new.pub"):
        (data / name).write_bytes((tmp_path / name).read_bytes())
        (mounted / name).symlink_to(f"..data/{name}")
    model = publish_signed(new)
    for path in (tmp_path / "both.pub", mounted):
        trusted = TrustedKeys.read(path)
        assert trusted.ids == sorted(old.public.ids + new.public.ids)
        folder.published(model.folder, trusted=trusted)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "holds no public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be read"),
        (ec.generate_private_key(ec.SECP384R1()), "not an ECDSA key on P-256"),
        (rsa.generate_private_key(65537, 2048), "not an ECDSA key on P-256"),
    ],
)
def test_a_file_without_a_usable_public_key_is_refused(
    tmp_path: Path, content: bytes | ec.EllipticCurvePrivateKey | None, reason: str
) -> None:
    """No key is not the same as any key."""
    path = tmp_path / "keys.pub"
    if content is not None:
        path.write_bytes(
            content
            if isinstance(content, bytes)
            else content.public_key().public_bytes(PEM, PUBLIC)
        )
    with pytest.raises(ValueError, match=reason):
        TrustedKeys.read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no private key"),
        (private_pem(ec.generate_private_key(ec.SECP384R1())), "not an ECDSA key on P-256"),
        (private_pem(rsa.generate_private_key(65537, 2048)), "not an ECDSA key on P-256"),
        (private_pem(ec.generate_private_key(ec.SECP256R1()), b"x"), "passphrase"),
    ],
)
def test_a_file_without_a_usable_private_key_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """The sentence says which kind of key signs."""
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        KeyFile(tmp_path / "key.pem")


def test_an_envelope_alone_keeps_payload_and_key(make_key: MakeKey) -> None:
    """`release` writes its statements so."""
    key = make_key()
    envelope = Envelope.of_json(key.sign(b"{}").to_json())
    assert key.public.payload(envelope) == b"{}"
    assert envelope.key_id == key.public.ids[0]
    with pytest.raises(ValueError, match="not the DSSE envelope"):
        Envelope.of_json(envelope.to_json().replace(b"in-toto", b"other"))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"),
        lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda s: s["predicate"]["serialization"].update(method="shards"),
        lambda s: s["predicate"]["serialization"].update(hash_type="blake3"),
        lambda s: s["predicate"]["resources"][0].update(algorithm="blake3"),
        lambda s: s["predicate"]["resources"][0].update(digest="11" * 32),
        lambda s: s["predicate"]["resources"][0].update(digest="no digest"),
        lambda s: s["subject"].append(s["subject"][0]),
        lambda s: s.pop("predicate"),
    ],
)
def test_a_statement_of_another_kind_is_refused(
    change: Callable[[dict[str, object]], object],
) -> None:
    """Kind, method, algorithm and root digest are those of model-signing."""
    payload = make("attempt-a", {"items.npy": "00" * 32}, ["model.sig"])
    assert digests(payload) == {"items.npy": "00" * 32}
    document = json.loads(payload)
    change(document)
    with pytest.raises(ValueError):  # noqa: PT011  # any reason: the sentences are typed.checked's
        digests(json.dumps(document).encode())
