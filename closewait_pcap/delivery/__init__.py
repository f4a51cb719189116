"""How reports reach files: written whole or not at all, and bundled for a ticket."""
