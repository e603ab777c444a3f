"""A natural shift in the report, beside clean images of the same classes."""
