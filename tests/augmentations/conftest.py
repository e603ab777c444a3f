"""Nothing of its own: its folder holds what the tests of every room here share."""
