"""Objects by id, each of one account, in the order in which they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Registered(Protocol):
    """What a register holds; ``account`` is the fingerprint of the key that owns it."""

    @property
    def id(self) -> str:
        """What it is asked for by."""

    @property
    def account(self) -> str:
        """Whose it is."""


Item = TypeVar("Item", bound=Registered)


class Register(Generic[Item]):
    """The objects of one kind."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def add(self, item: Item) -> None:
        """Remember an object."""
        self._items[item.id] = item

    def find(self, account: str, item_id: str) -> Item | None:
        """Return an account's object; those of others do not exist for it."""
        item = self._items.get(item_id)
        return item if item is not None and item.account == account else None

    def newest_first(self, account: str) -> list[Item]:
        """Return an account's objects."""
        return [item for item in reversed(self._items.values()) if item.account == account]

    def all(self) -> list[Item]:
        """Return every account's objects, oldest first."""
        return list(self._items.values())

    def remove(self, item: Item) -> None:
        """Forget an object."""
        self._items.pop(item.id, None)

    def reset(self) -> None:
        """Forget them all."""
        self._items.clear()


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some objects of a list, and whether more follow in the direction of reading."""

    items: Sequence[Item]
    has_more: bool


def page_after(items: Sequence[Item], after: str | None, limit: int) -> Page[Item] | None:
    """Return the objects behind the one named; None: it is not in the list."""
    begin = 0 if after is None else _place(items, after) + 1
    if after is not None and begin == 0:
        return None
    return Page(items[begin : begin + limit], len(items) > begin + limit)


def page_before(items: Sequence[Item], before: str, limit: int) -> Page[Item] | None:
    """Return the objects just in front of the one named; None: it is not in the list."""
    end = _place(items, before)
    if end < 0:
        return None
    begin = max(0, end - limit)
    return Page(items[begin:end], begin > 0)


def _place(items: Sequence[Item], item_id: str) -> int:
    return next((place for place, item in enumerate(items) if item.id == item_id), -1)
