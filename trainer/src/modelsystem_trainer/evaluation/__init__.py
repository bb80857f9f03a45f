"""What is held out, and how good a model is on it."""
