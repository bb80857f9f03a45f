"""Serve the recommendations of one build's model over HTTP."""

from modelsystem_scorer import engine, serve
from modelsystem_scorer.app import create_app
from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import program

ABOUT = """Serve the recommendations of one build's model over HTTP, until SIGTERM or Ctrl-C.

exit codes: 0 stopped; 1 no complete model, or the port is in use; 2 settings;
4 the model is corrupt, or no key of TRUSTED_KEYS has signed it; 5 it cannot be read."""


def main() -> None:
    """Run the scorer as a program."""
    program.main("scorer", ABOUT, ScorerSettings, run)


def run(settings: ScorerSettings) -> None:
    """Load the model, then serve it."""
    served = engine.load(settings.source, settings.build, settings.trusted_keys, settings.tenant)
    app = create_app(
        served,
        processes=serve.max_processes(settings),
        access_log=settings.access_log == "on",
        evaluation=settings.evaluation == "on",
    )
    serve.run(app, settings)


if __name__ == "__main__":
    main()
