"""The trainer that turns a method into a checkpoint."""
