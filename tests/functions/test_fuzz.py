"""Ten thousand made-up bodies through everything that a request meets before a provider does.

Real bodies are mutated by a seeded generator; hypothesis makes up others. From the bytes to the
body that a provider would be sent, nothing but a refusal is raised.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions.router.openapi_shapes import CHAT_EXAMPLES, MESSAGES_EXAMPLES
from functions.router.reading import decode_object
from shared import catalog
from shared.domain.asked import Asked
from shared.domain.cache_key import answer_digest
from shared.domain.chat import parse_chat
from shared.domain.controls import read_controls
from shared.domain.crossing import FORMATS, crossing
from shared.domain.errors import InvalidRequest
from shared.domain.messages import parse_messages
from shared.domain.translation import chat_to_messages, messages_to_chat
from shared.usecases.wire_body import wire_body
from tests.functions.conftest import Gateway, run
from tests.unit.domain.test_translation_round_trips import CHAT, MESSAGES
from tests.unit.domain.translatable import chat_requests, message_requests

Json = dict[str, Any]

CATALOG: Final = catalog.load(catalog.served_providers())
MODELS: Final = sorted(CATALOG.models)
MUTATED_BODIES: Final = 9_000
GENERATED_BODIES: Final = 500
"""Per door, of hypothesis: with the mutated ones ten thousand in all."""


class Door:
    """What one door's requests go through."""

    def __init__(self, name: str, format_name: str, parse: Any, translate: Any) -> None:
        self.name = name
        self.format = FORMATS[format_name].name
        self.parse = parse
        self.translate = translate


DOORS: Final = {
    "chat": Door(
        "chat", "openai-chat", parse_chat,
        lambda body: chat_to_messages(body, model="claude-sonnet-5-5", max_tokens_default=4096),
    ),
    "messages": Door(
        "messages", "anthropic-messages", parse_messages,
        lambda body: messages_to_chat(body, model="gpt-6.1-terra"),
    ),
}  # fmt: skip


def go_through(door: Door, content: bytes, models: list[str]) -> str:
    """Return how far a body came: refused, parsed, or sent to a model at least."""
    try:
        body = decode_object(content)
        controls = read_controls({}, body.pop("sluice", None))
        request = door.parse(body)
    except InvalidRequest as refusal:
        assert_can_be_told(refusal)
        return "refused"
    kept = copy.deepcopy(body)
    decide(request.asked(), request.user_text(), controls.task)
    digest = answer_digest(
        environment="dev", team="t", policy_version="p", door=door.name, task=None, body=body
    )
    assert len(digest) == 64
    refuse_or(door.translate, body)
    reached = [refuse_or(wire, door, body, model) for model in models]
    assert body == kept
    return "sent" if any(reached) else "parsed"


def decide(asked: Asked, said: str, task: str | None) -> None:
    assert CATALOG.routing.decide(asked, task).reason.isascii()
    CATALOG.freshness.decide(read_controls({}, None).cache, said)


def wire(door: Door, body: Json, name: str) -> bool:
    model = CATALOG.models[name]
    provider = CATALOG.providers[model.provider]
    way = crossing(door.format, FORMATS[provider.wire_format].name)
    sent = json.loads(wire_body(body, model, provider, way, team="search"))
    return bool(sent["model"] == name)


def refuse_or(work: Callable[..., Any], *given: Any) -> Any:
    try:
        return work(*given)
    except InvalidRequest as refusal:
        assert_can_be_told(refusal)
        return None


def assert_can_be_told(refusal: InvalidRequest) -> None:
    assert refusal.message
    json.dumps([refusal.message, refusal.param], ensure_ascii=False).encode()


STRANGE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 1.5, 1e308, -1e-320, 2**31, 2**63, 2**64, -(2**63) - 1, 10**40,
    "", " ", "\n", "\x00", "\u2028", "\ud800", "\udfff\ud800", "𝕊", "e\u0301" * 20, "x" * 300,
    "{}", "[1]", "null", '{"a": "\\ud800"}', "data:image/png;base64,", "https://", "auto", "text",
    "tool", "user", "assistant", [], {}, [[]], [None], [{}], {"": {}}, {"type": "text"},
    {"type": "tool_use"}, {"role": "tool"}, {"type": {}}, {"a": 10**30}, ["text"],
)  # fmt: skip
"""What stands in for a value; a lone surrogate is refused where the JSON is read."""


VARIED: Final = 0.6
"""The share of changes that keep the kind of a value; rougher ones mostly end at the schema."""


