"""Requests about files and batches: carried out, and answered through the fault they suffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.simulator.batches.spool import Spool
from local.simulator.delivery import Delivery, delivering
from local.simulator.faults import (
    Disconnect,
    Errand,
    Fault,
    LostAnswer,
    Malformed,
    SlowFirstByte,
    Stall,
    Status,
    Truncate,
)

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from local.simulator.desk import Desk
    from local.simulator.refusal import Refusal

Body = bytes | Spool
"""A JSON answer, or a text to be downloaded."""


def carry_out(
    desk: Desk,
    errand: Errand,
    refusal: type[Refusal],
    work: Callable[[], Body],
    headers: Mapping[str, str],
) -> ErrandReply:
    """Do the work unless the errand's fault prevents it; raises ``refusal`` where that says so."""
    fault = desk.faults.take(errand)
    if isinstance(fault, Status):
        raise refusal.scripted(fault.status, fault.retry_after)
    if not isinstance(fault, LostAnswer):
        return ErrandReply(work(), headers, fault)
    if fault.effect:
        work()
    if fault.status is not None:
        raise refusal.scripted(fault.status)
    return ErrandReply(b"", headers, fault)


@dataclass(frozen=True)
class ErrandReply:
    """An ASGI answer to one errand."""

    body: Body
    headers: Mapping[str, str]
    fault: Fault | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over one connection."""
        async with delivering(receive, send) as delivery:
            if isinstance(self.fault, SlowFirstByte):
                await delivery.pause(self.fault.seconds)
            if isinstance(self.fault, LostAnswer):
                await delivery.start(200, {**self.headers, "content-length": "1"})
            elif isinstance(self.body, Spool):
                await self._download(delivery, self.body)
            else:
                await self._whole(delivery, self.body)

    async def _whole(self, delivery: Delivery, body: bytes) -> None:
        if isinstance(self.fault, Stall):
            await delivery.pause(self.fault.seconds)
        broken = isinstance(self.fault, Disconnect)
        sent = body
        if broken or isinstance(self.fault, Malformed | Truncate):
            sent = body[: len(body) // 2]
        announced = len(body) if broken else len(sent)
        await delivery.start(200, {**self.headers, "content-length": str(announced)})
        await delivery.write(sent)
        if not broken:
            await delivery.finish()

    async def _download(self, delivery: Delivery, text: Spool) -> None:
        await delivery.start(200, self.headers)
        fault = self.fault
        for place, piece in enumerate(self._pieces(text)):
            struck = _strikes(fault, place)
            if struck and isinstance(fault, Stall):
                await delivery.pause(fault.seconds)
            await delivery.pause(0)
            if delivery.gone or (struck and isinstance(fault, Disconnect | Truncate)):
                break
            await delivery.write(_cut(piece) if struck and isinstance(fault, Malformed) else piece)
        if not isinstance(fault, Disconnect):
            await delivery.finish()

    def _pieces(self, text: Spool) -> Iterator[bytes]:
        if self.fault is None:
            return text.chunks()
        return (line + b"\n" for line in text.lines())


def _strikes(fault: Fault | None, place: int) -> bool:
    if not isinstance(fault, Disconnect | Stall | Malformed | Truncate):
        return False
    return place == fault.after_chunks


def _cut(line: bytes) -> bytes:
    return line[: len(line) // 2] + b"\n"
