"""From a site's answers to a verdict."""
