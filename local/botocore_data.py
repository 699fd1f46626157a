"""One copy of what botocore knows of AWS's APIs, for processes that have many sessions."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader, Loader


def share_botocore_data() -> None:
    """Read each of botocore's data files, and list its folders, once in this process.

    Every boto3 session does so for itself, and moto for every service: up to 0.4 seconds of CPU
    each. What is read is changed by nobody but the loader, which gives the same result when it
    does so again.
    """
    files: Any = JSONFileLoader
    if not hasattr(files.load_file, "cache_info"):
        files.load_file = staticmethod(cache(files().load_file))
        _share_listings(Loader)


def _share_listings(loader: Any) -> None:
    list_anew = loader.list_available_services
    listed: dict[tuple[str, ...], list[str]] = {}

    def list_once(self: Any, type_name: str) -> list[str]:
        key = (type_name, *self.search_paths)
        if key not in listed:
            listed[key] = list_anew(self, type_name)
        return listed[key]

    loader.list_available_services = list_once
