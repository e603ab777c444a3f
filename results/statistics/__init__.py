"""What a difference between checkpoints or methods is worth: intervals, tests, families, simulations behind them."""
