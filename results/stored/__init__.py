"""Files of a run: cells, audits and plans."""
