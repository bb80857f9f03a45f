"""Pages for people, probes and figures for machines."""
