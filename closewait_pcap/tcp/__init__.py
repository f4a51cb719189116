"""TCP itself: states, Figure 5, sequence numbers, and what happened to an end."""
