"""The provider's own books: what each answered request used and cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec

from local.simulator.prices import Model, Usage, nano_from_pico

Delivered = Literal["complete", "hung_up", "broken"]
"""``hung_up``: the client left early. ``broken``: a scripted fault spoilt the answer."""

Protocol = Literal["openai-chat", "anthropic-messages", "bedrock-converse"]

FINGERPRINT_CHARS = 8


class Line(msgspec.Struct, frozen=True):
    """One billed request. ``at`` is the epoch second of its arrival, ``key`` a fingerprint.

    ``cached_tokens``, ``cache_write_tokens`` (5 and 30 minutes) and ``cache_write_long_tokens``
    (1 and 12 hours) are disjoint parts of ``prompt_tokens``. ``completion_tokens`` is all
    billed output, of which ``reasoning_tokens`` is a part even where the provider's own usage
    fields count it apart. ``batch`` is the id of the batch at whose price the line is billed.
    """

    seq: int
    at: float
    provider: str
    protocol: Protocol
    key: str
    model: str
    stream: bool
    prompt_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cache_write_long_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cost_pico: int
    cost_nano: int
    delivered: Delivered
    batch: str | None = None


class Totals(msgspec.Struct, frozen=True):
    """Sums over lines; ``cost_nano`` adds amounts that were each rounded up once."""

    requests: int
    prompt_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cache_write_long_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cost_pico: int
    cost_nano: int


class Sale(msgspec.Struct, frozen=True):
    """What is known of a request before it is answered.

    ``account`` is what a prompt cache belongs to: the key's fingerprint, or for Bedrock the
    region, since one account's credentials change by the hour. ``batch`` is the batch it is a
    line of.
    """

    at: float
    key: str
    account: str
    model: Model
    protocol: Protocol
    stream: bool
    batch: str | None = None


class Books:
    """Lines in the order in which answers ended, numbered from 1."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def bill(self, sale: Sale, usage: Usage, delivered: Delivered) -> Line:
        """Write the line of an ended request at the prices of its arrival, and return it."""
        pico = sale.model.cost_pico(usage, sale.at, batch=sale.batch is not None)
        line = Line(
            seq=len(self._lines) + 1,
            at=sale.at,
            provider=sale.model.provider,
            protocol=sale.protocol,
            key=sale.key,
            model=sale.model.id,
            stream=sale.stream,
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            cache_write_tokens=usage.cache_write,
            cache_write_long_tokens=usage.cache_write_long,
            completion_tokens=usage.completion,
            reasoning_tokens=usage.reasoning,
            cost_pico=pico,
            cost_nano=nano_from_pico(pico),
            delivered=delivered,
            batch=sale.batch,
        )
        self._lines.append(line)
        return line

    def since(self, seq: int) -> list[Line]:
        """Return the lines numbered above ``seq``."""
        return self._lines[max(0, seq) :]

    def reset(self) -> None:
        """Forget every line and number from 1 again."""
        self._lines.clear()


def totals(lines: Iterable[Line]) -> Totals:
    """Return the sums over some lines."""
    held = list(lines)
    return Totals(
        requests=len(held),
        prompt_tokens=sum(line.prompt_tokens for line in held),
        cached_tokens=sum(line.cached_tokens for line in held),
        cache_write_tokens=sum(line.cache_write_tokens for line in held),
        cache_write_long_tokens=sum(line.cache_write_long_tokens for line in held),
        completion_tokens=sum(line.completion_tokens for line in held),
        reasoning_tokens=sum(line.reasoning_tokens for line in held),
        cost_pico=sum(line.cost_pico for line in held),
        cost_nano=sum(line.cost_nano for line in held),
    )


def fingerprint(key: str) -> str:
    """Return the first 8 hex digits of the key's SHA-256: enough to tell keys apart."""
    return hashlib.sha256(key.encode()).hexdigest()[:FINGERPRINT_CHARS]
