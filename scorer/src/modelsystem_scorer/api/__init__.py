"""What all versions of the API share: operations, messages, problem details, OpenAPI.

A version's view reads its request with `body` or `query`, asks `site` for the model, returns
`respond(answer)`, and raises `problem(...)`.
"""

from modelsystem_scorer.api.caching import (
    NEVER,
    REVALIDATED,
    canonical,
    check_changed,
    revalidated,
    tag,
)
from modelsystem_scorer.api.draining import Draining
from modelsystem_scorer.api.heads import check_head, is_host
from modelsystem_scorer.api.http import (
    Site,
    attach,
    body,
    check_not_draining,
    content,
    query,
    respond,
    site,
    site_of,
)
from modelsystem_scorer.api.messages import (
    MAX_BODY_BYTES,
    Fault,
    Id,
    Message,
    NoQuery,
    ProblemDetails,
    Whole,
)
from modelsystem_scorer.api.openapi import document, reference
from modelsystem_scorer.api.operations import HTML, JSON, SVG, TEXT, Operation, Table
from modelsystem_scorer.api.problems import (
    PROBLEM_JSON,
    Problem,
    answer_error,
    invalid,
    problem,
    problem_details,
    to_bytes,
)

__all__ = [
    "HTML",
    "JSON",
    "MAX_BODY_BYTES",
    "NEVER",
    "PROBLEM_JSON",
    "REVALIDATED",
    "SVG",
    "TEXT",
    "Draining",
    "Fault",
    "Id",
    "Message",
    "NoQuery",
    "Operation",
    "Problem",
    "ProblemDetails",
    "Site",
    "Table",
    "Whole",
    "answer_error",
    "attach",
    "body",
    "canonical",
    "check_changed",
    "check_head",
    "check_not_draining",
    "content",
    "document",
    "invalid",
    "is_host",
    "problem",
    "problem_details",
    "query",
    "reference",
    "respond",
    "revalidated",
    "site",
    "site_of",
    "tag",
    "to_bytes",
]
