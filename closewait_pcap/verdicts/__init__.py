"""Floor 3: facts become states, events and verdicts."""
