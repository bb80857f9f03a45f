"""A chart's values: assigned, kept in YAML, checked and masked."""
