"""`model_card.md`: the model in Hugging Face's format of model cards, made from the manifest.

See https://huggingface.co/docs/hub/model-cards; the head is YAML, of which JSON is a part.
"""

import json
from collections.abc import Iterator

from modelsystem_shared.manifest import Figures, Manifest

NAME = "model_card.md"
_K = "20"
_METRICS = {"ndcg": "NDCG", "recall": "Recall"}
_FIGURES = {**_METRICS, "novelty": "Novelty in bits"}
_BODY = """\
# Recommendations, build {build}

Item-to-item collaborative filtering over implicit feedback: each of {items:,} items keeps its most
similar items, and a user's scores are a weighted sum over the user's items. Made by one training,
served by one site, and never changed.

- Build {build}{tenant}, model digest `{digest}`
- Trained {finished} from commit {commit}, by {started_by}
- Parameters: {parameters}

## Intended use

Lists of items for known users, and for unknown users by items that they bring. Users of whom the
data says nothing get what is popular.

## Training data

{rows:,} rows of {location} ({rejected:,} rejected):
{interactions:,} interactions of {users:,} users with {items:,} items.
`croissant.json` describes the files. A fixed 1 % of the users, at most 5,000, are left out of the
training: the gate compares builds by them.

## Evaluation

The latest interactions of {tested:,} users were held out. Means over users, with 95 % intervals;
novelty is the mean of -log2 of the share of users who have a shown item, coverage the share of the
catalogue that is shown to anyone:

| metric | model | most popular items |
| --- | --- | --- |
{figures}

## Limits

The figures hold for users like those of the data, whose latest interactions are found again; they
are no measure of what users would choose without the recommendations. Ids of users and items are
personal data if yours are.
"""


def page(manifest: Manifest) -> bytes:
    """Return the card."""
    part, run = manifest.model, manifest.run
    data, metrics = part["data"], part["metrics"]
    body = _BODY.format(
        build=part["build"],
        tenant=f" of tenant {part['tenant']}" if part.get("tenant") else "",
        digest=manifest.digest,
        finished=run["finished"],
        commit=run["commit"] or "unknown",
        started_by=run["started_by"] or "unknown",
        parameters=", ".join(f"`{key}={value}`" for key, value in part["parameters"].items()),
        rows=data["rows"],
        location=f"`{data['location']}`",
        rejected=data["rows_rejected"],
        interactions=data["interactions"],
        users=data["users"],
        items=data["items"],
        tested=metrics["model"]["users"],
        figures="\n".join(_rows(metrics["model"]["at"][_K], metrics["popularity"]["at"][_K])),
    )
    head = "".join(f"{key}: {json.dumps(value)}\n" for key, value in _head(manifest).items())
    return f"---\n{head}---\n{body}".encode()


def _head(manifest: Manifest) -> dict[str, object]:
    at = manifest.model["metrics"]["model"]["at"][_K]
    figures = [
        {"type": name, "name": f"{text}@{_K}", "value": at[name]["mean"]}  # type: ignore[literal-required]  # the keys of _METRICS
        for name, text in _METRICS.items()
    ]
    result = {
        "task": {"type": "recommendation", "name": "Recommendation"},
        "dataset": {"type": "export", "name": manifest.model["data"]["location"]},
        "metrics": figures,
    }
    return {
        "library_name": "modelsystem",
        "tags": ["recommendation", "collaborative-filtering", "implicit-feedback"],
        "metrics": list(_METRICS),
        "model-index": [{"name": f"build {manifest.build}", "results": [result]}],
    }


def _rows(model: Figures, popularity: Figures) -> Iterator[str]:
    for name, text in _FIGURES.items():
        cells = (
            f"{interval['mean']:.4f} ({interval['low']:.4f} to {interval['high']:.4f})"
            for interval in (model[name], popularity[name])  # type: ignore[literal-required]  # as above
        )
        yield f"| {text}@{_K} | {' | '.join(cells)} |"
    yield f"| Coverage@{_K} | {model['coverage']:.4f} | {popularity['coverage']:.4f} |"
