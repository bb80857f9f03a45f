"""`report.html`: the manifest's figures for people, on one page that needs no other file.

It is a file of the model, so it tells nothing of time, host, place or build: the same data and
settings have the same model digest in every build.
"""

import base64
from collections.abc import Iterator, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from modelsystem_shared import profile
from modelsystem_shared.manifest import PLOTS, Data, ModelPart
from modelsystem_trainer.publishing import plots

_K = "20"
_OF_FILES = (
    *("files", "left_out", "copies", "linked", "uncommitted", "lookalikes", "days_behind"),
)  # figures that tell how the rows were cut into files
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
            searched=part.get("searched"),
            metrics=metrics,
            k=_K,
            lengths=sorted(model["at"], key=int),
            names=_NAMES,
            captions=PLOTS,
            plots={name: _data_url(content) for name, content in drawn.items()},
            profile=part["data"].get("profile"),
            of_data=list(_figures(part["data"])),
            broken=list(_broken(part["data"])),
            has_times=_has_times(part["data"]),
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


def _figures(data: Data) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, value, the champion's value and meaning of what was read.

    Without the files, which may be cut anew: the same rows make the same model.
    """
    if "profile" not in data:
        return
    theirs = profile.champion_figures(data["profile"])
    for row in profile.rows_of_figures(data["profile"], theirs):
        if row[0] not in _OF_FILES:
            yield row


def _broken(data: Data) -> Iterator[str]:
    """Yield a sentence for each broken rule on these figures."""
    for outcome in profile.broken(data["profile"]) if "profile" in data else ():
        if outcome["figure"] not in _OF_FILES:
            yield outcome["sentence"]


def _has_times(data: Data) -> bool:
    """Whether the latest interactions could be held out; if not, a hash decided which are."""
    return "profile" in data and data["profile"]["first"] is not None


def _settings(part: ModelPart) -> Iterator[tuple[str, str]]:
    """Yield the half-life of the trend, then the settings that are set, without the build."""
    best = max(part["trend"], key=lambda tried: tried["ndcg"])["half_life"]
    yield "trend: half-life in days", f"{best:g}" if best else "none"
    for name, value in sorted(part["settings"].items()):
        if value and name != "BUILDNUMBER":
            yield name, value
