"""From the export's files to one table of interactions."""
