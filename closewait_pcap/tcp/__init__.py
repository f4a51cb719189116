"""TCP itself: states, Figure 5, sequence numbers, and the facts that are kept of an end, with what keeps them."""
