"""The values that travel between a door and the use cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.catalog import Model, Provider
from shared.domain.api_keys import PresentedKey
from shared.domain.budgets import Budget, Hold, OpenHold, Scope
from shared.domain.controls import Controls
from shared.domain.crossing import Crossing
from shared.domain.entries import Claim, Door, Entry, KeyRow
from shared.domain.errors import GatewayError
from shared.domain.formats import Format, UsageDialect, Whole
from shared.domain.prices import TokenCounts
from shared.domain.routing import Asked
from shared.usecases.relay import Relay
from shared.usecases.settling import Keeping
from shared.usecases.wire_body import WireBody


class ModelRequest(Protocol):
    """What the use cases ask of a checked request, whichever door it came through."""

    @property
    def model(self) -> str:
        """``auto``, a tier, or a model's id."""

    @property
    def stream(self) -> bool | None:
        """Whether the answer is to be streamed."""

    @property
    def choices(self) -> int:
        """How many answers are asked for."""

    @property
    def wants_usage_chunk(self) -> bool:
        """Whether a stream's usage is to be shown in a chunk of its own."""

    @property
    def output_limit(self) -> int | None:
        """The caller's bound on output tokens per choice."""

    def user_text(self) -> str:
        """Return all that the user said."""

    def asked(self) -> Asked:
        """Return what the router scores the request by."""


@dataclass(frozen=True)
class Call:
    """One checked request as a door hands it over.

    ``body`` is the caller's decoded body without the ``sluice`` object. ``render_error`` gives
    an error the shape of the door's stream. Times are epoch seconds; by ``deadline`` the answer
    must have ended.
    """

    request_id: str
    started_at: float
    deadline: float
    door: Door
    format: Format
    key: PresentedKey
    body: dict[str, Any]
    request: ModelRequest
    controls: Controls
    render_error: Callable[[GatewayError], bytes]
    idempotency_key: str | None = None
    identity: str = ""
    """The digest that the same request of the same team has, and no other; set when it is known."""
    answer_by: float | None = None
    """The deadline of a call that may be deferred, in epoch seconds; None: it is answered now."""

    @property
    def is_stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.request.stream)


@dataclass(frozen=True)
class Plan:
    """A call that goes to a provider: which models to try in turn, and what is kept."""

    call: Call
    key: KeyRow
    entry: Entry
    """The entry of the first attempt; later ones differ in the model and the number."""
    models: tuple[Model, ...]
    ailing: frozenset[str]
    """Models that have failed lately: a success is worth telling the other instances."""
    keeping: Keeping
    budgets: Mapping[Scope, Budget]
    """The budgets of the call as they were read with its key."""
    facts: Mapping[str, str]
    """What the caller is told of those budgets."""
    claim: Claim | None = None
    held: Hold | None = None
    """The hold of the first attempt, where the call was accepted with one."""


@dataclass
class Progress:
    """How far an attempt got, for the settlement if it fails."""

    received_bytes: int = 0
    usage: object = None

    @property
    def has_begun(self) -> bool:
        """Whether the provider sent a byte of its answer: past that, no other model is tried."""
        return self.received_bytes > 0


@dataclass(frozen=True)
class Attempt:
    """One call to one provider."""

    call: Call
    hold: OpenHold
    provider: Provider
    provider_format: Format
    crossing: Crossing
    wire: WireBody
    may_fall_back: bool
    progress: Progress = field(default_factory=Progress)

    @property
    def entry(self) -> Entry:
        """The call's entry in the ledger."""
        return self.hold.entry

    @property
    def dialect(self) -> UsageDialect:
        """How the provider reports what it billed."""
        return UsageDialect(self.provider.usage, self.provider.reasoning)

    @property
    def most(self) -> TokenCounts:
        """What to charge when no usage arrives: all that was held.

        A provider that broke off, or sent figures that cannot be read, may have billed anything
        up to that: what it generated unseen is not in the bytes that came.
        """
        return self.wire.bound.tokens


@dataclass(frozen=True)
class Received:
    """A whole answer of a provider, in the door's format and with the provider's own usage."""

    whole: Whole
    usage: object
    finish_reason: str
    is_cacheable: bool


@dataclass(frozen=True)
class WholeReply:
    """An answer in one piece: JSON bytes and the notes for its headers."""

    body: bytes
    notes: dict[str, str]


@dataclass(frozen=True)
class StreamReply:
    """An answer as a stream: frames as they come and the notes for its headers."""

    relay: Relay
    notes: dict[str, str]