class Mutator:
    """Changes bodies a little or a lot, the same way for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - not for secrets: runs must repeat

    def bodies(self, bases: list[Json], count: int) -> Iterator[bytes]:
        """Yield so many changed bodies as JSON."""
        for _ in range(count):
            body = copy.deepcopy(self.random.choice(bases))
            for _ in range(self.random.choice((1, 1, 1, 1, 2, 5))):
                self.change(body)
            yield self.damaged(json.dumps(body).encode())

    def damaged(self, content: bytes) -> bytes:
        """Cut or overwrite the text of a few."""
        if self.random.random() > 0.03:
            return content
        at = self.random.randrange(len(content))
        return content[:at] + self.random.choice((b"", b"\xff", b"\\", b'"', b"1e999}"))

    def change(self, body: Json) -> None:
        """Do one thing to one place."""
        holder, place = self.random.choice(list(places(body)))
        rough = (self.drop, self.double, self.replace, self.nest, self.swap, self.add, self.grow)
        step = self.vary if self.random.random() < VARIED else self.random.choice(rough)
        step(body, holder, place)

    def vary(self, body: Json, holder: Any, place: Any) -> None:
        """Put something of the same kind here, which mostly leaves the request well formed."""
        kind = type(holder[place])
        same = [each for each in STRANGE if type(each) is kind]
        same += [other[there] for other, there in places(body) if type(other[there]) is kind]
        holder[place] = copy.deepcopy(self.random.choice(same))

    def drop(self, _: Json, holder: Any, place: Any) -> None:
        del holder[place]

    def double(self, _: Json, holder: Any, place: Any) -> None:
        copied = copy.deepcopy(holder[place])
        if isinstance(holder, list):
            holder.insert(place, copied)
        else:
            holder[f"{place}_"] = copied

    def replace(self, _: Json, holder: Any, place: Any) -> None:
        holder[place] = copy.deepcopy(self.random.choice(STRANGE))

    def nest(self, _: Json, holder: Any, place: Any) -> None:
        for _level in range(self.random.choice((1, 2, 40))):
            holder[place] = self.random.choice(([holder[place]], {"content": holder[place]}))

    def swap(self, body: Json, holder: Any, place: Any) -> None:
        """Put here what stands elsewhere."""
        other, there = self.random.choice(list(places(body)))
        holder[place] = copy.deepcopy(other[there])

    def add(self, body: Json, holder: Any, _: Any) -> None:
        """Give an object a name that stands elsewhere, or a list a strange item."""
        value = copy.deepcopy(self.random.choice(STRANGE))
        if isinstance(holder, list):
            holder.append(value)
        else:
            names = [there for _, there in places(body) if isinstance(there, str)]
            holder[self.random.choice([*names, "", "\u0000", "api_base"])] = value

    def grow(self, _: Json, holder: Any, place: Any) -> None:
        value = holder[place]
        if isinstance(value, str | list):
            holder[place] = value * self.random.choice((0, 2, 300))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a body, as its holder and its name or index there."""
    if isinstance(value, dict | list):
        for place in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, place
            yield from places(value[place])
    # A body that has lost everything is given a place to be changed at.
    if value == {}:
        value["model"] = "auto"
        yield value, "model"


BASES: Final = {
    "chat": [*CHAT_EXAMPLES.values(), CHAT],
    "messages": [*MESSAGES_EXAMPLES.values(), MESSAGES],
}


@pytest.mark.parametrize("door", DOORS)
def test_a_mutated_body_is_served_or_refused(door: str) -> None:
    fates: Counter[str] = Counter()
    count = MUTATED_BODIES // len(DOORS)
    for content in Mutator(2026).bodies(BASES[door], count):
        fates[go_through(DOORS[door], content, MODELS)] += 1
    assert fates.total() == count
    assert fates["refused"] > count // 4
    assert fates["sent"] > count // 5


def test_every_model_is_reached_from_both_doors() -> None:
    for name, door in DOORS.items():
        content = json.dumps(BASES[name][0]).encode()
        for model in MODELS:
            assert go_through(door, content, [model]) == "sent", model


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=GENERATED_BODIES, deadline=None, derandomize=True, database=None)
@given(chat_requests, st.sampled_from(MODELS), st.dictionaries(st.sampled_from(
    ["tools", "tool_choice", "stop", "metadata", "response_format", "prediction", "sluice"]
), anything, max_size=1))  # fmt: skip
def test_a_generated_chat_body_is_served_or_refused(body: Json, model: str, more: Json) -> None:
    go_through(DOORS["chat"], json.dumps({**body, **more}).encode(), [model])


@settings(max_examples=GENERATED_BODIES, deadline=None, derandomize=True, database=None)
@given(message_requests, st.sampled_from(MODELS), st.dictionaries(st.sampled_from(
    ["tools", "tool_choice", "system", "metadata", "thinking", "output_config", "sluice"]
), anything, max_size=1))  # fmt: skip
def test_a_generated_message_body_is_served_or_refused(body: Json, model: str, more: Json) -> None:
    go_through(DOORS["messages"], json.dumps({**body, **more}).encode(), [model])


HEADERS: Final = (
    "authorization", "content-encoding", "content-length", "content-type", "idempotency-key",
    "x-amzn-lambda-context", "x-api-key", "x-sluice-cache", "x-sluice-feature", "x-sluice-task",
)  # fmt: skip
header_values = st.sampled_from(
    [b"\xb2", b"9" * 4301, b"-1", b"[]", b"[" * 5000, b"7",
     b'{"deadline": []}', b'{"deadline": 1e400}',
     b'{"deadline": 99999999999999999999}', b"bypass", b"ttl=\xb2", b"Bearer", b"\xe9", b""]
) | st.binary(max_size=40)  # fmt: skip


@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=3))
def test_no_header_makes_the_gateway_fail(gateway: Gateway, sent: dict[str, bytes]) -> None:
    keyed = {"x-api-key": gateway.keys["search"].encode()} | sent
    content = json.dumps(CHAT_EXAMPLES["plain"]).encode()
    headers = [(name.encode(), value) for name, value in keyed.items()]
    response = run(gateway.call("POST", "/v1/chat/completions", content=content, headers=headers))
    assert response.status_code < 500, response.text
