"""From what a provider sends to a checked answer in the door's format, streamed or whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.domain.completion import MalformedAnswer
from shared.domain.errors import UpstreamFailed
from shared.domain.formats import WireEvent
from shared.domain.sse import Event, EventReader, Oversized
from shared.usecases.calls import Attempt, Received
from shared.usecases.provider_errors import error_in_stream
from shared.usecases.relay import Relay

ANSWER_LIMIT_BYTES: Final = 16 * 1024 * 1024


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

    @property
    def has_all(self) -> bool:
        """Whether the whole answer was received; only accounts and the last event may follow."""
        return self._gathering.is_finished

    def received(self) -> Received:
        """Return the whole answer that the stream added up to."""
        whole = {**self._gathering.whole(), "usage": self._gathering.usage}
        return received_answer(self._attempt, whole, b"", self._created)[0]

    def ending(self, notes: dict[str, str]) -> list[bytes]:
        """Return the frames held back, the one that ends the answer carrying the notes."""
        door = self._attempt.call.format
        include_usage = self._attempt.call.request.wants_usage_chunk
        events = door.annotated(self._held, notes, include_usage=include_usage)
        return [*(door.frame(event) for event in events), door.closing]

    async def feed(self, chunk: bytes) -> None:
        """Take bytes of the stream; raises ``UpstreamFailed``."""
        self._attempt.progress.received_bytes += len(chunk)
        if self._attempt.progress.received_bytes > ANSWER_LIMIT_BYTES:
            raise UpstreamFailed("The provider's answer is larger than 16 MB.")
        await self._take_all(self._reader.feed(chunk))

    async def feed_rest(self) -> None:
        """Take what an unterminated last line completes; raises ``UpstreamFailed``."""
        await self._take_all(self._reader.close())

    def finish(self) -> None:
        """Take the end of the stream; raises ``UpstreamFailed`` for one that came too early."""
        if not self.has_all:
            raise UpstreamFailed("The provider ended its stream in the middle of the answer.")
        try:
            self._held += self._crossing.end()
        except MalformedAnswer as error:
            raise UpstreamFailed(f"The provider sent {error}.") from error

    async def _take_all(self, events: Iterator[Event]) -> None:
        try:
            for event in events:
                await self._take(self._format.decode(event))
                self.is_over = self.is_over or self._format.ends(event)
        except Oversized as error:
            raise UpstreamFailed("The provider sent an event that is too large.") from error
        except MalformedAnswer as error:
            raise UpstreamFailed(f"The provider sent {error}.") from error

    def _break_off(self, error: object) -> None:
        """Take an error event: after a whole answer it only means that no accounts follow."""
        if not self.has_all:
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
        if self.has_all:  # what is counted before that is not all that is billed
            self._attempt.progress.usage = self._gathering.usage
        for own in self._crossing.feed(event):
            if self.has_all:
                self._held.append(own)
            else:
                await self._relay.send(self._attempt.call.format.frame(own))


def received_answer(
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
