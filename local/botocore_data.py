"""One copy of what botocore knows of AWS's APIs, for processes that have many sessions."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader


def share_botocore_data() -> None:
    """Read each of botocore's data files once in this process.

    Every boto3 session reads the endpoints and the models of its services for itself: 0.4 seconds
    of CPU each. What is read is changed by nobody but the loader, which gives the same result
    when it does so again.
    """
    loader: Any = JSONFileLoader
    if not hasattr(loader.load_file, "cache_info"):
        reader = loader()
        loader.load_file = staticmethod(cache(reader.load_file))
