"""The messages of version 1: each request and answer, with its limits, as one type."""

from typing import Annotated, Any, Literal, NotRequired, Self

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from modelsystem_scorer import api
from modelsystem_scorer.api import Id, Message, ProblemDetails, Whole
from modelsystem_scorer.engine import ModelInfo

MAX_BATCH_REQUESTS = 100
MAX_BATCH_ITEMS = 10_000  # the sum of k over the requests of a batch
MAX_BATCH_IDS = 20_000  # in all requests of a batch
MAX_REASONS = 20
MAX_SEARCH_RESULTS = 50

_Ids = Annotated[list[Id], Field(max_length=10_000)]
_K = Field(ge=1, le=1000, description="the most items in the answer")


def _or_an_id(schema: JsonDict) -> None:
    """Add to the schema of an item that its id alone is enough."""
    item = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": "string", "maxLength": 1000}, item]


class Item(Message):
    """An item, and how much it counts."""

    model_config = ConfigDict(json_schema_extra=_or_an_id)

    item_id: Id
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: object) -> object:
        return {"item_id": value} if isinstance(value, str) else value


# Not both absent or null; generators of clients pass over `not`, but would make a type of each
# alternative of an `anyOf`.
_NOTHING: JsonDict = {"type": "null"}
_USER_OR_ITEMS: JsonDict = {"not": {"properties": {"user_id": _NOTHING, "items": _NOTHING}}}


class UserOrItems(Message):
    """A user, whose history the model knows, or items, or both.

    An item of the request counts with the request's weight, also if it is in the user's history.
    """

    model_config = ConfigDict(json_schema_extra=_USER_OR_ITEMS)

    user_id: Id | None = None
    items: (
        Annotated[
            list[Item],
            Field(
                max_length=1000,
                description="ids, or objects with an id and a weight, in the order in which they "
                "were chosen. Later items count more, if the model has learned that they do",
            ),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.user_id is None and self.items is None:
            raise PydanticCustomError("asker_missing", "user_id or items is required")
        return self


class RecommendationRequest(UserOrItems):
    """A user or items, and what the answer must contain."""

    model_config = ConfigDict(
        json_schema_extra={
            **_USER_OR_ITEMS,
            "examples": [{"items": ["ITEM", {"item_id": "ITEM", "weight": 2}], "k": 5}],
        }
    )

    k: Annotated[int, _K, Whole] = 20
    exclude_seen: Annotated[
        bool, Field(description="leave out the user's history and the items of the request")
    ] = True
    exclude_items: Annotated[_Ids, Field(description="leave these items out", default_factory=list)]
    candidates: Annotated[_Ids | None, Field(description="rank only these items")] = None
    explain: Annotated[
        bool, Field(description="add to each item the items that its score comes from")
    ] = False

    @property
    def n_ids(self) -> int:
        """The number of item ids in the request."""
        return len(self.items or ()) + len(self.exclude_items) + len(self.candidates or ())


_Unchecked = Annotated[
    Any,  # each is validated by itself: its fault is no fault of the batch
    WithJsonSchema({"anyOf": [api.reference(RecommendationRequest), {}]}),
]


class BatchRequest(Message):
    """Several requests at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"requests": [{"user_id": "USER"}, {"items": ["ITEM"], "k": 5}]}]
        }
    )

    requests: Annotated[
        list[_Unchecked],
        Field(
            max_length=MAX_BATCH_REQUESTS,
            description="each a RecommendationRequest; an invalid one gets an error of its own. "
            f"Together they can ask for {MAX_BATCH_ITEMS:,} items (the sum of k) and contain "
            f"{MAX_BATCH_IDS:,} ids; the first request beyond that and all after it get errors",
        ),
    ]


class ScoresRequest(UserOrItems):
    """A user or items, and the items to score."""

    model_config = ConfigDict(
        json_schema_extra={
            **_USER_OR_ITEMS,
            "examples": [{"user_id": "USER", "candidates": ["ITEM", "ANOTHER ITEM"]}],
        }
    )

    candidates: Annotated[_Ids, Field(description="the items to score")]


class Query(Message):
    """The query parameters of lists of items."""

    k: Annotated[int, _K] = 20


class SearchQuery(Message):
    """The query parameters of a search."""

    q: Annotated[str, Field(max_length=100, description="a part of a title or id, in any case")]
    k: Annotated[int, Field(ge=1, le=MAX_SEARCH_RESULTS)] = 10


class Reason(TypedDict):
    """An item of the user's history or of the request, and its share of the score.

    The largest shares come first. If there are too many, the last one has no item_id: it is the
    sum of all others.
    """

    item_id: str | None
    title: str | None
    share: float


class ScoredItem(TypedDict):
    """An item with its score, and its title if the catalogue has one."""

    item_id: str
    title: str | None
    score: float
    because: NotRequired[
        Annotated[
            list[Reason],
            Field(
                max_length=MAX_REASONS + 1,
                description="only with `explain`: shares that add up to the score",
            ),
        ]
    ]


Fallback = Annotated[
    Literal["popular"] | None,
    Field(
        description='`"popular"` if nothing is known of the asker, so that trending items replace '
        "personal ones: the user is unknown or has no history, and no item of the request is in "
        "the model, or none of these items has neighbours. Else null, also if nothing is left to "
        "recommend; candidates and exclusions do not matter. To a model without histories (its "
        "provenance has HISTORIES `off` among the settings) every user is unknown: send `items`"
    ),
]
UnknownItems = Annotated[
    list[str], Field(description="items of the request that are not in the model")
]


class Recommendations(TypedDict):
    """The recommended items, best first.

    If `fallback` is null, each is similar to an item of the user or of the request: there can be
    fewer than `k`, or none if the user has them all or they are excluded. The same request with
    `"items": []` and no user returns trending items.
    """

    items: list[ScoredItem]
    fallback: Fallback
    unknown_items: UnknownItems
    model: ModelInfo


class CandidateScore(TypedDict):
    """An item's score; null if the item is not in the model."""

    item_id: str
    score: float | None


class CandidateScores(TypedDict):
    """A score for each candidate, in their order.

    If `fallback` is "popular", the score is the share of users who chose the item; late choices
    count most. Else it is 0 for a candidate that is similar to no item of the user or the request.
    """

    scores: list[CandidateScore]
    fallback: Fallback
    unknown_items: UnknownItems
    model: ModelInfo


class SimilarItems(TypedDict):
    """An item's nearest neighbours, nearest first."""

    item_id: str
    title: str | None
    items: list[ScoredItem]
    model: ModelInfo


class NamedItem(TypedDict):
    """An item of the catalogue."""

    item_id: str
    title: str | None


class FoundItems(TypedDict):
    """Items whose title or id contains the text, trending items first."""

    items: list[NamedItem]


class BatchRow(TypedDict):
    """The answer to one request of a batch, or its error; the other one is null."""

    answer: Recommendations | None
    error: ProblemDetails | None


class Batch(TypedDict):
    """An answer or an error for each request, in their order."""

    answers: list[BatchRow]
    model: ModelInfo


class Question(TypedDict):
    """A gate user's earlier items, and the latest ones, which are held out."""

    items: list[str]
    answers: list[str]


class Popularity(TypedDict):
    """The number of users, all items of the catalogue, and how many users chose each."""

    users: int
    item_ids: list[str]
    counts: list[int]


class GateQuestions(TypedDict):
    """The questions of all gate users, without user ids. No build has learned from these users.

    `popularity`, of all users of the data, is null if the model has no histories.
    """

    questions: list[Question]
    popularity: Popularity | None
    model: ModelInfo
