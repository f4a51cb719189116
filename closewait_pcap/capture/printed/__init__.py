"""Packets as tcpdump and tshark print them, pasted wherever: read as a capture."""
