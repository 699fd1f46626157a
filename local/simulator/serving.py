"""Sends one answer at its pace, suffers its fault, and bills it, in any protocol.

Billing rules. Tokens are billed as they are generated; one generated token is one streamed
event, or none where it is hidden reasoning. A client that hangs up ends the generation: the
prompt and the tokens up to then are billed as ``hung_up``, whether or not the answer was to be
streamed. An answer that a scripted fault spoils is billed likewise as ``broken``: a real
provider may do so, and a gateway that counts on a free failure would be wrong. The line is in
the books before the last bytes leave, so whoever has read an answer to its end finds it there.
The prompt is in the cache as soon as the answer has begun, and not before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from local.simulator.delivery import Delivery, delivering
from local.simulator.faults import (
    Disconnect,
    ErrorEvent,
    Fault,
    Malformed,
    SlowFirstByte,
    Stall,
    Status,
    Truncate,
    WrongUsage,
)
from local.simulator.pieces import Choice, in_turn, thought_tokens
from local.simulator.prices import Usage

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from local.simulator.books import Delivered, Sale
    from local.simulator.desk import Desk
    from local.simulator.prompt import Prompt
    from local.simulator.prompt_cache.shelf import Visit
    from local.simulator.refusal import Refusal


@dataclass(frozen=True)
class Event:
    """One event of a stream and the tokens that were generated for it.

    Hidden reasoning is an event without data: it takes time and money, and nothing is sent.
    """

    data: bytes
    tokens: int = 0
    thoughts: int = 0
    last: bool = False


class Wire(ABC):
    """One answer in a protocol's shapes. ``stream_type`` is the content type of a stream."""

    stream_type: ClassVar[str] = "text/event-stream; charset=utf-8"

    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """Return the headers that every answer carries."""

    @abstractmethod
    def whole(self) -> bytes:
        """Return the whole answer as JSON."""

    @abstractmethod
    def events(self) -> Iterator[Event]:
        """Yield the stream; the last event, and it alone, is marked so."""

    def spoilt(self, data: bytes) -> bytes:
        """Return an event that no reader can decode, in a frame that lets the next one pass."""
        return data[: len(data) // 2] + b"\n\n"


@dataclass(frozen=True)
class Order:
    """A request that will be answered; ``pause`` is in seconds before each token."""

    sale: Sale
    prompt: Prompt
    visit: Visit
    choices: tuple[Choice, ...]
    pause: float
    fault: Fault | None

    def usage(self) -> Usage:
        """Return the tokens of the answer in full."""
        pieces = [piece for choice in self.choices for piece in choice.pieces]
        return self.spent(sum(piece.tokens for piece in pieces), thought_tokens(pieces))

    def spent(self, completion: int, reasoning: int) -> Usage:
        """Return the tokens of an answer that got so far; reasoning is part of the completion."""
        return Usage(
            prompt=self.prompt.tokens,
            completion=completion,
            cached=self.visit.cached,
            cache_write=self.visit.written,
            cache_write_long=self.visit.written_long,
            reasoning=reasoning,
        )

    def reported(self, usage: object) -> object:
        """Return the usage that the answer will carry, given what it would carry if in order."""
        return self.fault.value if isinstance(self.fault, WrongUsage) else usage


def accept(
    desk: Desk,
    sale: Sale,
    prompt: Prompt,
    choices: tuple[Choice, ...],
    pause: float,
    refusal: type[Refusal],
) -> Order:
    """Look the prompt up in the cache and draw a fault; raises ``refusal`` where it says so."""
    # A batch's lines have their own faults, scripted for the batch as a whole.
    fault = desk.faults.take(sale) if sale.batch is None else None
    if isinstance(fault, Status):
        raise refusal.scripted(fault.status, fault.retry_after)
    model = sale.model
    scope = (model.provider, sale.account, model.id, prompt.partition)
    visit = desk.shelf.visit(scope, model.cache, prompt, sale.at)
    return Order(sale, prompt, visit, choices, pause, fault)


def answer_at_once(desk: Desk, order: Order, wire: Wire) -> bytes:
    """Return the whole answer, billed: what a line of a batch gets."""
    order.visit.keep(order.sale.at)
    desk.books.bill(order.sale, order.usage(), "complete")
    return wire.whole()


@dataclass
class Reply:
    """An ASGI answer to one accepted request; ``refusal`` is the protocol's kind of error."""

    desk: Desk
    order: Order
    wire: Wire
    refusal: type[Refusal]
    _generated: int = 0
    _thoughts: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over one connection."""
        async with delivering(receive, send) as delivery:
            if isinstance(self.order.fault, SlowFirstByte):
                await delivery.pause(self.order.fault.seconds)
            if self.order.sale.stream:
                await self._stream(delivery)
            else:
                await self._whole(delivery)

    async def _stream(self, delivery: Delivery) -> None:
        await delivery.start(200, {**self.wire.headers(), "content-type": self.wire.stream_type})
        self._begin()
        place = 0
        for event in self.wire.events():
            struck = bool(event.data) and self._strikes(place, last=event.last)
            if struck and await self._cut_off(delivery):
                return
            await delivery.pause(self.order.pause if event.tokens else 0)
            if delivery.gone:
                self._bill("hung_up")
                return
            self._generate(event.tokens, event.thoughts)
            if event.last:
                self._bill(self._outcome())
            if event.data:
                await delivery.write(self._sent(event, struck=struck))
                place += 1
        await delivery.finish()

    async def _whole(self, delivery: Delivery) -> None:
        await self._generate_all(delivery)
        if isinstance(self.order.fault, Stall):
            await delivery.pause(self.order.fault.seconds)
        body = self.wire.whole()
        size = len(body)
        if isinstance(self.order.fault, Disconnect | Malformed | Truncate):
            body = body[: size // 2]
        self._bill("hung_up" if delivery.gone else self._outcome())
        announced = size if isinstance(self.order.fault, Disconnect) else len(body)
        headers = {"content-type": "application/json", "content-length": str(announced)}
        await delivery.start(200, {**self.wire.headers(), **headers})
        await delivery.write(body)
        if not isinstance(self.order.fault, Disconnect):
            await delivery.finish()

    async def _generate_all(self, delivery: Delivery) -> None:
        for place, (_choice, piece) in enumerate(in_turn(self.order.choices)):
            await delivery.pause(self.order.pause)
            if delivery.gone:
                return
            if place == 0:
                self._begin()
            self._generate(piece.tokens, thought_tokens([piece]))
        if not self._generated:
            self._begin()

    def _begin(self) -> None:
        self.order.visit.keep(self.desk.clock.now())

    def _generate(self, tokens: int, thoughts: int) -> None:
        self._generated += tokens
        self._thoughts += thoughts

    def _strikes(self, place: int, *, last: bool) -> bool:
        fault = self.order.fault
        if not isinstance(fault, Disconnect | Stall | Malformed | Truncate | ErrorEvent):
            return False
        return place == fault.after_chunks or (last and place < fault.after_chunks)

    async def _cut_off(self, delivery: Delivery) -> bool:
        """Suffer a fault between two events; tells whether the answer is over."""
        fault = self.order.fault
        if isinstance(fault, Stall):
            await delivery.pause(fault.seconds)
        if not isinstance(fault, Disconnect | Truncate | ErrorEvent):
            return False
        self._bill("broken")
        if isinstance(fault, ErrorEvent):
            await delivery.write(self.refusal.scripted(fault.status).event())
        if not isinstance(fault, Disconnect):
            await delivery.finish()
        return True

    def _sent(self, event: Event, *, struck: bool) -> bytes:
        if struck and isinstance(self.order.fault, Malformed):
            return self.wire.spoilt(event.data)
        return event.data

    def _outcome(self) -> Delivered:
        spoilt = isinstance(self.order.fault, Disconnect | Malformed | Truncate)
        return "broken" if spoilt else "complete"

    def _bill(self, delivered: Delivered) -> None:
        used = self.order.spent(self._generated, self._thoughts)
        self.desk.books.bill(self.order.sale, used, delivered)
