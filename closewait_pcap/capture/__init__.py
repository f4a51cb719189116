"""Floor 0: bytes become packet columns."""
