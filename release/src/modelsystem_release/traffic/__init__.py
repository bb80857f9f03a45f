"""Weights over builds, and how they move."""
