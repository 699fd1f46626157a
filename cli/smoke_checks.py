"""What ``sluice smoke`` asks of a gateway: each check is a function, its row what it saw.

A check returns what it saw, or None where what it would judge does not exist yet, and raises
:class:`~cli.smoke_visit.Unexpected` with what it saw instead.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from cli.smoke_stream import Arrival, Event, events_of
from cli.smoke_visit import CHAT, MAX_TOKENS, MESSAGES, Answer, Unexpected, Visit, bearer
from shared.domain.api_keys import MalformedKey, compose_key, read_key
from shared.settings import is_loopback_url

SIMULATOR_PACE: Final = "[slow 15] [long 30] "
"""The simulated model is too fast to show that words arrive one by one, unless it is told."""

Check = Callable[[Visit], str | None]


def health(visit: Visit) -> str:
    """See that it answers at all, without a key."""
    answer = visit.get("/health", {})
    answer.expect(200)
    if answer.json != {"status": "ok"}:
        raise Unexpected(f"200 with {answer.start}")
    return f"200, {answer.seconds}"


def no_key(visit: Visit) -> str:
    """See that nobody gets in without a key."""
    return _refused(visit.get("/v1/models", {}))


def unknown_key(visit: Visit) -> str:
    """See that a key that is well made but was never given out does not open."""
    try:
        given = read_key(visit.api_key)
    except MalformedKey:
        raise Unexpected("the key that was given is no Sluice key") from None
    made_up = compose_key(given.environment, given.team, secrets.token_bytes(24))
    return _refused(visit.get("/v1/models", bearer(made_up)))


def models(visit: Visit) -> str:
    """See that the key opens, and what may be asked for."""
    answer = visit.get("/v1/models", visit.bearer)
    answer.expect(200)
    names = [model["id"] for model in answer.json["data"]]
    if missing := {"auto", visit.model} - set(names):
        raise Unexpected(f"no {', '.join(sorted(missing))} among {', '.join(names) or 'none'}")
    return f"{len(names)}: {', '.join(names[:4])}, …"


def chat(visit: Visit) -> str:
    """See a new question answered at a stated cost."""
    answer = visit.ask()
    answer.expect(200)
    visit.first = answer
    ended = answer.json["choices"][0]["finish_reason"]
    if not answer.words or ended != "stop":
        raise Unexpected(f"no whole answer: it ended by {ended!r}")
    if not answer.cost or answer.cache != "miss":
        raise Unexpected(f"a new question was {answer.told()}")
    return answer.told()


def hit(visit: Visit) -> str:
    """See the same question answered from the cache, at no cost."""
    if visit.first is None:
        raise Unexpected("nothing to compare with: the first answer is missing")
    again = visit.ask()
    again.expect(200)
    if again.cache != "hit" or again.cost != 0:
        raise Unexpected(f"the same question was {again.told()}")
    if again.words != visit.first.words:
        raise Unexpected("a hit with another answer")
    return again.told()


def stream(visit: Visit) -> str:
    """See words arrive as they are said."""
    events = _streamed(visit)
    visit.cost_usd += sum((_cost(event) for event in events), Decimal())
    if not events or events[-1].data != "[DONE]":
        raise Unexpected(f"a stream that breaks off after {len(events)} events")
    arrival = Arrival([event.at for event in events if event.text])
    if not arrival.streamed:
        raise Unexpected(f"held back and sent at once: {arrival.told()}")
    return arrival.told()


def messages(visit: Visit) -> str:
    """See Anthropic's format answered, whose SDK has a header of its own for the key."""
    question = {"role": "user", "content": f"Reply with the word {visit.reference}."}
    asked = {"model": visit.model, "max_tokens": MAX_TOKENS, "messages": [question]}
    answer = visit.post(MESSAGES, asked, {"x-api-key": visit.api_key})
    answer.expect(200)
    said = answer.json
    texts = [block["text"] for block in said["content"] if block["type"] == "text"]
    if said["type"] != "message" or not any(texts) or not said["usage"]["output_tokens"]:
        raise Unexpected(f"no message: {answer.start}")
    return answer.told()


def errors(visit: Visit) -> str:
    """See a wrong field named in the shape of each door, with the request's id."""
    wrong = visit.question("Hello.", no_such_field=1)
    refused = visit.post(CHAT, wrong, visit.bearer)
    refused.expect(400)
    if refused.json["error"]["param"] != "no_such_field" or not refused.request_id:
        raise Unexpected(f"400 with {refused.start}")
    other = visit.post(MESSAGES, wrong, visit.bearer)
    other.expect(400)
    if other.json["type"] != "error" or not other.json["error"]["message"]:
        raise Unexpected(f"400 with {other.start} behind the messages door")
    return f"400 naming no_such_field, request id {refused.request_id}"


def controls(visit: Visit) -> str:
    """See a control honoured, and one that nobody knows refused."""
    around = visit.ask(cache="bypass")
    around.expect(200)
    if around.cache != "bypass" or not around.cost:
        raise Unexpected(f"with x-sluice-cache: bypass, {around.told()}")
    visit.ask(nonsense="1").expect(400)
    return f"{around.told()}; an unknown one is 400"


def budget(visit: Visit) -> str | None:
    """See what is left of the budget, where the gateway has budgets."""
    left = visit.first.header("budget-remaining-usd") if visit.first else ""
    if not left:
        return None
    if Decimal(left) < 0:
        raise Unexpected(f"${left} left: less than nothing")
    return f"${left} left"


CHECKS: Final[dict[str, Check]] = {
    "health": health,
    "no key": no_key,
    "unknown key": unknown_key,
    "models": models,
    "chat": chat,
    "cache hit": hit,
    "streaming": stream,
    "messages": messages,
    "errors": errors,
    "controls": controls,
    "budget": budget,
}


def _streamed(visit: Visit) -> list[Event]:
    local = is_loopback_url(str(visit.http.base_url))
    counted = "Count from one to sixty in words, separated by commas."
    body = visit.question((SIMULATOR_PACE if local else "") + counted, stream=True)
    begun = time.monotonic()
    with visit.http.stream("POST", CHAT, json=body, headers=visit.bearer) as response:
        if response.is_error:
            response.read()
        Answer(response).expect(200)
        return list(events_of(response.iter_bytes(), begun))


def _cost(event: Event) -> Decimal:
    facts = event.chunk.get("sluice") or {}
    return Decimal(facts.get("cost_usd", 0))


def _refused(answer: Answer) -> str:
    answer.expect(401)
    code = answer.json["error"]["code"]
    if code != "invalid_api_key":
        raise Unexpected(f"401 with the code {code!r}")
    return f"401 {code}"
