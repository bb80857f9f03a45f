"""`report.html`: the manifest's figures for people, on one page that needs nothing else.

It is a file of the model like any other, and so tells nothing of time, host or place, nor of
the build: the same data and settings have the same model digest in every build.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from modelsystem_trainer.publishing.charts import Bar, bars

NAME = "report.html"
_METRICS = {"recall": "Recall", "ndcg": "NDCG", "novelty": "Novelty (bits)"}
_K = "20"
Facts = Mapping[str, Any]


def page(told: Facts) -> bytes:
    """Make the page from the manifest's model part; its files are not looked at."""
    metrics = told["metrics"]
    both = {"model": metrics["model"], "popularity": metrics["popularity"]}
    sections = [
        _headline(both),
        _section("At each length of the list", _figures(both) + _at_each_length(both)),
        _section("By length of history", _by_history(both)),
        _section("Long tail", _tail(both)),
        _section("Gate users", _gate(metrics["gate"])),
        _section("Data", _data(told["data"])),
        _section("Parameters and settings", _choices(told)),
        _section("What the figures mean", f"<p>{_MEANING}</p>"),
    ]
    tenant = f" <small>{escape(told['tenant'])}</small>" if told["tenant"] else ""
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    return _PAGE.format(tenant=tenant, style=style, body="\n".join(sections)).encode()


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Evaluation of a model</title>
<style>
{style}</style>
</head>
<body>
<h1>Evaluation{tenant}</h1>
{body}
</body>
</html>
"""
_MEANING = (
    "Each user's latest interactions were held out, and the model, fitted without them, was "
    "asked for what comes next. Recall is the share of them that a list of k items names; "
    "NDCG counts an early hit for more; novelty is the mean of &minus;log<sub>2</sub> of the "
    "share of users who chose a shown item; coverage is the share of all items that anybody "
    "was shown. Small figures are 95&nbsp;% bootstrap intervals over users. Popularity shows "
    "everybody what most users chose."
)


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{heading}</h2>\n{content}</section>"


def _headline(both: Facts) -> str:
    model, popularity = (both[of]["at"][_K]["ndcg"] for of in ("model", "popularity"))
    ratio = ""
    if popularity["mean"]:
        ratio = f", {model['mean'] / popularity['mean']:.1f} times popularity's"
    return (
        f"<p>NDCG@{_K} <strong>{model['mean']:.4f}</strong> {_interval(model)}{ratio}, "
        f"measured on {both['model']['users']:,} users.</p>"
    )


def _figures(recommenders: Mapping[str, Facts]) -> str:
    """Return a table of every figure at every k, a column for each recommender."""
    rows = [
        [f"{name} @{k}", *(_estimate(of["at"][k][metric]) for of in recommenders.values())]
        for metric, name in _METRICS.items()
        for k in _lengths(recommenders)
    ]
    rows += [
        [f"Coverage @{k}", *(f"{of['at'][k]['coverage']:.1%}" for of in recommenders.values())]
        for k in _lengths(recommenders)
    ]
    return _table(["", *map(str.capitalize, recommenders)], rows)


def _lengths(recommenders: Mapping[str, Facts]) -> list[str]:
    return sorted(next(iter(recommenders.values()))["at"], key=int)


def _at_each_length(both: Mapping[str, Facts]) -> str:
    lengths = _lengths(both)
    return "".join(
        _figure(
            f"{_METRICS[metric]} at k",
            lengths,
            {name: [_bar(of["at"][k][metric]) for k in lengths] for name, of in both.items()},
        )
        for metric in ("recall", "ndcg")
    )


def _by_history(both: Mapping[str, Facts]) -> str:
    asked = {
        name: [band for band in of["by_history"] if band["users"]] for name, of in both.items()
    }
    labels = [_band(band) for band in asked["model"]]
    series = {
        name: [_bar(band["at"][_K]["ndcg"]) for band in bands] for name, bands in asked.items()
    }
    rows = [
        [_band(one), f"{one['users']:,}", *(_estimate(b["at"][_K]["ndcg"]) for b in (one, other))]
        for one, other in zip(*asked.values(), strict=True)
    ]
    table = _table(["Earlier items", "Users", "Model", "Popularity"], rows)
    return _figure(f"NDCG@{_K} by number of earlier items", labels, series) + table


def _tail(both: Mapping[str, Facts]) -> str:
    count = len(both["model"]["tail"])
    labels = [f"{n * 100 // count}" for n in range(1, count + 1)]
    series = {name: [Bar(100 * share) for share in of["tail"]] for name, of in both.items()}
    return _figure(
        f"Percent of items shown to anybody in the first {_K}, by tenths of all items from the "
        "most popular to the least",
        labels,
        series,
    )


def _gate(gate: Facts) -> str:
    if not gate["users"]:
        return "<p>This data has no gate users.</p>"
    recommenders = {name: gate[name] for name in ("model", "popularity")}
    about = (
        f"<p>{gate['users']:,} users from whom no build has learned, asked of the model "
        "that is published.</p>"
    )
    if "champion" not in gate:
        return about + _figures(recommenders)
    champion = gate["champion"]
    about += (
        f"<p>The champion is build {escape(champion['build'])} "
        f"<small>(digest {escape(champion['digest'][:12])}…)</small>.</p>"
    )
    return about + _figures(recommenders | {"champion": champion["metrics"]}) + _gains(champion)


def _gains(champion: Facts) -> str:
    rows = [
        [f"{_METRICS[metric]} @{k}", _estimate(champion["difference"][k][metric], "+.4f")]
        for metric in ("recall", "ndcg")
        for k in sorted(champion["difference"], key=int)
    ]
    return _table(["", "Model minus champion"], rows)


def _data(data: Facts) -> str:
    """Tell what was read; not of files, which may be cut anew without another model."""
    counts = {
        "Rows": data["rows"],
        "Rows rejected": data["rows_rejected"],
        "Rows of other tenants": data["rows_of_other_tenants"],
        "Users": data["users"],
        "Items": data["items"],
        "Interactions": data["interactions"],
    }
    bands = data["history_lengths"]
    histogram = _figure(
        "Users by number of their items",
        [_band(band) for band in bands],
        {"users": [Bar(band["users"]) for band in bands]},
    )
    return _pairs((name, f"{count:,}") for name, count in counts.items()) + histogram


def _choices(told: Facts) -> str:
    tried = len(told["search"])
    how = f"chosen among {tried:,} that were tried" if tried else "given"
    half_life = max(told["trend"], key=lambda tried: tried["ndcg"])["half_life"]
    popular = [("trend: half-life in days", f"{half_life:g}" if half_life else "without end")]
    given = {name: value for name, value in told["settings"].items() if name != "BUILDNUMBER"}
    settings = [(name, value) for name, value in sorted(given.items()) if value]
    return (
        f"<p>Parameters were {how}.</p>"
        + _pairs((name, str(value)) for name, value in sorted(told["parameters"].items()))
        + _pairs(popular + settings)
    )


def _bar(estimate: Facts) -> Bar:
    return Bar(estimate["mean"], (estimate["low"], estimate["high"]))


def _band(band: Facts) -> str:
    first, last = band["first"], band["last"]
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}–{last}"


def _estimate(estimate: Facts, form: str = ".4f") -> str:
    return f"{estimate['mean']:{form}} {_interval(estimate, form)}"


def _interval(estimate: Facts, form: str = ".4f") -> str:
    return f"<small>{estimate['low']:{form}} to {estimate['high']:{form}}</small>"


def _figure(caption: str, labels: Sequence[str], series: Mapping[str, Sequence[Bar]]) -> str:
    keys = "".join(
        f' <span class="key color-{n}">{name.capitalize()}</span>' for n, name in enumerate(series)
    )
    chart = bars(caption, labels, series)
    return f"<figure><figcaption>{caption}{keys}</figcaption>\n{chart}</figure>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return f"<tr><th>{cells[0]}</th>{''.join(f'<{tag}>{c}</{tag}>' for c in cells[1:])}</tr>\n"

    body = "".join(line(row, "td") for row in rows)
    return f'<div class="wide"><table>\n{line(head, "th")}{body}</table></div>\n'


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in pairs)
    return f"<dl>\n{listed}</dl>\n"
