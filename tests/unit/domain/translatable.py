"""Generated requests and answers that both protocols can express."""

from __future__ import annotations

import string
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

Json = dict[str, Any]

calm = settings(deadline=None)
"""No deadline: how long an example takes says nothing on a shared machine."""

few = settings(deadline=None, max_examples=40)
"""Fewer examples, where an SDK judges each."""

CREATED = 1_700_000_000
PNG = "iVBORw0KGgo="

texts = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
names = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20)
ids = names
scalars = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=8)
inputs: st.SearchStrategy[Json] = st.dictionaries(
    st.text(max_size=6), scalars | st.lists(scalars, max_size=3), max_size=3
)
schemas = st.builds(lambda more: {"type": "object", **more}, st.dictionaries(
    st.sampled_from(["properties", "required", "additionalProperties"]), st.just({}), max_size=2
))  # fmt: skip
urls = st.builds("https://a.example/{}".format, names)
data_urls = st.builds(
    "data:image/{};base64,{}".format, st.sampled_from(["png", "jpeg", "gif", "webp"]), st.just(PNG)
)
shares = st.floats(0, 0.99)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Generate objects with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


# OpenAI chat

chat_mark = optional(prompt_cache_breakpoint=st.just({"mode": "explicit"}))
chat_text = st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, texts, chat_mark)
chat_image = st.builds(
    lambda url, mark: {"type": "image_url", "image_url": {"url": url}, **mark},
    urls | data_urls, chat_mark,
)  # fmt: skip
chat_call = st.builds(
    lambda call_id, name, given: {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": msgspec.json.encode(given).decode()},
    },
    ids, names, inputs,
)  # fmt: skip
chat_user = st.builds(
    lambda content: {"role": "user", "content": content},
    texts | st.lists(chat_text | chat_image, min_size=1, max_size=3),
)
chat_words = texts | st.lists(chat_text, min_size=1, max_size=2)
chat_instructions = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["system", "developer"]), chat_words,
)  # fmt: skip


@st.composite
def chat_rounds(draw: st.DrawFn) -> list[Json]:
    """Something from the user, perhaps calls with their results, perhaps an answer."""
    said = [draw(chat_user)]
    calls = draw(st.lists(chat_call, max_size=2))
    if calls:
        content = draw(st.none() | chat_words)
        said.append({"role": "assistant", "content": content, "tool_calls": calls})
        said += [
            {"role": "tool", "tool_call_id": call["id"], "content": draw(chat_words)}
            for call in calls
        ]
    said.append({"role": "assistant", "content": draw(chat_words)})
    return said


chat_tools = st.builds(
    lambda name, more: {"type": "function", "function": {"name": name, **more}},
    names, optional(description=texts, parameters=schemas, strict=st.just(True)),
)  # fmt: skip
with_chat_tools = st.fixed_dictionaries(
    {"tools": st.lists(chat_tools, min_size=1, max_size=3)},
    optional={
        "tool_choice": st.sampled_from(["auto", "none"]),
        "parallel_tool_calls": st.booleans(),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "max"]),
    },
)
with_forced_chat_tools = st.builds(
    lambda tools, choice: {
        "tools": tools,
        "tool_choice": choice(tools[0]["function"]["name"]),
    },
    st.lists(chat_tools, min_size=1, max_size=3),
    st.sampled_from([
        lambda _: "required", lambda name: {"type": "function", "function": {"name": name}}
    ]),
)  # fmt: skip
json_schema = st.builds(
    lambda schema: {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}, schemas
)
chat_settings = optional(
    max_completion_tokens=st.integers(1, 10**6),
    temperature=shares,
    top_p=shares,
    stop=texts | st.lists(texts, min_size=1, max_size=4),
    response_format=json_schema | st.just({"type": "text"}),
    user=texts,
    stream=st.booleans(),
    service_tier=st.just("default"),
    n=st.just(1),
    seed=st.none(),
    prompt_cache_options=st.just({"mode": "implicit"}),
)
chat_requests: st.SearchStrategy[Json] = st.builds(
    lambda system, rounds, last, tools, settings: {
        "model": "auto",
        "messages": [*system, *[message for each in rounds for message in each], last],
        **tools,
        **settings,
    },
    st.lists(chat_instructions, max_size=2),
    st.lists(chat_rounds(), max_size=2),
    chat_user,
    st.just({}) | with_chat_tools | with_forced_chat_tools,
    chat_settings,
)

