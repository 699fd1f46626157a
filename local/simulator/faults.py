"""Scripted faults: what the next matching requests will suffer.

A request suffers the first pending fault that matches it, and one only. ``after_chunks`` counts
the events of a stream, the one that carries the role included; a fault placed beyond the last
token strikes just before the event that ends the stream: ``[DONE]``, ``message_stop``, or
Bedrock's ``metadata``. What each kind does to an answer that is not streamed stands beside it.
Only generation suffers faults: counting tokens and listing models do not.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from local.simulator.books import Protocol, Sale

Count = Annotated[int, msgspec.Meta(ge=0)]
Times = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests: each named property must be equal; nothing named matches all."""

    model: str | None = None
    provider: str | None = None
    protocol: Protocol | None = None
    stream: bool | None = None

    def fits(self, sale: Sale) -> bool:
        """Tell whether a request is one of those meant; ``model`` is its name without a date."""
        actual: dict[str, object] = {
            "provider": sale.model.provider,
            "model": sale.model.id,
            "protocol": sale.protocol,
            "stream": sale.stream,
        }
        wanted = msgspec.structs.asdict(self)
        return all(want is None or want == actual[name] for name, want in wanted.items())


class _Fault(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"
):
    times: Times = 1
    match: Match = Match()


class Status(_Fault, frozen=True, kw_only=True, tag="status"):
    """An error instead of an answer; nothing is billed. ``retry_after`` is in seconds."""

    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    retry_after: int | None = None


class Disconnect(_Fault, frozen=True, kw_only=True, tag="disconnect"):
    """The connection drops; not streamed: in the middle of the body."""

    after_chunks: Count = 0


class Stall(_Fault, frozen=True, kw_only=True, tag="stall"):
    """Silence for some seconds, then the rest; not streamed: silence before the body."""

    after_chunks: Count = 0
    seconds: Seconds


class Malformed(_Fault, frozen=True, kw_only=True, tag="malformed"):
    """One event is cut in half and the rest follows; not streamed: the body is cut in half."""

    after_chunks: Count = 0


class SlowFirstByte(_Fault, frozen=True, kw_only=True, tag="slow_first_byte"):
    """Silence for some seconds before the status line."""

    seconds: Seconds


class WrongUsage(_Fault, frozen=True, kw_only=True, tag="usage"):
    """The answer reports ``value`` as its usage; the books stay right."""

    value: object


class Truncate(_Fault, frozen=True, kw_only=True, tag="truncate"):
    """The stream ends in good order but early; not streamed: as ``malformed``."""

    after_chunks: Count = 0


class ErrorEvent(_Fault, frozen=True, kw_only=True, tag="error_event"):
    """The stream says in the protocol's own way that it failed, and ends; not streamed: ``status``.

    ``status`` picks the error's type, as it would for an error instead of an answer.
    """

    after_chunks: Count = 0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500


Fault = Status | Disconnect | Stall | Malformed | SlowFirstByte | WrongUsage | Truncate | ErrorEvent


class FaultPlan:
    """The pending faults, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, body: bytes) -> int:
        """Append a JSON list of faults and return how many strikes are pending in all.

        Raises ``msgspec.MsgspecError`` for anything that is not such a list; nothing is added.
        """
        for fault in msgspec.json.decode(body, type=list[Fault]):
            self._pending.extend([fault] * fault.times)
        return len(self._pending)

    def take(self, sale: Sale) -> Fault | None:
        """Remove and return the fault that this request suffers, if any."""
        for place, fault in enumerate(self._pending):
            if fault.match.fits(sale):
                return _unstreamed(self._pending.pop(place), sale)
        return None

    def reset(self) -> None:
        """Forget every pending fault."""
        self._pending.clear()


def _unstreamed(fault: Fault, sale: Sale) -> Fault:
    if isinstance(fault, ErrorEvent) and not sale.stream:
        return Status(status=fault.status)
    return fault
