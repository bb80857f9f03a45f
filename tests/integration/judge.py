"""Signs and verifies with OpenSSF model-signing; runs in .tools/signing, and knows nothing of ours.

Each line of its input is a JSON list; each line of its output is JSON, too:
    ["verify", folder, bundle, public key]   null, or why the folder is refused
    ["sign", folder, bundle, private key]    null
    ["envelope", file, public key]           the predicate type of a DSSE envelope's statement
"""

import json
import sys
from pathlib import Path

import model_signing
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

IGNORED = ("model.sig", "progress.jsonl")


def verify(folder: str, bundle: str, key: str) -> str | None:
    hashing = model_signing.hashing.Config()
    hashing.set_ignored_paths(paths=IGNORED, ignore_git_paths=False)
    verifier = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=key)
    try:
        verifier.set_hashing_config(hashing).verify(folder, bundle)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def sign(folder: str, bundle: str, key: str) -> None:
    paths = [Path(folder) / name for name in IGNORED]
    hashing = model_signing.hashing.Config().set_ignored_paths(paths=paths)
    signer = model_signing.signing.Config().use_elliptic_key_signer(private_key=key)
    signer.set_hashing_config(hashing).sign(folder, bundle)


def envelope(file: str, key: str) -> str:
    document = json.loads(Path(file).read_bytes())
    content = Envelope.from_dict(document)
    (key_id,) = content.signatures
    public = SSlibKey.from_crypto(load_pem_public_key(Path(key).read_bytes()), keyid=key_id)
    content.verify([public], 1)
    statement = json_format.Parse(content.payload, Message())
    Statement.copy_from_pb(statement).validate()
    return statement.predicate_type


COMMANDS = {"verify": verify, "sign": sign, "envelope": envelope}
for line in sys.stdin:
    command, *arguments = json.loads(line)
    print(json.dumps(COMMANDS[command](*arguments)), flush=True)
