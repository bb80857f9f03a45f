"""Version 1 of the API: recommendations, scores and similar items.

Version 2 answers with `recommend` too.
"""

from modelsystem_scorer.v1.answers import (
    encoded,
    encoded_of_user,
    recommend,
    recommendations,
)
from modelsystem_scorer.v1.messages import (
    MAX_BATCH_ITEMS,
    MAX_BATCH_REQUESTS,
    Query,
    RecommendationRequest,
    Recommendations,
)
from modelsystem_scorer.v1.routes import evaluation, table

__all__ = [
    "MAX_BATCH_ITEMS",
    "MAX_BATCH_REQUESTS",
    "Query",
    "RecommendationRequest",
    "Recommendations",
    "encoded",
    "encoded_of_user",
    "evaluation",
    "recommend",
    "recommendations",
    "table",
]
