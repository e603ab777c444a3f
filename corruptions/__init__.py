"""The 19 common corruptions, batched, with their severity tables."""
