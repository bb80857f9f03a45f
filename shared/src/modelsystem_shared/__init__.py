"""The contract of the three workloads: what they agree on, and nothing else."""
