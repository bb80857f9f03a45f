"""A package: a process that a test starts finds it before any other package of this name."""
