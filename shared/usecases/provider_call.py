"""One attempt: one call to one provider, stream or not, up to its whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.clock import Clock
from shared.domain.completion import MalformedAnswer
from shared.domain.errors import GatewayError, UpstreamFailed, UpstreamTimedOut
from shared.domain.formats import WireEvent
from shared.domain.formats.openai_chat import decoded
from shared.domain.sse import EventReader, Oversized
from shared.ports import Meter, Upstream, UpstreamReply
from shared.usecases.calls import Attempt, Received
from shared.usecases.provider_errors import error_in_stream, refusal
from shared.usecases.relay import Relay

_ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024
SETTLING_SECONDS: Final = 10.0
"""Left over at the end of an invocation for the settlement."""
_READ_OUT_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Patience:
    """How long a provider is waited for, in seconds.

    ``whole`` is all that an answer in one piece may take, ``first_byte`` how long a stream's
    first byte is waited for while another model could be asked, ``stall`` how long a stream may
    be silent once it has begun.
    """

    whole: float
    first_byte: float
    stall: float


class ProviderCaller:
    """Calls providers. Raises the errors that a provider's failure means to the caller."""

    def __init__(self, upstream: Upstream, meter: Meter, clock: Clock, patience: Patience) -> None:
        self._upstream = upstream
        self._meter = meter
        self._clock = clock
        self._patience = patience

    async def whole(self, attempt: Attempt) -> tuple[Received, bytes]:
        """Fetch an answer in one piece; returns it decoded and as bytes for the caller."""
        since_start = self._clock() - attempt.call.started_at
        seconds = min(max(1.0, self._patience.whole - since_start), self._seconds_left(attempt))
        async with self._post(attempt, seconds) as reply:
            raw = await self._read(attempt, reply)
        whole = _object(raw)
        attempt.progress.usage = whole.get("usage")
        return _received(attempt, whole, raw)

    async def stream(self, attempt: Attempt, relay: Relay) -> Pump:
        """Pass a stream on as it comes, up to its end, which the returned pump holds back."""
        pump = Pump(attempt, relay, int(self._clock()))
        async with self._post(attempt, self._seconds_left(attempt)) as reply:
            if reply.status != 200:
                raise await self._refusal(attempt, reply)
            chunks = _unstalled(reply.chunks(), attempt, self._patience)
            async for chunk in chunks:
                await pump.feed(chunk)
                if pump.is_over:
                    await _read_out(chunks)
                    break
        await pump.close()
        return pump

    def _post(self, attempt: Attempt, seconds: float) -> AbstractAsyncContextManager[UpstreamReply]:
        return self._upstream.post(
            attempt.entry,
            attempt.provider,
            attempt.provider_format.path,
            attempt.wire_body,
            timeout_seconds=seconds,
        )

    def _seconds_left(self, attempt: Attempt) -> float:
        return max(1.0, attempt.call.deadline - self._clock() - SETTLING_SECONDS)

    async def _read(self, attempt: Attempt, reply: UpstreamReply) -> bytes:
        if reply.status != 200:
            raise await self._refusal(attempt, reply)
        parts = bytearray()
        async for chunk in reply.chunks():
            parts += chunk
            attempt.progress.received_bytes = len(parts)
            if len(parts) > _ANSWER_LIMIT_BYTES:
                raise UpstreamFailed("The provider's answer is larger than 16 MB.")
        return bytes(parts)

    async def _refusal(self, attempt: Attempt, reply: UpstreamReply) -> GatewayError:
        error = await refusal(attempt.entry.provider, reply)
        if reply.status in {401, 403}:
            self._meter.trouble("provider_key_refused", provider=attempt.entry.provider)
        return error


