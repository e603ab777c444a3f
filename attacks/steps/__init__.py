"""Step rules, what they share, and the catalogue of them."""
