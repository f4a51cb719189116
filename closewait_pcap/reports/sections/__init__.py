"""The sections of a report, one file each: what is said of an analysis, whatever the format."""
