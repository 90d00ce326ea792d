"""The records of runs: their list, the page of one, its checklist."""
