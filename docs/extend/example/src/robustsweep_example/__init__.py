"""One item of each kind that a package can add to robustsweep; ``pyproject.toml`` declares them."""
