"""A chart's values: the parameter string that assigns them and the YAML file that keeps them.

And the schema that they must fit, and the secrets among them, which are never shown.
"""

from modelsystem_release.values.assignments import (
    Assignment,
    Keys,
    dotted,
    from_environment,
    parse_assignments,
)
from modelsystem_release.values.masking import MASK, masked, masked_value, secret_paths
from modelsystem_release.values.schema import Schema, schema_beside
from modelsystem_release.values.yamlfile import Document, Values, load, parse_yaml, read_text

__all__ = [
    "MASK",
    "Assignment",
    "Document",
    "Keys",
    "Schema",
    "Values",
    "dotted",
    "from_environment",
    "load",
    "masked",
    "masked_value",
    "parse_assignments",
    "parse_yaml",
    "read_text",
    "schema_beside",
    "secret_paths",
]
