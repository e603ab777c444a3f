"""Statistics of differences between checkpoints or methods: intervals, tests, families, simulations behind them."""
