"""ECDSA keys on P-256: one that signs, from a file, and those that are trusted.

A waiter that checks a small model spends most of its time on imports, and two of cryptography's
take longer than the check: of `serialization`, and of all of OpenSSL's names by the constructor of
`ECDSA`. A usual public key needs neither.
"""

import base64
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

from modelsystem_shared import files
from modelsystem_shared.signing import statement
from modelsystem_shared.signing.envelope import Envelope, signed_bytes

_BEGIN, _END = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"
# The DER of a public key on P-256 up to its point, which follows uncompressed (RFC 5480).
_BEFORE_POINT = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_POINT_BYTES = 65
_UNREADABLE = "holds a public key that cannot be read (PEM)"
_OTHER_KIND = "holds a key that is not an ECDSA key on P-256"
_MOST_BYTES = 1 << 20


class _EcdsaSha256(ECDSA):
    """ECDSA with SHA-256 and a random nonce."""

    def __init__(self) -> None:
        """Skip what the constructor imports."""

    algorithm = property(lambda _: SHA256())
    deterministic_signing = property(lambda _: False)


_ALGORITHM = _EcdsaSha256()


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
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  # see above
            load_pem_private_key,
        )

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
    numbers = key.public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32) + numbers.y.to_bytes(32)
    text = base64.b64encode(_BEFORE_POINT + point)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return hashlib.sha256(b"\n".join([_BEGIN, *lines, _END, b""])).hexdigest()


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
        text = pem.partition(_BEGIN)[2].removesuffix(_END)
        der = base64.b64decode(b"".join(text.split()), validate=True)
        if der.startswith(_BEFORE_POINT) and len(der) == len(_BEFORE_POINT) + _POINT_BYTES:
            return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), der[-_POINT_BYTES:])
    except ValueError:
        raise ValueError(_UNREADABLE) from None
    return _other_public_key(pem)


def _other_public_key(pem: bytes) -> EllipticCurvePublicKey:
    """Read a key that is written in an unusual way, or refuse one of another kind."""
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  # see above
        load_pem_public_key,
    )

    try:
        key = load_pem_public_key(pem[pem.find(b"-----BEGIN") :])
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(_UNREADABLE) from None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != SECP256R1.name:
        raise ValueError(_OTHER_KIND)  # a setting's value, not a type
    return key
