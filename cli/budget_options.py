"""How amounts, durations and the like are written on the command line, and read."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final

import typer

from shared.domain.budgets import NO_CAP
from shared.domain.budgets.changes import Ladder, SenselessChange, check_ladder
from shared.domain.money import InexactPriceError, nano_from_usd

UNCAPPED: Final = "none"
_DURATION: Final = re.compile(r"(\d{1,4})([mhd])", re.ASCII)
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86400}


def amount(text: str) -> int:
    """Return nano-dollars for an amount in USD, such as ``12.50``."""
    try:
        return nano_from_usd(text)
    except InexactPriceError:
        raise typer.BadParameter(
            f"{text!r} is no amount in USD with up to nine decimals, such as 12.50"
        ) from None


def cap(text: str) -> int:
    """Return a cap in nano-dollars, or that there is none."""
    return NO_CAP if text == UNCAPPED else amount(text)


def duration(text: str) -> int:
    """Return the seconds of a duration, such as ``4h``."""
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise typer.BadParameter(f"{text!r} is no duration, such as 30m, 4h or 2d")
    return int(found[1]) * _SECONDS[found[2]]


def ladder(text: str) -> Ladder:
    """Return the three percentages of a ladder, such as ``70,85,95``.

    Not a parser of its option: one whose type is a tuple would take three words.
    """
    parts = text.split(",")
    try:
        warn, cheapest, batch_only = map(int, parts)
        found = (warn, cheapest, batch_only)
        check_ladder(found)
    except (ValueError, SenselessChange):
        raise typer.BadParameter(
            f"{text!r} is not three percentages that rise, such as 70,85,95",
            param_hint="--ladder",
        ) from None
    return found


def day(text: str) -> str:
    """Return a day as it stands in the ledger, such as ``2026-11-22``."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day, such as 2026-11-22") from None


def reason(text: str) -> str:
    """Return a reason that says something."""
    if not text.strip() or len(text) > 500:
        raise typer.BadParameter("say why, in up to 500 characters")
    return text.strip()


Reason = Annotated[str, typer.Option(parser=reason, metavar="TEXT", help="Why; it is kept.")]
ScopeName = Annotated[
    str, typer.Argument(metavar="SCOPE", help="environment, team:<team> or key:<id>.")
]
