"""The one model that is served, and how it ranks items."""
