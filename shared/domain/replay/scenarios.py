"""The price of a whole log: as it was, with each lever alone, and with all of them.

*As it was*: each call at the list price of its model on its day, with the prompt-cache tokens that
its provider reported; where the log has no usage, with those that the provider's rules give the
request as it was sent.

*Alone*, a lever is tried on that bill by itself, so two of them may claim the same dollar and the
figures must not be added up. *Together* is one simulation in the order of time: a hit ends a call;
else it is routed, then batched if it may wait, or shaped for the prompt cache. There the
contributions do add up, exactly: a hit's is the whole call, and otherwise

    as it was - cost = (as it was - routed, same classes of tokens)     routing
                     + (routed - routed and shaped)                     prompt cache
                     + (routed - routed in a batch, nothing cached)     batch

A call is never routed to a model that would cost it more than its own: who uses a cheap model
goes on naming it. What the gateway would refuse passes unchanged, in every scenario.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

from shared.domain.errors import InvalidRequest, UnpricedModel
from shared.domain.prices import TokenCounts
from shared.domain.replay.answers import Answers
from shared.domain.replay.calls import LoggedCall
from shared.domain.replay.facts import Facts, PricedModel
from shared.domain.replay.prefixes import places
from shared.domain.replay.reading import Body
from shared.domain.replay.shelf import Shelf

Lever = Literal["exact_cache", "routing", "prompt_cache", "batch"]
LEVERS: Final[tuple[Lever, ...]] = ("exact_cache", "routing", "prompt_cache", "batch")
_SHAPES: Final = ("cache_control", "prompt_cache_breakpoint", "prompt_cache_options")


@dataclass(frozen=True)
class Wishes:
    """What the person who replays decides.

    ``day`` is the day at whose prices other models are tried, at each call's own hour.
    ``batched`` names the labels whose calls may wait; ``batch_all`` lets every call wait.
    """

    day: date
    batched: frozenset[str] = frozenset()
    batch_all: bool = False

    def may_wait(self, call: LoggedCall) -> bool:
        """Tell whether a call may be answered within a day."""
        return self.batch_all or call.may_wait or call.label in self.batched

    def on_the_day(self, call: LoggedCall) -> datetime:
        """Return the hour of a call, moved to the day of the replay."""
        return datetime.combine(self.day, call.at.timetz())


@dataclass(frozen=True)
class Replayed:
    """What became of one call, in nano-dollars.

    ``alone`` is what it costs with one lever; ``together`` with all, and ``saved`` how much of
    the difference each lever brought there. ``served_by`` is None for a hit.
    """

    call: LoggedCall
    as_it_was: int
    alone: dict[Lever, int]
    together: int
    saved: dict[Lever, int]
    served_by: PricedModel | None
    touched: frozenset[Lever]


@dataclass
class Replay:
    """Replays calls, which must come in the order of time, one by one."""

    facts: Facts
    wishes: Wishes
    _answers: Answers = field(init=False)
    _unshaped: Shelf = field(default_factory=Shelf)
    _shaped: Shelf = field(default_factory=Shelf)
    _together: Shelf = field(default_factory=Shelf)

    def __post_init__(self) -> None:
        self._answers = Answers(self.facts.freshness)

    def run(self, calls: Iterable[LoggedCall]) -> Iterator[Replayed]:
        """Yield what became of each call; raises ``UnpricedModel`` as :meth:`price` does."""
        return map(self.price, calls)

    def price(self, call: LoggedCall) -> Replayed:
        """Price the next call; raises ``UnpricedModel`` or ``UnknownModel`` for its own model."""
        own = self.facts.model(call.model)
        row = own.price(call.at)
        tokens = self._tokens_as_it_was(call, own)
        spent = row.cost(tokens)
        routed = self._routed(call, tokens, spent)
        shaped = self._shaped_tokens(call, own, tokens, self._shaped)
        waiting = self._in_batch(call, own, tokens, call.at)
        hit = self._answers.serves(call)
        alone: dict[Lever, int] = {
            "exact_cache": 0 if hit else spent,
            "routing": spent if routed is None else routed[1],
            "prompt_cache": row.cost(shaped),
            "batch": spent if waiting is None else waiting,
        }
        touched = frozenset(lever for lever in LEVERS if alone[lever] != spent)
        if hit:
            saved: dict[Lever, int] = {"exact_cache": spent}
            return Replayed(call, spent, alone, 0, saved, None, touched)
        saved, served_by = self._without_a_hit(call, own, tokens, spent, routed)
        cost = spent - sum(saved.values())
        return Replayed(call, spent, alone, cost, saved, served_by, touched)

    def _without_a_hit(
        self,
        call: LoggedCall,
        own: PricedModel,
        tokens: TokenCounts,
        spent: int,
        routed: tuple[PricedModel, int] | None,
    ) -> tuple[dict[Lever, int], PricedModel]:
        model, cost = routed or (own, spent)
        at = call.at if routed is None else self.wishes.on_the_day(call)
        saved: dict[Lever, int] = {"routing": spent - cost}
        waiting = self._in_batch(call, model, tokens, at)
        if waiting is not None:
            saved["batch"] = cost - waiting
        elif routed is None:
            shaped = self._shaped_tokens(call, model, tokens, self._together)
            saved["prompt_cache"] = cost - model.price(at).cost(shaped)
        else:
            sent = self.facts.sent(call, model)
            cached = _visit(self._together, call, model, sent, tokens)
            saved["prompt_cache"] = cost - model.price(at).cost(cached)
        return saved, model

    def _tokens_as_it_was(self, call: LoggedCall, own: PricedModel) -> TokenCounts:
        if call.counted.is_billed or call.request is None:
            return call.counted.tokens
        return _visit(self._unshaped, call, own, call.body, call.counted.tokens)

    def _routed(
        self, call: LoggedCall, tokens: TokenCounts, spent: int
    ) -> tuple[PricedModel, int] | None:
        """Return what ``auto`` would choose and its cost, or None where that saves nothing."""
        if call.request is None:
            return None
        verdict = self.facts.routing.decide(call.request.asked(), call.task)
        for model in self.facts.candidates(verdict.tier):
            try:
                self.facts.sent(call, model)
                cost = model.price(self.wishes.on_the_day(call)).cost(tokens)
            except (InvalidRequest, UnpricedModel):
                continue
            return (model, cost) if cost < spent else None
        return None

    def _shaped_tokens(
        self, call: LoggedCall, own: PricedModel, tokens: TokenCounts, shelf: Shelf
    ) -> TokenCounts:
        """Return the tokens on the call's own model with our markers, where there are any."""
        if call.request is None:
            return tokens
        try:
            sent = self.facts.sent(call, own)
        except InvalidRequest:
            return tokens
        if not _is_shaped(call.body, sent):
            return tokens
        return _visit(shelf, call, own, sent, tokens)

    def _in_batch(
        self, call: LoggedCall, model: PricedModel, tokens: TokenCounts, at: datetime
    ) -> int | None:
        """Return the cost in a provider's batch, or None where there is none for this call.

        A batch runs when the provider likes, so no read from a prompt cache is counted on. Where
        the batch price of the call's own day is not known, the day of the replay has it.
        """
        if call.request is None or not self.wishes.may_wait(call):
            return None
        for when in (at, self.wishes.on_the_day(call)):
            try:
                return model.price(when, "batch").cost(tokens.without_cache())
            except UnpricedModel:
                continue
        return None


def _visit(
    shelf: Shelf, call: LoggedCall, model: PricedModel, sent: Body, tokens: TokenCounts
) -> TokenCounts:
    found = places(sent, model.cache.style, model.cache.min_tokens, tokens.prompt)
    at = call.at.timestamp()
    return shelf.visit((model.id, call.tenant), found, tokens, at, at + call.latency)


def _is_shaped(body: Body, sent: Body) -> bool:
    """Tell whether the gateway has set a marker that the caller had not."""
    return any(_mentions(sent, name) and not _mentions(body, name) for name in _SHAPES)


def _mentions(value: object, name: str) -> bool:
    if isinstance(value, dict):
        return value.get(name) is not None or any(_mentions(v, name) for v in value.values())
    return isinstance(value, list) and any(_mentions(each, name) for each in value)
