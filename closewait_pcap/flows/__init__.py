"""Floor 1: packets become flows, and facts of their two ends."""
