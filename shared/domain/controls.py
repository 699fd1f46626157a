"""The caller's controls: ``x-sluice-*`` headers or the body object ``sluice``, same names.

An unknown control, or one that this version does not honour, is refused by name: a control
that is silently ignored would be a defect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec

from shared.domain.chat import field_named
from shared.domain.errors import InvalidRequest
from shared.domain.money import InexactPriceError, nano_from_usd

HEADER_PREFIX: Final = "x-sluice-"
BODY_FIELD: Final = "sluice"
MAX_TTL_SECONDS: Final = 7 * 24 * 3600

SHORTEST_DEADLINE_SECONDS: Final = 60
LONGEST_DEADLINE_SECONDS: Final = 7 * 24 * 3600
DEADLINE_PATTERN: Final = r"[0-9]{1,6}[smhd]"

_MAX_COST: Final = "max-cost"
_BODY_NAMES: Final = {"max_cost_usd": _MAX_COST}
_DEADLINE: Final = "deadline"
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
_READ_APART: Final = frozenset({"cache", _MAX_COST, _DEADLINE})
_UNKNOWN: Final = "contains unknown field"
_CONTROLS: Final = "task, feature, cache, deadline, max-cost"
_TTL: Final = re.compile(r"ttl=(\d{1,9})")
_Tag = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}\Z")]


class CacheMode(msgspec.Struct, frozen=True):
    """How this call may use the exact cache; ``ttl_seconds`` only with an explicit TTL."""

    mode: Literal["auto", "bypass", "refresh", "ttl"] = "auto"
    ttl_seconds: int | None = None

    @property
    def reads(self) -> bool:
        """Whether a stored answer may be used."""
        return self.mode in {"auto", "ttl"}


class Tags(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The controls that are words, as they may be spelled."""

    task: _Tag | None = None
    feature: _Tag | None = None


_PREPARED: Final = msgspec.json.Decoder(Tags)
"""Read at import: see ``shared.domain.chat``."""


@dataclass(frozen=True)
class Controls:
    """The controls of one call.

    ``task`` steers the router, ``feature`` tags cost reports, and a call that may cost more than
    ``max_cost_nano`` nano-dollars is refused. With ``deadline_seconds`` the answer may wait as
    long, and costs less for it.
    """

    task: str | None = None
    feature: str | None = None
    cache: CacheMode = field(default_factory=CacheMode)
    max_cost_nano: int | None = None
    deadline_seconds: int | None = None


def read_controls(headers: Mapping[str, str], in_body: object) -> Controls:
    """Merge both places; raises :class:`InvalidRequest` naming the control that is wrong."""
    from_headers = {
        name.removeprefix(HEADER_PREFIX): value
        for name, value in headers.items()
        if name.startswith(HEADER_PREFIX)
    }
    from_body = _from_body(in_body)
    for name in from_headers.keys() & from_body.keys():
        if from_headers[name] != from_body[name]:
            raise InvalidRequest(
                f"{name} is set differently in the header and in the body.",
                param=HEADER_PREFIX + name,
            )
    return _checked(from_body | from_headers, from_headers)


def _from_body(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest("sluice must be an object of controls.", param=BODY_FIELD)
    return {_BODY_NAMES.get(str(name), str(name)): field for name, field in value.items()}


def _checked(merged: dict[str, Any], from_headers: Mapping[str, str]) -> Controls:
    plain = {name: value for name, value in merged.items() if name not in _READ_APART}
    cache = read_cache_mode(merged["cache"]) if merged.get("cache") is not None else CacheMode()
    most = merged.get(_MAX_COST)
    limit = None if most is None else _read_amount(most, _spelled(_MAX_COST, from_headers))
    wait = merged.get(_DEADLINE)
    deadline = None if wait is None else _read_deadline(wait, _spelled(_DEADLINE, from_headers))
    try:
        tags = msgspec.convert(plain, Tags)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        name = _spelled(field_named(text, path.rstrip("`")) or BODY_FIELD, from_headers)
        told = f"There is no control {name}; there are {_CONTROLS}." if _UNKNOWN in text else text
        raise InvalidRequest(told, param=name) from None
    return Controls(tags.task, tags.feature, cache, limit, deadline)


def _read_deadline(value: object, name: str) -> int:
    """Return the seconds of ``30m``, ``2h`` or ``1d``."""
    if isinstance(value, str) and re.fullmatch(DEADLINE_PATTERN, value):
        seconds = int(value[:-1]) * _UNIT_SECONDS[value[-1]]
        if SHORTEST_DEADLINE_SECONDS <= seconds <= LONGEST_DEADLINE_SECONDS:
            return seconds
    raise InvalidRequest(
        f"{name} must be a time from 1m to 7d, such as 30m, 2h or 24h.", param=name
    )


def _read_amount(value: object, name: str) -> int:
    try:
        return nano_from_usd(_plain(value))
    except InexactPriceError:
        raise InvalidRequest(
            f"{name} must be an amount in USD with up to nine decimals, such as 0.05.", param=name
        ) from None


def _plain(value: object) -> str:
    """Return a number of JSON as plain decimals: Python writes 0.00001 as 1e-05."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{Decimal(repr(value)):f}" if is_number else str(value)


def read_cache_mode(value: object) -> CacheMode:
    """Read ``auto``, ``bypass``, ``refresh`` or ``ttl=<seconds>``."""
    match value:
        case "auto" | "bypass" | "refresh":
            return CacheMode(value)
        case str() if found := _TTL.fullmatch(value):
            seconds = int(found[1])
            if seconds <= MAX_TTL_SECONDS:
                return CacheMode("ttl", seconds)
    raise InvalidRequest(
        f"cache must be auto, bypass, refresh or ttl=<seconds> up to {MAX_TTL_SECONDS}.",
        param=HEADER_PREFIX + "cache",
    )


def _spelled(name: str, from_headers: Mapping[str, str]) -> str:
    if name in from_headers:
        return HEADER_PREFIX + name
    names = {header: body for body, header in _BODY_NAMES.items()}
    return f"{BODY_FIELD}.{names.get(name, name)}"
