"""A build as one file: its chart, values and origin."""
