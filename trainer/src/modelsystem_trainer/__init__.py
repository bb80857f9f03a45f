"""The training Job: from last night's export to a published model."""
