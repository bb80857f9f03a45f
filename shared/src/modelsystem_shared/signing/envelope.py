"""The DSSE envelope of an in-toto statement, alone or in a Sigstore bundle.

https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
https://docs.sigstore.dev/about/bundle/
"""

import base64
import json
from dataclasses import dataclass
from typing import Self, TypedDict

from modelsystem_shared import typed

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class _Signature(TypedDict):
    keyid: str
    sig: str


class _Envelope(TypedDict):
    payload: str
    payloadType: str
    signatures: list[_Signature]


class _PublicKey(TypedDict):
    hint: str


class _Material(TypedDict):
    publicKey: _PublicKey
    tlogEntries: list[object]


class _Bundle(TypedDict):
    mediaType: str
    verificationMaterial: _Material
    dsseEnvelope: _Envelope


@dataclass(frozen=True)
class Envelope:
    """A payload, its ECDSA signature (DER), and the id of the key that claims to have made it."""

    payload: bytes
    signature: bytes
    key_id: str

    @classmethod
    def of_json(cls, content: bytes) -> Self:
        """Read an envelope that stands alone.

        Raises:
            ValueError: it is none, or it has not exactly one signature.

        """
        document = typed.checked(_Envelope, json.loads(content.decode()), "envelope")
        if len(document["signatures"]) != 1:
            raise ValueError("envelope.signatures has not one entry")
        key_id = document["signatures"][0]["keyid"]
        if document != _envelope(*_texts(document), key_id):
            raise ValueError(f"envelope is not the DSSE envelope of {PAYLOAD_TYPE}")
        return cls.decoded(*_texts(document), key_id)

    @classmethod
    def of_bundle(cls, content: bytes) -> Self:
        """Read the envelope of a bundle.

        A bundle that has anything but one envelope and the hint of its key is refused.

        Raises:
            ValueError: it is not such a bundle.

        """
        document = typed.checked(_Bundle, json.loads(content.decode()), "bundle")
        envelope = document["dsseEnvelope"]
        if len(envelope["signatures"]) != 1:
            raise ValueError("bundle.dsseEnvelope.signatures has not one entry")
        hint, inner = document["verificationMaterial"]["publicKey"]["hint"], _texts(envelope)
        if document != _bundle(_envelope(*inner, envelope["signatures"][0]["keyid"]), hint):
            raise ValueError("bundle is not a Sigstore bundle v0.3 of a statement and a key")
        return cls.decoded(*inner, hint)

    @classmethod
    def decoded(cls, payload: str, signature: str, key_id: str) -> Self:
        """Return the envelope of base64 texts; a ValueError says that they are none.

        Other characters are skipped, as model-signing does: the signature is about the bytes.
        """
        return cls(base64.b64decode(payload), base64.b64decode(signature), key_id)

    def to_json(self) -> bytes:
        """Return the envelope as a file of its own."""
        return _json(_envelope(_encoded(self.payload), _encoded(self.signature), self.key_id))

    def to_bundle(self) -> bytes:
        """Return the envelope in a Sigstore bundle, with its key as the hint."""
        envelope = _envelope(_encoded(self.payload), _encoded(self.signature), "")
        return _json(_bundle(envelope, self.key_id))


def signed_bytes(payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding of the payload and its type."""
    return b"DSSEv1 %d %b %d %b" % (
        len(PAYLOAD_TYPE),
        PAYLOAD_TYPE.encode(),
        len(payload),
        payload,
    )


def _envelope(payload: str, signature: str, key_id: str) -> _Envelope:
    signatures: list[_Signature] = [{"keyid": key_id, "sig": signature}]
    return {"payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": signatures}


def _bundle(envelope: _Envelope, hint: str) -> _Bundle:
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }


def _texts(envelope: _Envelope) -> tuple[str, str]:
    return envelope["payload"], envelope["signatures"][0]["sig"]


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _json(document: object) -> bytes:
    return (json.dumps(document) + "\n").encode()
