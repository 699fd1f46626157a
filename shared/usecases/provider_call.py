"""One attempt: one call to one provider, stream or not, up to its whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.clock import Clock
from shared.domain.completion import MalformedAnswer
from shared.domain.errors import GatewayError, UpstreamFailed, UpstreamTimedOut
from shared.domain.formats.openai_chat import decoded
from shared.usecases.calls import Attempt, Call, Received
from shared.usecases.provider_errors import refusal
from shared.usecases.pump import ANSWER_LIMIT_BYTES, Pump, received_answer
from shared.usecases.relay import Relay

if TYPE_CHECKING:
    from shared.ports.calls import Meter, Upstream, UpstreamReply

SETTLING_SECONDS: Final = 10.0
"""Left over at the end of an invocation for the settlement."""
_LEAST_SECONDS: Final = 1.0
"""What a first attempt has at least; another one is not made for so little."""
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
        async with self._post(attempt) as reply:
            raw = await self._read(attempt, reply)
        whole = _object(raw)
        attempt.progress.usage = whole.get("usage")
        return received_answer(attempt, whole, raw)

    async def stream(self, attempt: Attempt, relay: Relay) -> Pump:
        """Pass a stream on as it comes, up to its end, which the returned pump holds back."""
        pump = Pump(attempt, relay, int(self._clock()))
        try:
            await self._pass_on(attempt, pump)
        except (UpstreamFailed, UpstreamTimedOut) as error:
            if not pump.has_all:
                raise
            # All has been said: what befalls the rest takes nothing from the answer.
            entry = attempt.entry
            self._meter.trouble("cut_short", request_id=entry.request_id, code=error.code)
        pump.finish()
        return pump

    def has_time_for(self, call: Call) -> bool:
        """Whether another attempt would have the time for an answer."""
        return self._seconds_left(call) > _LEAST_SECONDS

    async def _pass_on(self, attempt: Attempt, pump: Pump) -> None:
        silence = _Silence(attempt, self._patience)
        async with AsyncExitStack() as stack:
            async with silence.bounded():
                reply = await stack.enter_async_context(self._post(attempt))
            if reply.status != 200:
                raise await self._refusal(attempt, reply)
            chunks = reply.chunks()
            while (chunk := await silence.next_of(chunks)) is not None:
                await pump.feed(chunk)
                if pump.is_over:
                    await _read_out(chunks)
                    return
        await pump.feed_rest()

    def _post(self, attempt: Attempt) -> AbstractAsyncContextManager[UpstreamReply]:
        return self._upstream.post(
            attempt.hold,
            attempt.provider,
            attempt.provider_format.path,
            attempt.wire.raw,
            timeout_seconds=max(_LEAST_SECONDS, self._seconds_left(attempt.call)),
        )

    def _seconds_left(self, call: Call) -> float:
        now = self._clock()
        left = call.deadline - now - SETTLING_SECONDS
        return left if call.is_stream else min(left, call.started_at + self._patience.whole - now)

    async def _read(self, attempt: Attempt, reply: UpstreamReply) -> bytes:
        if reply.status != 200:
            raise await self._refusal(attempt, reply)
        parts = bytearray()
        async for chunk in reply.chunks():
            parts += chunk
            attempt.progress.received_bytes = len(parts)
            if len(parts) > ANSWER_LIMIT_BYTES:
                raise UpstreamFailed("The provider's answer is larger than 16 MB.")
        return bytes(parts)

    async def _refusal(self, attempt: Attempt, reply: UpstreamReply) -> GatewayError:
        error = await refusal(attempt.provider, reply)
        if reply.status in {401, 403}:
            self._meter.trouble("provider_key_refused", provider=attempt.entry.provider)
        return error


async def _read_out(chunks: AsyncIterator[bytes]) -> None:
    """Read a finished stream to its end, which usually is there, to keep the connection."""
    with suppress(TimeoutError, UpstreamFailed):
        async with asyncio.timeout(_READ_OUT_SECONDS):
            async for _ in chunks:
                pass


class _Silence:
    """How long one stream may say nothing.

    The time until its first byte is bounded, status line and all, only while another model could
    be asked: without one, the caller is kept waiting.
    """

    def __init__(self, attempt: Attempt, patience: Patience) -> None:
        self._attempt = attempt
        self._patience = patience
        self._first_by = asyncio.get_running_loop().time() + patience.first_byte

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Bound a wait; raises ``UpstreamTimedOut``."""
        try:
            async with asyncio.timeout_at(self._limit()):
                yield
        except TimeoutError as error:
            provider, has_begun = self._attempt.entry.provider, self._attempt.progress.has_begun
            seconds = self._patience.stall if has_begun else self._patience.first_byte
            raise UpstreamTimedOut(f"{provider} was silent for {seconds:.0f} s.") from error

    async def next_of(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """Return the next chunk, or None at the end; raises ``UpstreamTimedOut``."""
        async with self.bounded():
            return await anext(chunks, None)

    def _limit(self) -> float | None:
        if self._attempt.progress.has_begun:
            return asyncio.get_running_loop().time() + self._patience.stall
        return self._first_by if self._attempt.may_fall_back else None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return decoded(raw)
    except MalformedAnswer:
        raise UpstreamFailed("The provider's answer is not a JSON object.") from None
