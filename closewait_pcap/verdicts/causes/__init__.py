"""Why an end waits: one cause a file. Each file's text is what reports and documentation print of it."""
