"""Adversarial attacks: step rules and the engine that drives them."""
