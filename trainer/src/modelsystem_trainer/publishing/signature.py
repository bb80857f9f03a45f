"""The signature of a model, if there is a key; `cryptography` is imported only then."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelsystem_shared import folder
from modelsystem_shared.publication import Sign
from modelsystem_trainer.settings import Settings

if TYPE_CHECKING:
    from modelsystem_shared.signing import Signer

log = logging.getLogger(__name__)


def signer(settings: Settings) -> "Signer | None":
    """Return the key that signs the model, or None.

    A key in a vault is tried at once, not after a long training.

    Raises:
        UsageError: there is no such key.
        AccessDeniedError: its vault refuses us.
        ServiceError: its vault does not answer.

    """
    key: Signer | None = settings.signing_key
    if settings.signing_vault:
        from modelsystem_shared.signing import open_vault  # noqa: PLC0415  # only if there is a key

        key = open_vault(settings.signing_vault)
    if key:
        log.info("The model will be signed by key %s", *key.public.ids)
    return key


def by(signer: "Signer") -> Sign:
    """Return the function that signs a model with this key."""
    from modelsystem_shared.signing import sign_model  # noqa: PLC0415  # only if there is a key

    def sign(name: str, digests: Mapping[str, str]) -> bytes:
        return sign_model(signer, name, digests, folder.UNSIGNED)

    return sign
