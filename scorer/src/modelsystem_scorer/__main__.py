"""Serves recommendations of one build's model over HTTP."""

import os
import sys

from modelsystem_scorer import engine
from modelsystem_scorer.app import create_app
from modelsystem_scorer.serve import server
from modelsystem_scorer.settings import ScorerSettings
from modelsystem_shared import logs, program, settings


def main() -> None:
    """Run the scorer until somebody stops it; exits with the code that says why it ended."""
    program.answer_help("modelsystem-scorer", __doc__ or "", ScorerSettings)
    logs.configure("scorer")  # until the settings say how
    sys.exit(program.run(story, on_failure=lambda _error: None))


def story() -> None:
    """Load the model, then serve it."""
    chosen = settings.read(ScorerSettings, os.environ)
    logs.configure("scorer", chosen.log_format)
    served = engine.served.load(chosen)
    app = create_app(
        served,
        processes=server.most_processes(chosen),
        access_log=chosen.access_log == "on",
        evaluation=chosen.evaluation == "on",
    )
    server.serve(app, chosen)


if __name__ == "__main__":
    main()
