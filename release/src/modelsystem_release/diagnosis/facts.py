"""What a site's manifest says of its model, in a few figures."""

import json
from dataclasses import dataclass
from typing import TypedDict

from modelsystem_shared import typed
from modelsystem_shared.errors import ServiceError
from modelsystem_shared.manifest import ModelPart
from modelsystem_shared.numeric.ranking import K


class _Provenance(TypedDict):
    model: ModelPart


@dataclass(frozen=True)
class ModelFacts:
    """A model's figures; None for what its manifest does not have.

    score: NDCG at 20 on the test part. rows: interactions read. last_day: of the latest one,
    ISO 8601. size: bytes of all files. broken_rules: of DATA_RULES, those that only warn.
    """

    build: str
    digest: str | None
    score: float | None
    rows: int | None
    last_day: str | None
    size: int
    broken_rules: tuple[str, ...] = ()


def facts(provenance: str) -> ModelFacts:
    """Return the figures in an answer of `/v1/provenance`; formats older than ours have them too.

    Raises:
        ServiceError: it is not such an answer.

    """
    try:
        model = typed.checked(_Provenance, json.loads(provenance), "answer")["model"]
    except ValueError as error:
        raise ServiceError(f"/v1/provenance: unexpected answer: {error}") from error
    data = model.get("data")
    profile = data.get("profile") if data else None
    return ModelFacts(
        build=model["build"],
        digest=model.get("digest"),
        score=_score(model),
        rows=data["rows"] if data else None,
        last_day=profile["last"][:10] if profile and profile["last"] else None,
        size=sum(file["size"] for file in model["files"]),
        broken_rules=tuple(
            outcome["sentence"]
            for outcome in (profile["verdict"] if profile else ())
            if outcome["is_kept"] is False
        ),
    )


def _score(model: ModelPart) -> float | None:
    figures = model["metrics"]["model"]["at"].get(str(K)) if "metrics" in model else None
    return figures["ndcg"]["mean"] if figures else None
