"""Open holds for tests of what needs one, without a ledger behind them."""

from __future__ import annotations

from shared.domain.budgets import Hold, OpenHold
from shared.domain.budgets.scopes import scopes_of
from shared.domain.entries import Entry


def open_hold(entry: Entry, nano: int = 1_000_000) -> OpenHold:
    """Return a hold for an entry as if the ledger had confirmed it."""
    scopes = scopes_of(entry.team, "d" * 64, entry.request_id)
    return OpenHold(Hold(entry, nano, "2026-11-22", scopes, int(entry.opened_at) + 960))
