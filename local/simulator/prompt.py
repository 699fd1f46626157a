"""A prompt as providers see it: blocks in the order tools, system, messages.

Every protocol is read into this form, which gives the prompt's tokens, the identity of each
prefix for the prompt caches, and the digest that the answer depends on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

PRIMING_OVERHEAD = 3
"""Tokens that prime the answer, as in OpenAI's published counting recipe; never cached."""
MESSAGE_OVERHEAD = 3
"""Tokens that frame each message, as in OpenAI's published counting recipe."""


@dataclass(frozen=True)
class Block:
    """One piece of a prompt.

    ``form`` is what must be equal for two blocks to be the same: cache markers are no part of
    it. ``pieces`` holds one text for each billed token. ``seconds`` is the lifetime that a cache
    marker on the block asks for. ``ends_message`` is true of a message's last block.
    """

    form: bytes
    pieces: tuple[str, ...]
    seconds: int | None = None
    ends_message: bool = False


@dataclass(frozen=True)
class Prefix:
    """The prompt from its start to some place: what it is, and how many tokens."""

    digest: bytes
    tokens: int


@dataclass(frozen=True)
class Prompt:
    """A whole prompt.

    ``implicit_seconds`` is the lifetime of a breakpoint that the provider sets on the newest
    message, if it does. Prompts of different ``partition`` share no cache.
    """

    blocks: tuple[Block, ...]
    implicit_seconds: int | None = None
    partition: str = ""

    @property
    def tokens(self) -> int:
        """What the prompt is billed as, in all classes together."""
        return PRIMING_OVERHEAD + sum(len(block.pieces) for block in self.blocks)

    def prefixes(self) -> list[Prefix]:
        """Return the prompt up to the end of each block."""
        made: list[Prefix] = []
        digest, tokens = b"", 0
        for block in self.blocks:
            digest = hashlib.sha256(digest + hashlib.sha256(block.form).digest()).digest()
            tokens += len(block.pieces)
            made.append(Prefix(digest, tokens))
        return made

    def token_prefixes(self, unit: int) -> list[Prefix]:
        """Return the prompt up to each multiple of ``unit`` tokens, blind to block borders."""
        pieces = [piece for block in self.blocks for piece in block.pieces]
        made: list[Prefix] = []
        digest = b""
        for end in range(unit, len(pieces) + 1, unit):
            text = "\x00".join(pieces[end - unit : end])
            digest = hashlib.sha256(digest + text.encode(errors="surrogatepass")).digest()
            made.append(Prefix(digest, end))
        return made

    def digest(self, model: str, settings: Mapping[str, object]) -> bytes:
        """Return the SHA-256 of what the answer depends on: the same request, the same digest."""
        last = self.prefixes()[-1].digest
        rest = msgspec.json.encode([model, settings], order="deterministic")
        return hashlib.sha256(last + rest).digest()


def form(*parts: object) -> bytes:
    """Return the canonical bytes of some JSON values and structs."""
    return msgspec.json.encode(parts, order="deterministic")


def image_pieces(identity: object, tokens: int) -> tuple[str, ...]:
    """Return the tokens of an image; two images share them only if they are the same."""
    name = hashlib.sha256(form(identity)).hexdigest()[:16]
    return (f"image:{name}",) * tokens


def message_blocks(role: str, contents: Iterable[Block]) -> list[Block]:
    """Return a message's blocks, framed: its role and its overhead stand on the first."""
    inner = list(contents) or [Block(b"", ())]
    frame = tuple(f"{role}:{place}" for place in range(MESSAGE_OVERHEAD))
    blocks = [
        Block(
            form=form("message", role, place == 0) + block.form,
            pieces=(frame if place == 0 else ()) + block.pieces,
            seconds=block.seconds,
        )
        for place, block in enumerate(inner)
    ]
    last = blocks[-1]
    return [*blocks[:-1], Block(last.form, last.pieces, last.seconds, ends_message=True)]
