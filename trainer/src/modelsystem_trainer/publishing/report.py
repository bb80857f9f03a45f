"""`report.html`: the manifest's figures for people, on one page that needs no other file.

It is a file of the model, so it tells nothing of time, host, place or build: the same data and
settings have the same model digest in every build.
"""

import base64
from collections.abc import Iterator, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from modelsystem_shared.manifest import PLOTS, Data, ModelPart
from modelsystem_trainer.publishing import plots

_K = "20"
_NAMES = {"recall": "Recall", "ndcg": "NDCG", "novelty": "Novelty (bits)"}


def page(part: ModelPart, drawn: Mapping[str, bytes]) -> bytes:
    """Make the page from the manifest's model part, whose files are not read, and the plots."""
    metrics = part["metrics"]
    model, popularity = metrics["model"], metrics["popularity"]
    text = (
        _environment()
        .get_template("report.html")
        .render(
            part=part,
            metrics=metrics,
            k=_K,
            lengths=sorted(model["at"], key=int),
            names=_NAMES,
            captions=PLOTS,
            plots={name: _data_url(content) for name, content in drawn.items()},
            counts=list(_counts(part["data"])),
            bands=list(zip(model["by_history"], popularity["by_history"], strict=True)),
            settings=list(_settings(part)),
        )
    )
    return text.encode()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["label"] = plots.band_label
    return environment


def _data_url(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _counts(data: Data) -> Iterator[tuple[str, str]]:
    """Yield what was read; without the files, which may be cut anew for the same model."""
    yield "Rows", f"{data['rows']:,}"
    yield "Rows rejected", f"{data['rows_rejected']:,}"
    yield "Rows of other tenants", f"{data['rows_of_other_tenants']:,}"
    yield "Users", f"{data['users']:,}"
    yield "Items", f"{data['items']:,}"
    yield "Interactions", f"{data['interactions']:,}"


def _settings(part: ModelPart) -> Iterator[tuple[str, str]]:
    """Yield the half-life of the trend, then the settings that are set, without the build."""
    best = max(part["trend"], key=lambda tried: tried["ndcg"])["half_life"]
    yield "trend: half-life in days", f"{best:g}" if best else "none"
    for name, value in sorted(part["settings"].items()):
        if value and name != "BUILDNUMBER":
            yield name, value
