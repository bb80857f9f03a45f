"""Signatures: who made a model, or a statement, not only that it is whole.

A model's signature is an OpenSSF model-signing bundle beside its manifest; `release` signs
statements in DSSE envelopes. The keys are ECDSA keys on P-256. This room needs `cryptography`
(extra `signing`): programs import it only if they have keys.
"""

from modelsystem_shared.signing.envelope import Envelope
from modelsystem_shared.signing.keys import KeyFile, Signer, TrustedKeys, sign_model

__all__ = ["Envelope", "KeyFile", "Signer", "TrustedKeys", "open_vault", "sign_model"]


def open_vault(url: str) -> Signer:
    """Return the key in Azure Key Vault; see `VaultKey` for the URL and the errors raised."""
    from modelsystem_shared.signing.vault import VaultKey  # noqa: PLC0415  # of the extra `vault`

    return VaultKey(url)
