"""Chance that goes the same way again."""

from __future__ import annotations

from random import Random


def dice(name: str) -> Random:
    """Return a source of chance that a name alone decides."""
    return Random(name)
