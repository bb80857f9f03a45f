"""The page for people: which build this is, what it was made of, how good it is, and a try."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from flask import Response, render_template, request

from modelsystem_scorer.api.messages import ModelInfo
from modelsystem_scorer.engine.served import Served
from modelsystem_scorer.site import plots
from modelsystem_scorer.site.plots import Plot

REPORT = "report.html"
ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "docs.css": "text/css"}
# Nothing from anywhere else, no script or style in the page itself, and no frame around it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_USERS = 12  # that are offered to pick from
_Pairs = list[tuple[str, str]]


def front(served: Served) -> Response:
    """Return the page."""
    manifest = served.published.manifest
    facts, run = manifest.model, manifest.run
    return _page(
        render_template(
            "front.html",
            info=served.info,
            score=served.published.marker.score,
            made_of=_made_of(facts),
            made_by=_made_by(served.info, facts, run),
            evaluation=_evaluation(facts),
            users=_some_users(served),
            has_report=any(file.name == REPORT for file in manifest.files),
        )
    )


def docs(document: Mapping[str, Any]) -> Response:
    """Return the description of the API for people."""
    return _page(render_template("docs.html", document=document, site=request.host_url))


def asset(name: str) -> Response | None:
    """Return one of the files that the pages need, or None."""
    if name not in ASSETS:
        return None
    content = files(__package__).joinpath("assets", name).read_bytes()
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(content, headers=headers, mimetype=ASSETS[name])


def report(served: Served) -> Response | None:
    """Return the training's report, which is a file of the model, or None where there is none."""
    if all(file.name != REPORT for file in served.published.manifest.files):
        return None
    return _page((served.published.attempt / REPORT).read_text(encoding="utf-8"), _REPORT_POLICY)


def _page(text: str, policy: str = _POLICY) -> Response:
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    response = Response(text, headers=headers, mimetype="text/html")
    response.vary.add("Accept")
    return response


def _made_of(facts: Mapping[str, Any]) -> _Pairs:
    data = facts.get("data", {})
    counts = [
        (name.replace("_", " ").capitalize(), f"{data[name]:,}")
        for name in ("users", "items", "interactions", "rows", "rows_rejected")
        if name in data
    ]
    files_read = [
        (file["name"], f"{file['bytes']:,} bytes, SHA-256 {file['sha256'][:12]}…")
        for file in data.get("files", [])[:5]
    ]
    more = len(data.get("files", [])) - len(files_read)
    return counts + files_read + ([("More files", f"{more:,}")] if more > 0 else [])


def _made_by(info: ModelInfo, facts: Mapping[str, Any], run: Mapping[str, Any]) -> _Pairs:
    told = {
        "Trained": run.get("finished"),
        "Tenant": facts.get("tenant"),
        "Commit": run.get("commit"),
        "Started by": run.get("started_by"),
        "Seconds": run.get("seconds"),
        "Parameters": ", ".join(f"{k} {v}" for k, v in facts.get("parameters", {}).items()),
        "Digest": info.digest,
    }
    return [(name, str(value)) for name, value in told.items() if value not in (None, "")]


def _evaluation(facts: Mapping[str, Any]) -> list[Plot]:
    return list(_plots(facts))


def _plots(facts: Mapping[str, Any]) -> Iterator[Plot]:
    metrics = facts.get("metrics", {})
    if "model" in metrics:
        yield from plots.evaluation(metrics)
        yield plots.long_tail(metrics)
    if bands := facts.get("data", {}).get("history_lengths"):
        yield plots.history_lengths(bands)


def _some_users(served: Served) -> list[str]:
    """Return a few users from all over the list, of those who have something in their history."""
    count = len(served.model.users)
    places = range(0, count, max(1, count // _USERS))
    known = [place for place in places if len(served.model.history[place])]
    return served.model.users.pick(known[:_USERS])
