"""The table of a paper: methods in rows, scores in columns, one page wide."""
