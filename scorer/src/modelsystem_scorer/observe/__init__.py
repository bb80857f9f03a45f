"""What is counted and logged of each request."""
