"""What all versions of the API share: operations, messages, problems."""
