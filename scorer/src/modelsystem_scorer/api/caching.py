"""Answers that may be cached exactly: a build never changes, so a strong ETag is true for ever.

An ETag is a hash of the model and of the request, so that an unchanged answer costs no scoring.
Clients may keep an answer, but ask again before they use it (`no-cache`): another build may have
taken over.
"""

from flask import Response, abort, g, request

from modelsystem_scorer.api.messages import Message
from modelsystem_scorer.engine import ServedModel

REVALIDATED, NEVER = "no-cache", "no-store"


def tag(served: ServedModel, name: bytes, canonical: bytes) -> bytes:
    """Return the ETag of an operation's answer.

    name: of the operation.
    canonical: the request, in a form that is the same for all requests with the same answer.
    """
    hashed = served.keyed_hash.copy()
    hashed.update(b"%b\n%b\n" % (name, canonical))
    return b'"%b"' % hashed.hexdigest().encode()


def canonical(message: Message) -> bytes:
    """Return a valid request as JSON, with all defaults, in the order of its fields."""
    return message.__pydantic_serializer__.to_json(message)


def revalidated(response: Response) -> Response:
    """Give an answer its ETag: a hash of its content, if its request has not got one."""
    if "etag" in g:
        response.headers["ETag"] = g.etag
    else:
        response.add_etag()
        response.make_conditional(request.environ)
    response.headers["Cache-Control"] = REVALIDATED
    return response


def check_changed(served: ServedModel, content: bytes) -> None:
    """End the request with 304 if the client has the answer already.

    content: the canonical request.
    """
    g.etag = tag(served, str(request.endpoint).encode(), content).decode()
    if request.if_none_match.contains_weak(g.etag.strip('"')):
        abort(Response(status=304))
