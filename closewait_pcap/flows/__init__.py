"""Packets become flows, and facts of their two ends."""
