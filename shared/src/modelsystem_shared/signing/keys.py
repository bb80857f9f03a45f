"""ECDSA keys on P-256: one that signs, from a file, and those that are trusted."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from modelsystem_shared import files
from modelsystem_shared.signing import statement
from modelsystem_shared.signing.envelope import Envelope, signed_bytes

_END = b"-----END PUBLIC KEY-----"
_OTHER_KIND = "holds a key that is not an ECDSA key on P-256"
_MOST_BYTES = 1 << 20
_ALGORITHM = ECDSA(SHA256())


class Signer(Protocol):
    """A private key, wherever it is."""

    @property
    def public(self) -> "TrustedKeys":
        """The public key that belongs to it."""

    def sign(self, payload: bytes) -> Envelope:
        """Return the payload, an in-toto statement, with its signature."""


class TrustedKeys:
    """Public keys, one of which must have signed."""

    def __init__(self, keys: Iterable[EllipticCurvePublicKey]) -> None:
        """Take the keys, which are on P-256."""
        self._keys = {key_id(key): key for key in keys}

    @classmethod
    def read(cls, path: Path) -> "TrustedKeys":
        """Read the PEM files in a folder, as a ConfigMap mounts it, or one file with some keys.

        Raises:
            ValueError: there is no key, or one that is not an ECDSA key on P-256.

        """
        content = b"\n".join(_contents(path))
        blocks = [block + _END for block in content.split(_END)[:-1]]
        if not blocks:
            raise ValueError("holds no public key (PEM, -----BEGIN PUBLIC KEY-----)")
        return cls(_public_key(block) for block in blocks)

    @property
    def ids(self) -> list[str]:
        """The ids of the keys, see `key_id`."""
        return sorted(self._keys)

    def payload(self, envelope: Envelope) -> bytes:
        """Return what one of the keys has signed.

        Raises:
            ValueError: another key has signed it, or it was changed since; with the reason.

        """
        key = self._keys.get(envelope.key_id)
        if key is None:
            trusted = " or ".join(short(key_id) for key_id in self.ids)
            raise ValueError(f"is signed by key {short(envelope.key_id)}, trusted is {trusted}")
        try:
            key.verify(envelope.signature, signed_bytes(envelope.payload), _ALGORITHM)
        except InvalidSignature:
            raise ValueError(
                f"has no valid signature of key {short(envelope.key_id)}: another key has made "
                "it, or what it signs was changed"
            ) from None
        return envelope.payload

    def digests(self, bundle: bytes) -> dict[str, str]:
        """Return the SHA-256 of each file of the model that one of the keys has signed.

        Raises:
            ValueError: the bundle is none, or none of the keys has signed it; with the reason.

        """
        return statement.digests(self.payload(Envelope.of_bundle(bundle)))


class KeyFile:
    """A private key in a file."""

    def __init__(self, path: Path) -> None:
        """Read the PEM file.

        Raises:
            ValueError: it holds no ECDSA key on P-256, or one with a passphrase.

        """
        try:
            key = load_pem_private_key(b"".join(_contents(path)), password=None)
        except TypeError:
            raise ValueError("holds a key with a passphrase; store it without one") from None
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError("holds no private key (PEM)") from None
        if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != SECP256R1.name:
            raise ValueError(_OTHER_KIND)  # a setting's value, not a type
        self._key = key
        self.public = TrustedKeys([key.public_key()])

    def sign(self, payload: bytes) -> Envelope:
        """Return the payload, an in-toto statement, with its signature."""
        signature = self._key.sign(signed_bytes(payload), _ALGORITHM)
        return Envelope(payload, signature, *self.public.ids)


def sign_model(
    signer: Signer, name: str, digests: Mapping[str, str], ignored: Iterable[str]
) -> bytes:
    """Return the bundle that signs a model; the arguments are those of `statement.make`."""
    return signer.sign(statement.make(name, digests, ignored)).to_bundle()


def key_id(key: EllipticCurvePublicKey) -> str:
    """Return the SHA-256 of the key's PEM, by which model-signing's bundles name it."""
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def short(key_id: str) -> str:
    """Return the beginning of a key's id, for people."""
    return f"{key_id[:12]}…" if len(key_id) > 12 else key_id


def _contents(path: Path) -> list[bytes]:
    """Return the content of a file, or of the visible files of a folder."""
    try:
        paths = [path]
        if path.is_dir():
            paths = sorted(file for file in path.iterdir() if not file.name.startswith("."))
        return [files.read_bounded(file, _MOST_BYTES) for file in paths]
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from error


def _public_key(pem: bytes) -> EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem[pem.find(b"-----BEGIN") :])
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("holds a public key that cannot be read (PEM)") from None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != SECP256R1.name:
        raise ValueError(_OTHER_KIND)  # a setting's value, not a type
    return key
