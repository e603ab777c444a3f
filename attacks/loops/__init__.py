"""The loops that drive a step rule: to the worst iterate, to the last one, and for a single step."""
