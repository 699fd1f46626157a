"""Where a prompt may be read from a provider's cache, and where it is written.

The rules are the providers' own (platform.claude.com/docs/en/build-with-claude/prompt-caching,
developers.openai.com/api/docs/guides/prompt-caching, checked 2026-11-22):

* ``anthropic``: written at the caller's breakpoints only, for 5 minutes or an hour from the last
  use; each breakpoint looks back over 20 blocks.
* ``openai-explicit``: written at explicit breakpoints and, unless the mode is explicit, at the end
  of the newest message, for 30 minutes from the write; read where any of those may once have been.
* ``automatic``: every prompt is kept free of charge, block by block here, for some minutes of
  disuse.

The length of a prefix is its estimated share of the prompt, applied to the prompt's real tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import msgspec

from shared.domain.replay.estimate import MESSAGE_TOKENS, value_tokens
from shared.domain.replay.reading import Body

LOOK_BACK_BLOCKS: Final = 20
READ_BREAKPOINTS: Final = 80
WRITES: Final = 4
FIVE_MINUTES: Final = 300
HALF_AN_HOUR: Final = 1_800
AN_HOUR: Final = 3_600

_MARKERS: Final = ("cache_control", "prompt_cache_breakpoint")
_canonical = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class Prefix:
    """The prompt up to the end of a block."""

    digest: bytes
    tokens: int


@dataclass(frozen=True)
class Write:
    """A prefix that is kept for some seconds."""

    prefix: Prefix
    seconds: int


@dataclass(frozen=True)
class Places:
    """Where a prompt is read and written; ``renews``: a read starts a lifetime anew."""

    reads: tuple[Prefix, ...] = ()
    writes: tuple[Write, ...] = ()
    is_charged: bool = False
    renews: bool = False


@dataclass(frozen=True)
class _Block:
    content: bytes
    tokens: int
    seconds: int | None
    ends_message: bool


def places(body: Body, style: str, min_tokens: int, prompt_tokens: int) -> Places:
    """Return the places of a request as it is sent, long enough for the model's cache."""
    if prompt_tokens < min_tokens:
        return Places()
    blocks = list(_blocks(body))
    prefixes = _prefixes(blocks, prompt_tokens)
    if style == "anthropic":
        found = _anthropic(blocks, prefixes)
    elif style == "openai-explicit":
        found = _openai(blocks, prefixes, body.get("prompt_cache_options"))
    elif style == "automatic":
        found = Places(
            tuple(prefixes), tuple(Write(p, FIVE_MINUTES) for p in prefixes), renews=True
        )
    else:
        found = Places()
    return _long_enough(found, min_tokens)


def _blocks(body: Body) -> Iterator[_Block]:
    """Yield the prompt in the order in which providers read it: tools, instructions, turns."""
    for tool in body.get("tools") or ():
        yield _block("tool", tool)
    yield from _content("system", body.get("system"))
    for message in body["messages"]:
        rest = {k: v for k, v in message.items() if k != "content"}
        *first, last = [*_content(message.get("role", ""), message.get("content"))] or [
            _block("empty", {})
        ]
        yield from first
        extra = MESSAGE_TOKENS + (value_tokens(rest) if len(rest) > 1 else 0)
        content = last.content + _canonical.encode(_unmarked(rest))
        yield _Block(content, last.tokens + extra, last.seconds, ends_message=True)


def _content(role: str, content: object) -> Iterator[_Block]:
    if isinstance(content, str):
        yield _block(role, {"type": "text", "text": content})
    elif isinstance(content, list):
        for part in content:
            yield _block(role, part)


def _block(role: str, value: Any) -> _Block:
    plain = _unmarked(value)
    seconds = None
    for name in _MARKERS:
        marker = value.get(name) if isinstance(value, dict) else None
        if isinstance(marker, dict):
            seconds = AN_HOUR if marker.get("ttl") == "1h" else FIVE_MINUTES
            if name == "prompt_cache_breakpoint":
                seconds = HALF_AN_HOUR
    said = plain.get("text", plain) if isinstance(plain, dict) else plain
    return _Block(role.encode() + _canonical.encode(plain), value_tokens(said), seconds, False)


def _unmarked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: v for k, v in value.items() if k not in _MARKERS}


def _prefixes(blocks: list[_Block], prompt_tokens: int) -> list[Prefix]:
    counts = list(accumulate(block.tokens for block in blocks))
    total = max(1, counts[-1] if counts else 1)
    digest = hashlib.sha256()
    found = []
    for block, count in zip(blocks, counts, strict=True):
        digest.update(len(block.content).to_bytes(8))
        digest.update(block.content)
        found.append(Prefix(digest.digest(), prompt_tokens * count // total))
    return found


def _anthropic(blocks: list[_Block], prefixes: list[Prefix]) -> Places:
    marks = [place for place, block in enumerate(blocks) if block.seconds is not None][-WRITES:]
    seen = {place for mark in marks for place in range(mark - LOOK_BACK_BLOCKS + 1, mark + 1)}
    reads = tuple(prefixes[place] for place in sorted(seen) if place >= 0)
    writes = tuple(Write(prefixes[mark], blocks[mark].seconds or FIVE_MINUTES) for mark in marks)
    return Places(reads, writes, is_charged=True, renews=True)


def _openai(blocks: list[_Block], prefixes: list[Prefix], options: object) -> Places:
    marks = [place for place, block in enumerate(blocks) if block.seconds is not None]
    readable = set(marks)
    if not (isinstance(options, dict) and options.get("mode") == "explicit"):
        marks = sorted({*marks, len(blocks) - 1})
        readable |= {place for place, block in enumerate(blocks) if block.ends_message}
    reads = tuple(prefixes[place] for place in sorted(readable)[-READ_BREAKPOINTS:])
    writes = tuple(Write(prefixes[place], HALF_AN_HOUR) for place in marks[-WRITES:])
    return Places(reads, writes, is_charged=True)


def _long_enough(found: Places, min_tokens: int) -> Places:
    return Places(
        reads=tuple(prefix for prefix in found.reads if prefix.tokens >= min_tokens),
        writes=tuple(write for write in found.writes if write.prefix.tokens >= min_tokens),
        is_charged=found.is_charged,
        renews=found.renews,
    )
