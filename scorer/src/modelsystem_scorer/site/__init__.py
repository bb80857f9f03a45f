"""The site's own pages and endpoints: for people, for probes and for Prometheus."""

from modelsystem_scorer.site.pages import TEMPLATES, with_code
from modelsystem_scorer.site.routes import table

__all__ = ["TEMPLATES", "table", "with_code"]
