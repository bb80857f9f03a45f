"""A private key in Azure Key Vault: the vault signs, and the key never leaves it."""

import hashlib

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient, KeyVaultKey, KeyVaultKeyIdentifier
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from modelsystem_shared.errors import AccessDeniedError, ModelSystemError, ServiceError, UsageError
from modelsystem_shared.signing.envelope import Envelope, signed_bytes
from modelsystem_shared.signing.keys import TrustedKeys

# Seconds; a vault that does not answer costs 4 tries of 15 s and short pauses.
_LIMITS = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 3}
_PROBE = b"May this program sign with this key?"  # no statement: DSSE encodes those


class VaultKey:
    """A key in a vault, one version of it from beginning to end."""

    def __init__(self, url: str, credential: TokenCredential | None = None) -> None:
        """Get the public key, and try whether the vault lets us sign.

        url: `https://<vault>.vault.azure.net/keys/<name>`, with or without `/<version>`.
        credential: of whom may sign; DefaultAzureCredential if None.

        Raises:
            UsageError: there is no such key, or it is not on P-256.
            AccessDeniedError: we may not get it, or not sign with it.
            ServiceError: the vault does not answer.

        """
        self._url = url
        self._credential = credential or DefaultAzureCredential()
        try:
            place = KeyVaultKeyIdentifier(url)
            with KeyClient(place.vault_url, self._credential, **_LIMITS) as client:
                key = client.get_key(place.name, place.version)
        except ValueError:
            raise UsageError(
                f"{url} is not a key's URL, https://<vault>.vault.azure.net/keys/<name>"
            ) from None
        except AzureError as error:
            raise self._sentence(error) from error
        self._key = key
        self.public = TrustedKeys([_public_key(url, key)])
        self.public.payload(self.sign(_PROBE))

    def sign(self, payload: bytes) -> Envelope:
        """Return the payload, an in-toto statement, with its signature; errors as above."""
        digest = hashlib.sha256(signed_bytes(payload)).digest()
        try:
            with CryptographyClient(self._key, self._credential, **_LIMITS) as client:
                raw = client.sign(SignatureAlgorithm.es256, digest).signature
        except AzureError as error:
            raise self._sentence(error) from error
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        return Envelope(payload, encode_dss_signature(r, s), *self.public.ids)

    def _sentence(self, error: AzureError) -> ModelSystemError:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        reason = " ".join(error.message.split())[:300]
        if status == 404:
            return UsageError(f"{self._url}: there is no such key: {reason}")
        if status in (401, 403) or isinstance(error, ClientAuthenticationError):
            return AccessDeniedError(
                f"{self._url} cannot be used: {reason}; its identity needs the role Key Vault "
                "Crypto User, or the permissions get and sign"
            )
        return ServiceError(f"{self._url} does not answer: {reason}")


def _public_key(url: str, key: KeyVaultKey) -> EllipticCurvePublicKey:
    numbers = vars(key.key)  # its class has the fields of all types of keys, and names none
    if numbers["crv"] != "P-256":
        raise UsageError(f"{url} is not an ECDSA key on P-256")
    x, y = int.from_bytes(numbers["x"]), int.from_bytes(numbers["y"])
    return EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
