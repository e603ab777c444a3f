"""The JSON documents of a run and the fields that each must have."""
