"""What the providers' prompt caches hold while a log is replayed in the order of time."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.prices import TokenCounts
from shared.domain.replay.prefixes import HALF_AN_HOUR, Places, Prefix

Scope = tuple[str, str]
"""Whose cache: the model's, within one tenant. Nothing is shared between scopes."""


@dataclass
class _Kept:
    begins: float
    expires: float
    seconds: int


@dataclass
class Shelf:
    """Every prefix that is held. Times are epoch seconds."""

    _kept: dict[tuple[Scope, bytes], _Kept] = field(default_factory=dict)

    def visit(
        self, scope: Scope, places: Places, tokens: TokenCounts, at: float, began: float
    ) -> TokenCounts:
        """Return a call's tokens in the classes that the cache gives them, and keep its writes.

        What is written may be read from ``began`` on, when the call's answer started: parallel
        cold calls all miss. ``tokens`` says how many there are, whatever their classes.
        """
        longest = max(
            (p for p in places.reads if self._holds(scope, p, at)),
            key=lambda prefix: prefix.tokens,
            default=None,
        )
        read = longest.tokens if longest else 0
        long = _reach(places, read, longer_than=HALF_AN_HOUR) - read
        short = _reach(places, read, longer_than=0) - read - long
        self._keep(scope, places, read, at, began)
        if longest and places.renews:
            self._renew(scope, longest, at)
        return TokenCounts(
            input=tokens.prompt - read - short - long,
            cache_read=read,
            cache_write=short,
            output=tokens.output,
            cache_write_long=long,
        )

    def _holds(self, scope: Scope, prefix: Prefix, at: float) -> bool:
        kept = self._kept.get((scope, prefix.digest))
        return kept is not None and kept.begins <= at < kept.expires

    def _keep(self, scope: Scope, places: Places, read: int, at: float, began: float) -> None:
        for write in places.writes:
            if self._holds(scope, write.prefix, at):
                if places.renews:
                    self._renew(scope, write.prefix, at)
            elif not places.is_charged or write.prefix.tokens > read:
                self._put(scope, write.prefix, write.seconds, began)

    def _put(self, scope: Scope, prefix: Prefix, seconds: int, began: float) -> None:
        """Keep a prefix, but never later than a parallel call has promised it already."""
        known = self._kept.get((scope, prefix.digest))
        if known is not None and began < known.expires:
            began = min(began, known.begins)
        self._kept[scope, prefix.digest] = _Kept(began, began + seconds, seconds)

    def _renew(self, scope: Scope, prefix: Prefix, at: float) -> None:
        kept = self._kept[scope, prefix.digest]
        kept.expires = max(kept.expires, at + kept.seconds)


def _reach(places: Places, read: int, *, longer_than: int) -> int:
    """Return up to where the prompt is read or written at a charge."""
    if not places.is_charged:
        return read
    ends = [w.prefix.tokens for w in places.writes if w.seconds > longer_than]
    return max([read, *ends])
