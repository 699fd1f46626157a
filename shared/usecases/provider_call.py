"""One call to a provider, stream or not, up to its settlement.

Both forms run as tasks that no response owns: a caller who hangs up changes nothing here.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.catalog import Catalog
from shared.domain.completion import MalformedAnswer, StreamedCompletion, finish_reasons
from shared.domain.errors import GatewayError, UpstreamFailed
from shared.domain.notes import notes
from shared.domain.sse import DONE, EventReader, Oversized, data_frame
from shared.ports import Meter, Upstream, UpstreamReply
from shared.usecases.calls import ProviderCall, WholeReply
from shared.usecases.provider_errors import error_in_stream, refusal
from shared.usecases.relay import Relay
from shared.usecases.settling import Settler

_PATH: Final = "/chat/completions"
_ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024
WHOLE_SECONDS: Final = 280.0
"""API Gateway drops a connection that is silent for five minutes."""
STREAM_SECONDS: Final = 870.0
"""The function may run for fifteen minutes; the rest is for settling."""


class ProviderCaller:
    """Calls providers and settles what came of it."""

    def __init__(
        self, upstream: Upstream, settler: Settler, catalog: Catalog, meter: Meter
    ) -> None:
        self._upstream = upstream
        self._settler = settler
        self._catalog = catalog
        self._meter = meter

    async def whole(self, plan: ProviderCall) -> WholeReply:
        """Fetch an answer in one piece, settle it and return it as the provider wrote it."""
        raw = b""
        try:
            async with self._post(plan, WHOLE_SECONDS) as reply:
                raw = await self._read(plan, reply)
            completion = _decoded(raw)
            _checked(completion, plan.call.request.choices)
        except GatewayError as error:
            await self._failed(plan, error, None, len(raw))
            raise
        settlement = await self._settler.answered(
            plan.entry, completion, plan.call.request.choices, plan.keeping, plan.bound(len(raw))
        )
        return WholeReply(raw, notes(plan.entry, settlement))

    async def stream(self, plan: ProviderCall, relay: Relay) -> None:
        """Pass a stream on as it comes; hold its end back until the call is settled."""
        async with relay.feeding():
            pump = _Pump(plan, relay)
            try:
                await self._pump(plan, pump)
            except GatewayError as error:
                await self._failed(plan, error, pump.gathered.usage, pump.received_bytes)
                raise
            settlement = await self._settler.answered(
                plan.entry,
                pump.gathered.whole(),
                plan.call.request.choices,
                plan.keeping,
                plan.bound(pump.received_bytes),
            )
            for frame in pump.ending(notes(plan.entry, settlement)):
                await relay.send(frame)

    async def _pump(self, plan: ProviderCall, pump: _Pump) -> None:
        async with self._post(plan, STREAM_SECONDS) as reply:
            if reply.status != 200:
                raise await self._refusal(plan, reply)
            async for chunk in reply.chunks():
                await pump.feed(chunk)
        await pump.close()

    def _post(self, plan: ProviderCall, timeout_seconds: float) -> Any:
        provider = self._catalog.providers[plan.entry.provider]
        return self._upstream.post(
            plan.entry, provider, _PATH, plan.wire_body, timeout_seconds=timeout_seconds
        )

    async def _read(self, plan: ProviderCall, reply: UpstreamReply) -> bytes:
        if reply.status != 200:
            raise await self._refusal(plan, reply)
        parts = bytearray()
        async for chunk in reply.chunks():
            parts += chunk
            if len(parts) > _ANSWER_LIMIT_BYTES:
                raise UpstreamFailed("The provider's answer is larger than 16 MB.")
        return bytes(parts)

    async def _refusal(self, plan: ProviderCall, reply: UpstreamReply) -> GatewayError:
        error = await refusal(plan.entry.provider, reply)
        if reply.status in {401, 403}:
            self._meter.trouble("provider_key_refused", provider=plan.entry.provider)
        return error

    async def _failed(
        self, plan: ProviderCall, error: GatewayError, usage: object, received_bytes: int
    ) -> None:
        self._meter.trouble(
            "upstream",
            request_id=plan.entry.request_id,
            provider=plan.entry.provider,
            model=plan.entry.model,
            status=error.status,
            code=error.code,
        )
        await self._settler.failed(plan.entry, error, usage, plan.bound(received_bytes))


class _Pump:
    """Reads one stream: passes frames on until every choice has finished, then holds them."""

    def __init__(self, plan: ProviderCall, relay: Relay) -> None:
        self.gathered = StreamedCompletion(plan.call.request.choices)
        self.received_bytes = 0
        self._wants_usage_chunk = plan.call.request.wants_usage_chunk
        self._relay = relay
        self._reader = EventReader()
        self._held: list[dict[str, Any]] = []

    async def feed(self, chunk: bytes) -> None:
        try:
            for event in self._reader.feed(chunk):
                await self._take(event.data)
        except Oversized as error:
            raise UpstreamFailed("The provider sent an event that is too large.") from error

    async def close(self) -> None:
        for event in self._reader.close():
            await self._take(event.data)
        if not self.gathered.is_finished:
            raise UpstreamFailed("The provider ended its stream in the middle of the answer.")

    def ending(self, facts: dict[str, str]) -> list[bytes]:
        """Return the held frames, the one with the finish reason carrying the facts."""
        self._held[0]["sluice"] = facts
        kept = [
            chunk
            for chunk in self._held
            if chunk["choices"] or (self._wants_usage_chunk and chunk.get("usage"))
        ]
        return [*(data_frame(msgspec.json.encode(chunk)) for chunk in kept), DONE]

    async def _take(self, data: bytes) -> None:
        if data == b"[DONE]":
            return
        self.received_bytes += len(data)
        chunk = _decoded(data)
        if "error" in chunk:
            raise error_in_stream(chunk["error"])
        try:
            self.gathered.add(chunk)
        except MalformedAnswer as error:
            raise UpstreamFailed(f"The provider sent {error}.") from error
        if self.gathered.is_finished:
            self._held.append(chunk)
        else:
            await self._relay.send(data_frame(data))


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UpstreamFailed("The provider's answer is not valid JSON.") from error
    if not isinstance(decoded, dict):
        raise UpstreamFailed("The provider's answer is not a JSON object.")
    return decoded


def _checked(completion: dict[str, Any], choices: int) -> None:
    try:
        finish_reasons(completion, choices)
    except MalformedAnswer as error:
        raise UpstreamFailed(f"The provider sent {error}.") from error
