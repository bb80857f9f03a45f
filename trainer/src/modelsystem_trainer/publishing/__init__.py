"""One attempt at a training, and what it leaves in the model folder."""