class Pump:
    """Reads one stream: passes frames on until the answer is whole, then holds the rest back."""

    def __init__(self, attempt: Attempt, relay: Relay, created: int) -> None:
        self._attempt = attempt
        self._relay = relay
        self._format = attempt.provider_format
        self._gathering = self._format.gather(attempt.call.request.choices)
        self._crossing = attempt.crossing.stream(created, attempt.provider.reasoning)
        self._created = created
        self._reader = EventReader()
        self._held: list[WireEvent] = []
        self.is_over = False
        """Whether the last event was seen: a provider may keep the connection open after it."""

    def received(self) -> Received:
        """Return the whole answer that the stream added up to."""
        whole = {**self._gathering.whole(), "usage": self._gathering.usage}
        return _received(self._attempt, whole, b"", self._created)[0]

    def ending(self, notes: dict[str, str]) -> list[bytes]:
        """Return the frames held back, the one that ends the answer carrying the notes."""
        door = self._attempt.call.format
        include_usage = self._attempt.call.request.wants_usage_chunk
        events = door.annotated(self._held, notes, include_usage=include_usage)
        return [*(door.frame(event) for event in events), door.closing]

    async def feed(self, chunk: bytes) -> None:
        """Take bytes of the stream; raises ``UpstreamFailed``."""
        self._attempt.progress.received_bytes += len(chunk)
        if self._attempt.progress.received_bytes > _ANSWER_LIMIT_BYTES:
            raise UpstreamFailed("The provider's answer is larger than 16 MB.")
        try:
            for event in self._reader.feed(chunk):
                await self._take(self._format.decode(event))
                self.is_over = self.is_over or self._format.ends(event)
        except Oversized as error:
            raise UpstreamFailed("The provider sent an event that is too large.") from error
        except MalformedAnswer as error:
            raise UpstreamFailed(f"The provider sent {error}.") from error

    async def close(self) -> None:
        """Take the end of the stream; raises ``UpstreamFailed`` for one that came too early."""
        await self.feed(b"\n\n")
        if not self._gathering.is_finished:
            raise UpstreamFailed("The provider ended its stream in the middle of the answer.")
        try:
            self._held += self._crossing.end()
        except MalformedAnswer as error:
            raise UpstreamFailed(f"The provider sent {error}.") from error

    def _break_off(self, error: object) -> None:
        """Take an error event: after a whole answer it only means that no accounts follow."""
        if not self._gathering.is_finished:
            raise error_in_stream(error)
        self.is_over = True

    async def _take(self, event: WireEvent | None) -> None:
        if event is None:
            return
        error = self._format.error_in(event)
        if error is not None:
            self._break_off(error)
            return
        self._gathering.add(event)
        self._attempt.progress.usage = self._gathering.usage
        for own in self._crossing.feed(event):
            if self._gathering.is_finished:
                self._held.append(own)
            else:
                await self._relay.send(self._attempt.call.format.frame(own))


async def _read_out(chunks: AsyncIterator[bytes]) -> None:
    """Read a finished stream to its end, which usually is there, to keep the connection."""
    with suppress(TimeoutError, UpstreamFailed):
        async with asyncio.timeout(_READ_OUT_SECONDS):
            async for _ in chunks:
                pass


async def _unstalled(
    chunks: AsyncIterator[bytes], attempt: Attempt, patience: Patience
) -> AsyncIterator[bytes]:
    """Yield chunks; raises ``UpstreamTimedOut`` when the next one takes too long."""
    while True:
        waits = attempt.may_fall_back and not attempt.progress.has_begun
        seconds = patience.first_byte if waits else patience.stall
        has_limit = waits or attempt.progress.has_begun
        try:
            async with asyncio.timeout(seconds if has_limit else None):
                chunk = await anext(chunks, None)
        except TimeoutError as error:
            raise UpstreamTimedOut(
                f"{attempt.entry.provider} was silent for {seconds:.0f} s."
            ) from error
        if chunk is None:
            return
        yield chunk


def _received(
    attempt: Attempt, whole: dict[str, Any], raw: bytes, created: int | None = None
) -> tuple[Received, bytes]:
    """Check a whole answer and translate it; raises ``UpstreamFailed`` for what is none."""
    choices = attempt.call.request.choices
    provider_format = attempt.provider_format
    try:
        reason = provider_format.finish_reason(whole, choices)
        is_cacheable = provider_format.is_cacheable(whole, choices)
        began = created or int(attempt.entry.opened_at)
        own = attempt.crossing.whole(whole, began, attempt.provider.reasoning)
    except MalformedAnswer as error:
        raise UpstreamFailed(f"The provider sent {error}.") from error
    received = Received(own, whole.get("usage"), reason, is_cacheable)
    return received, raw if own is whole else msgspec.json.encode(own)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return decoded(raw)
    except MalformedAnswer:
        raise UpstreamFailed("The provider's answer is not a JSON object.") from None
