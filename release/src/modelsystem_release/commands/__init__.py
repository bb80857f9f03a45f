"""The commands of `release`, a module for each."""
