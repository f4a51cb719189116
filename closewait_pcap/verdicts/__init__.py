"""Facts become states, events and verdicts."""
