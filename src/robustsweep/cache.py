"""The one folder outside those that users name: what is kept there can be made again."""

import os
from pathlib import Path

CACHE_VARIABLE = "ROBUSTSWEEP_CACHE"


def cache_folder() -> Path:
    """Return the cache folder: ``$ROBUSTSWEEP_CACHE``, or the platform's cache folder for robustsweep."""
    from platformdirs import user_cache_path

    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_path("robustsweep"))
