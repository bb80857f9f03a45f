"""The scorer: serves recommendations of one build's model, and of no other, over HTTP."""
