"""Ask a site by the generated client, and print its answers; test_clients.py runs it.

Usage: ask.py SITE USER
"""

import json
import sys
from typing import Any, TypeVar

from generated import Client
from generated.api.v1 import (
    recommendations,
    recommendations_batch,
    recommendations_of_user,
    scores,
    search_items,
    similar_items,
)
from generated.api.v2 import infer
from generated.models import (
    Batch,
    BatchRequest,
    CandidateScores,
    FoundItems,
    InferenceAnswer,
    InferenceRequest,
    Input,
    Item,
    Parameters,
    ProblemDetails,
    RecommendationRequest,
    Recommendations,
    ScoresRequest,
    SimilarItems,
)

Answer = TypeVar("Answer")


def expect(kind: type[Answer], answer: object) -> Answer:
    """Return an answer that must be of this type."""
    assert isinstance(answer, kind), answer
    return answer


def main(site: str, user: str) -> dict[str, Any]:
    """Return each answer as the client has read it."""
    client = Client(base_url=site)
    by_user = RecommendationRequest(user_id=user, k=5, explain=True)
    first = expect(Recommendations, recommendations.sync(client=client, body=by_user))
    item_id = first.items[0].item_id
    by_items = RecommendationRequest(items=[item_id, Item(item_id, weight=2)], candidates=None)
    second = expect(Recommendations, recommendations.sync(client=client, body=by_items))
    path = expect(Recommendations, recommendations_of_user.sync(user, client=client, k=5))
    similar = expect(SimilarItems, similar_items.sync(item_id, client=client, k=3))
    found = expect(FoundItems, search_items.sync(client=client, q=item_id, k=1))
    to_score = ScoresRequest(user_id=user, candidates=[item_id, "no such item"])
    scored = expect(CandidateScores, scores.sync(client=client, body=to_score))
    body = BatchRequest(requests=[by_user, RecommendationRequest()])
    batch = expect(Batch, recommendations_batch.sync(client=client, body=body))
    tensor = Input(name="user_id", datatype="BYTES", shape=[1], data=[user])
    request = InferenceRequest(inputs=[tensor], parameters=Parameters(k=5))
    inferred = expect(InferenceAnswer, infer.sync(client=client, body=request))
    unknown = expect(ProblemDetails, similar_items.sync("no such item", client=client))
    too_many = RecommendationRequest(user_id=user, k=1001)
    refused = expect(ProblemDetails, recommendations.sync(client=client, body=too_many))
    return {
        "by_user": first.to_dict(),
        "by_items": second.to_dict(),
        "path": path.to_dict(),
        "similar": similar.to_dict(),
        "found": found.to_dict(),
        "scores": scored.to_dict(),
        "batch": batch.to_dict(),
        "inferred": inferred.to_dict(),
        "unknown": unknown.to_dict(),
        "refused": refused.to_dict(),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2])))