# Anthropic messages

mark = optional(cache_control=st.just({"type": "ephemeral"}))
text_block = st.builds(lambda text, m: {"type": "text", "text": text, **m}, texts, mark)
image_block = st.builds(
    lambda source, m: {"type": "image", "source": source, **m},
    st.builds(lambda url: {"type": "url", "url": url}, urls)
    | st.just({"type": "base64", "media_type": "image/gif", "data": PNG}),
    mark,
)
words = texts | st.lists(text_block, min_size=1, max_size=2)
use_block = st.builds(
    lambda i, name, given: {"type": "tool_use", "id": i, "name": name, "input": given},
    ids, names, inputs,
)  # fmt: skip
thinking_block = st.builds(
    lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, texts
)


@st.composite
def message_rounds(draw: st.DrawFn) -> list[Json]:
    """Something from the user, perhaps calls with their results, and an answer."""
    said: list[Json] = [{"role": "user", "content": draw(user_content)}]
    calls = draw(st.lists(use_block, max_size=2))
    if calls:
        before = draw(st.lists(thinking_block, max_size=1)) + draw(st.lists(text_block, max_size=1))
        said.append({"role": "assistant", "content": [*before, *calls]})
        results = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": draw(words)}
            for call in calls
        ]
        said.append({"role": "user", "content": results + draw(st.lists(text_block, max_size=1))})
    said.append({"role": "assistant", "content": draw(words)})
    return said


user_content = texts | st.lists(text_block | image_block, min_size=1, max_size=3)
tools = st.builds(
    lambda name, schema, more: {"name": name, "input_schema": schema, **more},
    names, schemas, optional(description=texts, strict=st.just(True)),
)  # fmt: skip
with_tools = st.builds(
    lambda several, choice, alone: {
        "tools": several,
        **({"tool_choice": {**choice(several[0]["name"]), **alone}} if choice else {}),
    },
    st.lists(tools, min_size=1, max_size=3),
    st.none() | st.sampled_from([
        lambda _: {"type": "auto"}, lambda _: {"type": "any"},
        lambda name: {"type": "tool", "name": name},
    ]),
    optional(disable_parallel_tool_use=st.booleans()),
)  # fmt: skip
message_settings = optional(
    system=words,
    temperature=shares,
    top_p=shares,
    stop_sequences=st.lists(texts, min_size=1, max_size=4),
    metadata=st.builds(lambda user: {"user_id": user}, texts),
    stream=st.booleans(),
    service_tier=st.just("standard_only"),
    cache_control=st.just({"type": "ephemeral"}),
    output_config=st.builds(
        lambda schema: {"format": {"type": "json_schema", "schema": schema}}, schemas
    ),
)
message_requests: st.SearchStrategy[Json] = st.builds(
    lambda rounds, last, limit, tools, settings: {
        "model": "auto",
        "max_tokens": limit,
        "messages": [*[m for each in rounds for m in each], {"role": "user", "content": last}],
        **tools,
        **settings,
    },
    st.lists(message_rounds(), max_size=2),
    user_content,
    st.integers(1, 10**6),
    st.just({}) | with_tools,
    message_settings,
)

# Answers

counts = st.integers(0, 10**6)
message_usage = st.builds(
    lambda plain, read, written, output: {
        "input_tokens": plain,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": output,
    },
    counts, counts, counts, counts,
)  # fmt: skip
answer_content = st.builds(
    lambda thinking, text, calls: [*thinking, *text, *calls],
    st.lists(
        st.builds(lambda t: {"type": "thinking", "thinking": t, "signature": ""}, texts),
        max_size=1,
    ),
    st.lists(st.builds(lambda t: {"type": "text", "text": t}, texts), max_size=1),
    st.lists(use_block, max_size=3),
)


def answer(identity: str, content: list[Json], stop: str, usage: Json) -> Json:
    """Return a message; one that calls tools and is whole stops for that."""
    calls = any(block["type"] == "tool_use" for block in content)
    whole = "tool_use" if calls else "end_turn"
    return {
        "id": f"msg_{identity}",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": content,
        "stop_reason": whole if stop == "whole" else stop,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }


answers: st.SearchStrategy[Json] = st.builds(
    answer, ids, answer_content, st.sampled_from(["whole", "max_tokens"]), message_usage
)
