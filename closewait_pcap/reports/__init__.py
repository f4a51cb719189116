"""Results become text for people and programs; nothing here opens a file."""
