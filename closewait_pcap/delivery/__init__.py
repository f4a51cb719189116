"""Floor 7: how reports reach files: written whole or not at all, bundled for a ticket, one by one for many captures."""
