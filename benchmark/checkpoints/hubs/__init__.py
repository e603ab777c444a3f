"""Checkpoints as model hubs publish them: a repository or a folder with a description and weights."""
