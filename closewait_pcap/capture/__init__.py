"""Bytes become packet columns."""
