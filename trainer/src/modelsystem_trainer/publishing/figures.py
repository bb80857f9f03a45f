"""The evaluation as the manifest has it: every figure under the key of its JSON."""

from collections.abc import Mapping
from dataclasses import asdict

from modelsystem_shared import manifest
from modelsystem_shared.numeric.ranking import Estimate
from modelsystem_trainer.evaluation import Band, Comparison, Figures, Gain, Gate, Metrics
from modelsystem_trainer.search import Outcome, Start
from modelsystem_trainer.training import Trained


def evaluation_part(trained: Trained, gate: Gate) -> manifest.Evaluation:
    """Return the figures of the test part and of the gate users."""
    return {
        "model": _metrics(trained.metrics),
        "popularity": _metrics(trained.popularity),
        "gate": _gate(gate),
    }


def search_part(outcome: Outcome) -> list[dict[str, float | str]]:
    """Return what the search tried, in its order."""
    return [
        {
            **asdict(parameters),
            "ndcg": tried.measured.ndcg,
            "coverage": tried.measured.coverage,
            "novelty": tried.measured.novelty,
            "fits": tried.fits,
            "path": tried.path,
            "exact": int(tried.exact),
        }
        for parameters, tried in outcome.tried.items()
    ]


def searched_part(outcome: Outcome) -> manifest.Searched:
    """Return how the search went; `search_part` must not be empty."""
    places = {parameters: place for place, parameters in enumerate(outcome.tried)}
    part: manifest.Searched = {
        "starts": [_start(start) for start in outcome.starts],
        "fits": outcome.fits,
        "tries": len(outcome.tried),
        "work": round(outcome.work, 3),
        "most_work": round(outcome.budget.work, 3),
        "k": outcome.k,
        "chosen": places[outcome.chosen],
    }
    if runner_up := outcome.runner_up:
        part["runner_up"] = places[runner_up.parameters]
        part["difference"] = _interval(runner_up.difference)
    return part


def _start(start: Start) -> manifest.SearchStart:
    part: manifest.SearchStart = {"name": start.name, "parameters": asdict(start.parameters)}
    if start.champion:
        part["champion"] = start.champion
    return part


def _gate(gate: Gate) -> manifest.GateMetrics:
    part: manifest.GateMetrics = {
        "users": gate.users,
        "model": _metrics(gate.model),
        "popularity": _metrics(gate.popularity),
    }
    if gate.champion:
        part["champion"] = _champion(gate.champion)
    return part


def _champion(comparison: Comparison) -> manifest.ChampionMetrics:
    return {
        "build": comparison.build,
        "digest": comparison.digest,
        "metrics": _metrics(comparison.metrics),
        "difference": {str(k): _gain(gain) for k, gain in comparison.difference.items()},
    }


def _metrics(metrics: Metrics) -> manifest.Metrics:
    return {
        "users": metrics.users,
        "at": _at(metrics.at),
        "by_history": [_band(band) for band in metrics.by_history],
        "tail": metrics.tail,
    }


def _band(band: Band) -> manifest.Band:
    return {"first": band.first, "last": band.last, "users": band.users, "at": _at(band.at)}


def _at(at: Mapping[int, Figures]) -> dict[str, manifest.Figures]:
    return {
        str(k): {
            "recall": _interval(figures.recall),
            "ndcg": _interval(figures.ndcg),
            "novelty": _interval(figures.novelty),
            "coverage": figures.coverage,
        }
        for k, figures in at.items()
    }


def _gain(gain: Gain) -> manifest.Gain:
    return {
        "recall": _interval(gain.recall),
        "ndcg": _interval(gain.ndcg),
        "novelty": _interval(gain.novelty),
        "coverage": gain.coverage,
    }


def _interval(estimate: Estimate) -> manifest.Interval:
    return {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}
