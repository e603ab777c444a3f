"""Commands beside those that train, sweep, report and compare; one file per command."""
