"""Long lists in short pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def chunks(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most so many."""
    rest = iter(items)
    while piece := list(islice(rest, most)):
        yield piece
