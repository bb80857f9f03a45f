"""From commit to traffic: values, artefacts, deployments, gates, routes and provenance."""
