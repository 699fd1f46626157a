"""What the simulated providers hold in their prompt caches, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from local.simulator.prompt import Prefix, Prompt
from local.simulator.prompt_cache.layout import Layout, Write, layout
from local.simulator.prompt_cache.rules import CacheRule

SHORT_SECONDS = 1_800
"""The longest lifetime that is billed as a short write: 30 minutes at OpenAI, 5 at Anthropic."""

Scope = tuple[str, ...]
"""Whose cache: provider, key, model and partition. Nothing is shared between scopes."""


@dataclass
class _Entry:
    expires: float
    seconds: int


class Shelf:
    """Every live prefix. Times are epoch seconds of the injected clock."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Scope, bytes], _Entry] = {}

    def visit(self, scope: Scope, rule: CacheRule | None, prompt: Prompt, at: float) -> Visit:
        """Return what a prompt that arrives now reads and will write; nothing changes yet."""
        if rule is None:
            return Visit(self, scope, None, None)
        places = layout(rule, prompt)
        live = [prefix for prefix in places.reads if self.holds(scope, prefix, at)]
        return Visit(self, scope, places, max(live, key=lambda p: p.tokens, default=None))

    def holds(self, scope: Scope, prefix: Prefix, at: float) -> bool:
        """Tell whether a prefix is in the cache."""
        entry = self._entries.get((scope, prefix.digest))
        return entry is not None and entry.expires > at

    def put(self, scope: Scope, write: Write, at: float) -> None:
        """Keep a prefix."""
        entry = _Entry(at + write.seconds, write.seconds)
        self._entries[scope, write.prefix.digest] = entry

    def renew(self, scope: Scope, prefix: Prefix, at: float) -> None:
        """Start the lifetime of a held prefix anew, at its own length."""
        entry = self._entries[scope, prefix.digest]
        entry.expires = at + entry.seconds

    def reset(self) -> None:
        """Forget everything."""
        self._entries.clear()


@dataclass(frozen=True)
class Visit:
    """One prompt's use of the cache, in disjoint classes of prompt tokens."""

    shelf: Shelf
    scope: Scope
    places: Layout | None
    match: Prefix | None

    @property
    def cached(self) -> int:
        """Tokens read."""
        return self.match.tokens if self.match else 0

    @property
    def written_long(self) -> int:
        """Tokens written at the long rate: from the read to the last long-lived breakpoint."""
        return self._end(longer_than=SHORT_SECONDS) - self.cached

    @property
    def written(self) -> int:
        """Tokens written at the short rate: the rest, to the last breakpoint of all."""
        return self._end(longer_than=0) - self.cached - self.written_long

    def keep(self, at: float) -> None:
        """Make the writes and renewals, once the answer has begun; until then others miss."""
        if self.places is None:
            return
        for write in self.places.writes:
            held = self.shelf.holds(self.scope, write.prefix, at)
            if held and self.places.renews:
                self.shelf.renew(self.scope, write.prefix, at)
            elif not held and self._pays_for(write):
                self.shelf.put(self.scope, write, at)
        if self.match and self.places.renews and self.shelf.holds(self.scope, self.match, at):
            self.shelf.renew(self.scope, self.match, at)

    def _pays_for(self, write: Write) -> bool:
        """Tell whether a write is made: never for tokens that were billed as read."""
        charged = self.places is not None and self.places.charged
        return not charged or write.prefix.tokens > self.cached

    def _end(self, longer_than: int) -> int:
        if self.places is None or not self.places.charged:
            return self.cached
        ends = [w.prefix.tokens for w in self.places.writes if w.seconds > longer_than]
        return max([self.cached, *ends])
