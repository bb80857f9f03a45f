"""What is said over HTTP: each request and answer, with its limits, as one type."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MOST_BODY_BYTES = 1 << 20

Id = Annotated[str, Field(max_length=1000)]
K = Annotated[int, Field(ge=1, le=1000, description="how many items to answer with, at most")]


class Message(BaseModel):
    """Nothing is converted, and nothing unknown is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class RecommendationRequest(Message):
    """Who asks: a user, by what the model knows of them, or the items that they bring, or both."""

    user_id: Id | None = None
    items: Annotated[list[Id], Field(max_length=1000)] | None = None
    k: K = 20
    exclude_seen: Annotated[bool, Field(description="leave out what the answer builds on")] = True
    exclude_items: Annotated[list[Id], Field(max_length=10_000)] = []

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.user_id is None and self.items is None:
            raise PydanticCustomError("missing", "either user_id or items must be given")
        return self


class Query(Message):
    """What may follow the question mark."""

    k: K = 20


class ModelInfo(Message):
    """Which model answered."""

    build: str
    digest: str
    score: float


class ScoredItem(Message):
    """An item with its score, and its title where the catalogue has one."""

    item_id: str
    title: str | None
    score: float


class Recommendations(Message):
    """The answer; `fallback` says what stood in where the model knows nothing of the asker."""

    items: list[ScoredItem]
    fallback: Literal["popular"] | None
    unknown_items: Annotated[list[str], Field(description="asked for, but not in the model")]
    model: ModelInfo


class SimilarItems(Message):
    """An item's neighbours."""

    item_id: str
    title: str | None
    items: list[ScoredItem]
    model: ModelInfo


class Readiness(Message):
    """Which model is ready to answer."""

    build: str
    digest: str
