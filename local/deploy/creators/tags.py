"""Tags, in the form that half of AWS's APIs want."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_tag_list(tags: Mapping[str, str] | None) -> list[Any]:
    """Return tags as a list of ``{"Key": …, "Value": …}``, which each API types on its own."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
