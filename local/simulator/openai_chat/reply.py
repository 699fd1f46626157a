"""Sends one answer at its pace, suffers its fault, and bills it.

Billing rules. Tokens are billed as they are generated; one generated token is one streamed
event. A client that hangs up ends the generation: the prompt and the tokens up to then are
billed as ``hung_up``, whether or not the answer was to be streamed. An answer that a scripted
fault spoils is billed likewise as ``broken``: a real provider may do so, and a gateway that
counts on a free failure would be wrong. The line is in the books before the last bytes leave,
so whoever has read an answer to its end finds it there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from local.simulator.delivery import Delivery, delivering
from local.simulator.faults import (
    Disconnect,
    Fault,
    Malformed,
    SlowFirstByte,
    Stall,
    Truncate,
    WrongUsage,
)
from local.simulator.openai_chat.wire import DONE, Event, Wire, in_turn, usage_json
from local.simulator.prices import Usage

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from local.simulator.books import Books, Delivered, Sale
    from local.simulator.openai_chat.answer import Call, Choice


@dataclass
class ChatReply:
    """An ASGI answer to one accepted request."""

    books: Books
    sale: Sale
    call: Call
    choices: tuple[Choice, ...]
    fault: Fault | None
    id: str = field(default_factory=lambda: uuid4().hex)
    _generated: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over one connection."""
        async with delivering(receive, send) as delivery:
            if isinstance(self.fault, SlowFirstByte):
                await delivery.pause(self.fault.seconds)
            if self.call.body.stream:
                await self._stream(delivery)
            else:
                await self._whole(delivery)

    async def _stream(self, delivery: Delivery) -> None:
        await delivery.start(200, self._headers("text/event-stream; charset=utf-8"))
        for place, event in enumerate(self._wire().events()):
            last = event.data is DONE
            struck = self._strikes(place, last=last)
            if struck and await self._cut_off(delivery):
                return
            await delivery.pause(self.call.directives.pause if event.tokens else 0)
            if delivery.gone:
                self._bill("hung_up")
                return
            self._generated += event.tokens
            if last:
                self._bill(self._outcome())
            await delivery.write(self._spoilt(event) if struck else event.data)
        await delivery.finish()

    async def _whole(self, delivery: Delivery) -> None:
        for _choice, piece in in_turn(self.choices):
            await delivery.pause(self.call.directives.pause)
            if delivery.gone:
                break
            self._generated += piece.tokens
        if isinstance(self.fault, Stall):
            await delivery.pause(self.fault.seconds)
        body = self._wire().completion()
        size = len(body)
        if isinstance(self.fault, Disconnect | Malformed | Truncate):
            body = body[: size // 2]
        self._bill("hung_up" if delivery.gone else self._outcome())
        announced = size if isinstance(self.fault, Disconnect) else len(body)
        headers = self._headers("application/json") | {"content-length": str(announced)}
        await delivery.start(200, headers)
        await delivery.write(body)
        if not isinstance(self.fault, Disconnect):
            await delivery.finish()

    def _strikes(self, place: int, *, last: bool) -> bool:
        if not isinstance(self.fault, Disconnect | Stall | Malformed | Truncate):
            return False
        planned = self.fault.after_chunks
        return place == planned or (last and place < planned)

    async def _cut_off(self, delivery: Delivery) -> bool:
        """Suffer a fault between two events; tells whether the answer is over."""
        if isinstance(self.fault, Stall):
            await delivery.pause(self.fault.seconds)
        if not isinstance(self.fault, Disconnect | Truncate):
            return False
        self._bill("broken")
        if isinstance(self.fault, Truncate):
            await delivery.finish()
        return True

    def _spoilt(self, event: Event) -> bytes:
        if isinstance(self.fault, Malformed):
            return event.data[: len(event.data) // 2] + b"\n\n"
        return event.data

    def _outcome(self) -> Delivered:
        spoilt = isinstance(self.fault, Disconnect | Malformed | Truncate)
        return "broken" if spoilt else "complete"

    def _bill(self, delivered: Delivered) -> None:
        used = Usage(prompt=self.call.prompt_tokens, completion=self._generated)
        self.books.bill(self.sale, used, delivered)

    def _wire(self) -> Wire:
        complete = sum(piece.tokens for choice in self.choices for piece in choice.pieces)
        usage: object = usage_json(Usage(prompt=self.call.prompt_tokens, completion=complete))
        if isinstance(self.fault, WrongUsage):
            usage = self.fault.value
        created = int(self.sale.at)
        return Wire(f"chatcmpl-{self.id}", created, self.call, self.choices, usage)

    def _headers(self, content_type: str) -> dict[str, str]:
        return {"content-type": content_type, "x-request-id": f"req_{self.id}"}
