"""The stock SDKs as strict judges of whole answers and streams, over a transport in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anthropic
import httpx2
import msgspec
import openai
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from shared.domain.sse import DONE, data_frame

ASKED: list[Any] = [{"role": "user", "content": "hi"}]


class Judges:
    """One client of each SDK, which read what they are shown; anything off-schema raises."""

    def __init__(self) -> None:
        self._body = b""
        self._type = ""
        http = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self._openai = openai.OpenAI(
            api_key="k", http_client=http, max_retries=0, _strict_response_validation=True
        )
        self._anthropic = anthropic.Anthropic(
            api_key="k", http_client=http, max_retries=0, _strict_response_validation=True
        )

    def completion(self, completion: dict[str, Any]) -> ChatCompletion:
        self._show(msgspec.json.encode(completion), "application/json")
        return self._openai.chat.completions.create(model="m", messages=ASKED)

    def chunks(self, chunks: Iterable[dict[str, Any]]) -> list[ChatCompletionChunk]:
        frames = [data_frame(msgspec.json.encode(chunk)) for chunk in chunks]
        self._show(b"".join([*frames, DONE]), "text/event-stream")
        return list(self._openai.chat.completions.create(model="m", messages=ASKED, stream=True))

    def message(self, message: dict[str, Any]) -> Message:
        self._show(msgspec.json.encode(message), "application/json")
        return self._anthropic.messages.create(model="m", max_tokens=9, messages=ASKED)

    def events(self, events: Iterable[dict[str, Any]]) -> Message:
        """Return the message that the SDK itself gathers from a stream."""
        frames = [
            b"event: " + event["type"].encode() + b"\n" + data_frame(msgspec.json.encode(event))
            for event in events
        ]
        self._show(b"".join(frames), "text/event-stream")
        with self._anthropic.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
            return stream.get_final_message()

    def _show(self, body: bytes, media_type: str) -> None:
        self._body, self._type = body, media_type

    def _answer(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=self._body, headers={"content-type": self._type})


def exhausted(value: Any) -> Any:
    """Run through what pydantic checks lazily: an ``Iterable`` is only checked as it is read."""
    if isinstance(value, dict):
        return {name: exhausted(each) for name, each in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    return [exhausted(each) for each in value]
