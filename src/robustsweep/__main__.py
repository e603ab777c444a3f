"""Run the command line with ``python -m robustsweep``."""

from robustsweep.cli import main

if __name__ == "__main__":
    main()
