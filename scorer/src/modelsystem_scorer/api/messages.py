"""What is said over HTTP: each request and answer, with its limits, as one type.

Requests are checked; answers are plain dictionaries, whose types say what the schema says.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

MOST_BODY_BYTES = 1 << 20
MOST_REQUESTS = 100  # of a batch
MOST_ITEMS_OF_BATCH = 10_000  # that its requests ask for together
MOST_IDS_OF_BATCH = 20_000  # that its requests name together
MOST_REASONS = 20
MOST_FOUND = 50

Id = Annotated[str, Field(max_length=1000)]
Ids = Annotated[list[Id], Field(max_length=10_000)]


def _whole(value: Any) -> Any:
    """Take 20.0 for 20: JSON has but one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
_WITHIN = Field(ge=1, le=1000, description="how many items to answer with, at most")
K = Annotated[int, _WITHIN, Whole]


class Message(BaseModel):
    """Nothing is converted, and nothing unknown is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _or_an_id(schema: dict[str, Any]) -> None:
    """Say that the id alone will do."""
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": "string", "maxLength": 1000}, whole]


class Item(Message):
    """An item that somebody brings; its weight says how much it counts."""

    model_config = ConfigDict(json_schema_extra=_or_an_id)

    item_id: Id
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        return {"item_id": value} if isinstance(value, str) else value


_SOMEBODY = {
    "anyOf": [
        {"required": ["user_id"], "properties": {"user_id": {"type": "string"}}},
        {"required": ["items"], "properties": {"items": {"type": "array"}}},
    ]
}


class Asker(Message):
    """Who asks: a user, by what the model knows of them, or the items that they bring, or both.

    An item that is brought counts with its own weight, also where the user has it already.
    """

    model_config = ConfigDict(json_schema_extra=_SOMEBODY)  # type: ignore[typeddict-item]  # JSON all the same

    user_id: Id | None = None
    items: (
        Annotated[
            list[Item],
            Field(
                max_length=1000,
                description="ids, or objects with an id and a weight, in the order in which they "
                "were chosen, the latest last: it counts most, as far as the model has learned so",
            ),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.user_id is None and self.items is None:
            raise PydanticCustomError("missing", "either user_id or items must be given")
        return self


class RecommendationRequest(Asker):
    """Who asks, and what they want to see."""

    k: K = 20
    exclude_seen: Annotated[bool, Field(description="leave out what the answer builds on")] = True
    exclude_items: Annotated[Ids, Field(description="leave these out")] = []
    candidates: Annotated[Ids | None, Field(description="rank only these")] = None
    explain: Annotated[bool, Field(description="say which items speak for an answer")] = False

    @property
    def ids(self) -> int:
        """How many ids it names."""
        return len(self.items or ()) + len(self.exclude_items) + len(self.candidates or ())


class BatchRequest(Message):
    """Several requests at once."""

    requests: Annotated[
        list[Any],
        Field(
            max_length=MOST_REQUESTS,
            description="each a RecommendationRequest; what is none gets an error for itself. "
            f"Together they may ask for {MOST_ITEMS_OF_BATCH:,} items (the sum of k) and name "
            f"{MOST_IDS_OF_BATCH:,} ids; the first one beyond, and all after it, get an error",
        ),
    ]


class ScoresRequest(Asker):
    """Who asks, and of which items they want to know the score."""

    candidates: Annotated[Ids, Field(description="the items to score")]


class Query(Message):
    """What may follow the question mark."""

    k: Annotated[int, _WITHIN] = 20


class SearchQuery(Message):
    """What to look for in ids and titles."""

    q: Annotated[str, Field(max_length=100, description="a part of a title or id, in any case")]
    k: Annotated[int, Field(ge=1, le=MOST_FOUND)] = 10


class NoQuery(Message):
    """Nothing may follow the question mark."""


@dataclass(frozen=True)
class ModelInfo:
    """Which model answered."""

    build: str
    digest: str
    score: float


class Reason(TypedDict):
    """An item that the asker has or brings, and its share of the score.

    The strongest come first. Where there are too many, the last one has no item_id: it is what
    all others add up to.
    """

    item_id: str | None
    title: str | None
    share: float


class ScoredItem(TypedDict):
    """An item with its score, and its title where the catalogue has one."""

    item_id: str
    title: str | None
    score: float
    because: NotRequired[
        Annotated[
            list[Reason],
            Field(
                max_length=MOST_REASONS + 1,
                description="only when asked to explain: shares that add up to the score",
            ),
        ]
    ]


Fallback = Annotated[
    Literal["popular"] | None,
    Field(description="what stood in where the model knows nothing of the asker"),
]
UnknownItems = Annotated[list[str], Field(description="asked for, but not in the model")]


class Recommendations(TypedDict):
    """The recommended items, best first."""

    items: list[ScoredItem]
    fallback: Fallback
    unknown_items: UnknownItems
    model: ModelInfo


class CandidateScore(TypedDict):
    """An item's score; null for an item that the model does not know."""

    item_id: str
    score: float | None


class Scores(TypedDict):
    """A score for each candidate, in their order.

    Where nothing is known of the asker, the score is the share of users who chose the item.
    """

    scores: list[CandidateScore]
    fallback: Fallback
    unknown_items: UnknownItems
    model: ModelInfo


class SimilarItems(TypedDict):
    """An item's neighbours."""

    item_id: str
    title: str | None
    items: list[ScoredItem]
    model: ModelInfo


class NamedItem(TypedDict):
    """An item of the catalogue."""

    item_id: str
    title: str | None


class FoundItems(TypedDict):
    """Items whose title or id holds what was looked for, the most popular first."""

    items: list[NamedItem]


class Fault(TypedDict):
    """A field of the request, and what is wrong with it."""

    field: str
    message: str


class ProblemDetails(TypedDict):
    """An error, as RFC 9457 has it, with the fields that are at fault.

    `error`, below /v2 only, is the detail once more, as the Open Inference Protocol has it.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault]
    error: NotRequired[str]


class BatchRow(TypedDict):
    """The answer to one request of a batch, or why there is none; the other one is null."""

    answer: Recommendations | None
    error: ProblemDetails | None


class Batch(TypedDict):
    """An answer or an error for each request, in their order."""

    answers: list[BatchRow]
    model: ModelInfo


class Question(TypedDict):
    """Earlier items of somebody whom no build has learned from, and their latest ones."""

    items: list[str]
    answers: list[str]


class Questions(TypedDict):
    """The gate users' questions; the users are not named."""

    questions: list[Question]
    model: ModelInfo


class Readiness(TypedDict):
    """Which model is ready to answer."""

    build: str
    digest: str
