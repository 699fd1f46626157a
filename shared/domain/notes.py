"""What a caller is told about a call: the same names as headers and in a stream's last chunk."""

from __future__ import annotations

from shared.domain.entries import Entry, Settlement
from shared.domain.money import format_usd


def notes(entry: Entry, settlement: Settlement | None) -> dict[str, str]:
    """Return the facts of a call by their wire names, such as ``cost_usd``.

    The money is left out where it is not known yet: in the headers of a stream.
    """
    facts = {
        "request_id": entry.request_id,
        "cache": entry.cache,
        "model": entry.model,
        "route_reason": entry.route_reason,
    }
    if entry.tier is not None:
        facts["tier"] = entry.tier
    if settlement is not None:
        facts |= {
            "cost_usd": format_usd(settlement.cost_nano),
            "baseline_usd": format_usd(settlement.baseline_nano),
            "saved_usd": format_usd(settlement.saved_nano),
        }
    return facts
