"""The sweep: every missing cell of a plan, computed and recorded."""
