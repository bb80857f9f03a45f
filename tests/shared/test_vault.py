"""A key in Azure Key Vault, by Azure's own libraries, against a server that speaks its API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.shared.vault import KEY_URL, VAULT, VERSION, Vault, serving

from modelsystem_shared.errors import AccessDeniedError, ModelSystemError, ServiceError, UsageError
from modelsystem_shared.signing import TrustedKeys, open_vault, vault

Start = Callable[..., Vault]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a vault that this process reaches, and asks once only."""
    monkeypatch.setitem(vault._LIMITS, "retry_total", 0)
    with ExitStack() as stack:

        def make(**options: ec.EllipticCurve) -> Vault:
            made = stack.enter_context(serving(Vault(tmp_path, **options)))
            for name, value in made.environment.items():
                monkeypatch.setenv(name, value)
            return made

        yield make


@pytest.mark.parametrize("url", [KEY_URL, f"{KEY_URL}/{VERSION}"])
def test_the_vault_signs(start: Start, url: str) -> None:
    """Its signature is verified by the public key alone, and it is one version that signs."""
    made = start()
    key = open_vault(url)
    envelope = key.sign(b"{}")
    assert TrustedKeys([made.key.public_key()]).payload(envelope) == b"{}"
    signed = [request for request in made.requests if request.startswith("POST " + VAULT)]
    assert set(signed) == {f"POST {VAULT}/keys/model-signing/{VERSION}/sign"}


@pytest.mark.parametrize(
    ("method", "status", "kind", "reason"),
    [
        ("GET", 404, UsageError, "there is no such key"),
        ("GET", 403, AccessDeniedError, "the permissions get and sign"),
        ("POST", 403, AccessDeniedError, "POST is refused; its identity needs the role"),
        ("GET", 503, ServiceError, "does not answer: .*GET is refused"),
        ("POST", 501, ServiceError, "does not answer: .*POST is refused"),
    ],
)
def test_a_refusal_is_said_at_once(
    start: Start, method: str, status: int, kind: type[ModelSystemError], reason: str
) -> None:
    """A key that we may see and not use is found before the training, not after it."""
    start().refused[method] = status
    with pytest.raises(kind, match=f"{KEY_URL}.*{reason}"):
        open_vault(KEY_URL)


def test_a_key_of_another_curve_is_refused(start: Start) -> None:
    """The readers accept P-256 only."""
    start(curve=ec.SECP384R1())
    with pytest.raises(UsageError, match="is not an ECDSA key on P-256"):
        open_vault(KEY_URL)


def test_what_is_no_key_is_refused() -> None:
    """The sentence has the form of a key's URL."""
    with pytest.raises(UsageError, match="is not a key's URL"):
        open_vault(f"https://{VAULT}/secrets")
