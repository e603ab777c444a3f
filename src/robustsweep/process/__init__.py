"""Settings of the whole process: its threads, its memory, its precision, and signals sent to it."""
