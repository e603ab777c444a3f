"""Checks of the model under attack: signs that a robust accuracy says more about the attack than about the model."""
