"""The report: what it says, and each format that it is written in."""
