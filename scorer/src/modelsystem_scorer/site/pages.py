"""The pages for people: the front page, the API's page, the training's report, and their files."""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from flask import Response, render_template
from markupsafe import Markup, escape

from modelsystem_scorer.api import HTML, SVG
from modelsystem_scorer.engine import ModelInfo, ServedModel
from modelsystem_scorer.site.data import section
from modelsystem_scorer.site.figures import figures
from modelsystem_shared.manifest import PLOTS, REPORT, Data, ModelPart, RunPart

TEMPLATES = Path(__file__).with_name("templates")
_CSS, _JAVASCRIPT = "text/css", "text/javascript"
_OURS = {"docs.css": _CSS, "docs.js": _JAVASCRIPT, "page.css": _CSS, "page.js": _JAVASCRIPT}
_SWAGGER = {"swagger-ui-bundle.js": _JAVASCRIPT, "swagger-ui.css": _CSS}
ASSETS = _OURS | _SWAGGER  # names to media types
# Nothing from another site, no script or style inside the page, and no frame around it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Files that the training wrote have their styles and pictures inside; they need nothing else.
_FILE_POLICY = "default-src 'none'; style-src {styles}; img-src data:; frame-ancestors 'none'"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_USERS = 12  # user ids to pick from
_MAX_FILES = 5  # of the data
_CODE = re.compile(r"`([^`]+)`")
_Pairs = list[tuple[str, str]]


def front(served: ServedModel) -> Response:
    """Return the front page."""
    manifest = served.published.manifest
    evaluation, data = manifest.model.get("metrics"), manifest.model.get("data")
    described = data.get("profile") if data else None
    text = render_template(
        "front.html",
        info=served.info,
        score=served.published.marker.score,
        data=_data(data),
        profile=section(described) if described else None,
        training=_training(served.info, manifest.model, manifest.run),
        figures=figures(evaluation) if evaluation else None,
        plots={name: caption for name, caption in PLOTS.items() if served.file(name)},
        users=_some_users(served),
        has_histories=served.has_histories,
        has_report=served.file(REPORT) is not None,
    )
    page = _page(text)
    page.vary.add("Accept")
    return page


def docs(document: Mapping[str, object]) -> Response:
    """Return the API's page: an introduction, and Swagger UI, which reads the OpenAPI document."""
    return _page(render_template("docs.html", document=document))


def with_code(text: str) -> Markup:
    """Return a text as HTML, escaped, with the parts between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped before


def asset(name: str) -> Response | None:
    """Return a file that the pages need, or None if there is no such file."""
    if name not in ASSETS:
        return None
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(_asset_file(name).read_bytes(), headers=headers, mimetype=ASSETS[name])


def _asset_file(name: str) -> Traversable:
    if name in _SWAGGER:
        return files("flask_swagger_ui").joinpath("dist", name)
    return files(__package__).joinpath("assets", name)


def report(served: ServedModel) -> Response | None:
    """Return the training's report, or None if the model has none."""
    path = served.file(REPORT)
    return _file(path, HTML) if path else None


def plot(served: ServedModel, name: str) -> Response | None:
    """Return a plot that the training drew, or None if the model has no such plot."""
    path = served.file(name) if name in PLOTS else None
    return _file(path, SVG) if path else None


def _file(path: Path, mimetype: str) -> Response:
    text = path.read_text(encoding="utf-8")
    hashes = (b64encode(sha256(style.encode()).digest()) for style in _STYLE.findall(text))
    styles = " ".join(f"'sha256-{each.decode()}'" for each in hashes) or "'none'"
    return _page(text, _FILE_POLICY.format(styles=styles), mimetype)


def _page(text: str, policy: str = _POLICY, mimetype: str = HTML) -> Response:
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Response(text, headers=headers, mimetype=mimetype)


def _data(data: Data | None) -> _Pairs:
    """Return facts of the data: counts first, then the first few files."""
    if data is None:
        return []
    counts = {
        "Users": data["users"],
        "Items": data["items"],
        "Interactions": data["interactions"],
        "Rows": data["rows"],
        "Rows rejected": data["rows_rejected"],
    }
    listed = [
        (file["name"], f"{file['bytes']:,} bytes, SHA-256 {file['sha256'][:12]}…")
        for file in data["files"][:_MAX_FILES]
    ]
    n_more = len(data["files"]) - len(listed)
    more = [("More files", f"{n_more:,}")] if n_more else []
    return [(name, f"{count:,}") for name, count in counts.items()] + listed + more


def _training(info: ModelInfo, model: ModelPart, run: RunPart) -> _Pairs:
    """Return facts of the training, without those that are unknown."""
    parameters = model.get("parameters", {})
    facts = {
        "Trained": run.get("finished"),
        "Tenant": model.get("tenant"),
        "Commit": run.get("commit"),
        "Started by": run.get("started_by"),
        "Seconds": run.get("seconds"),
        "Parameters": ", ".join(f"{name} {value}" for name, value in parameters.items()),
        "Digest": info.digest,
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _some_users(served: ServedModel) -> list[str]:
    """Return a few ids of users with a history, from the whole range of users."""
    n_users = len(served.model.users)
    users = range(0, n_users, max(1, n_users // _USERS))
    with_history = [user for user in users if len(served.model.history[user])]
    return served.model.users.pick(with_history[:_USERS])
