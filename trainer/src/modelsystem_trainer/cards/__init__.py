"""The cards of a model and its data, for Hugging Face and Croissant; made of the manifest alone."""

from modelsystem_shared.manifest import Manifest
from modelsystem_trainer.cards import data_card, model_card

__all__ = ["documents"]


def documents(manifest: Manifest) -> dict[str, bytes]:
    """Return the content of each card, by its file's name."""
    return {
        model_card.NAME: model_card.page(manifest),
        data_card.NAME: data_card.document(manifest),
    }
