"""A stream of Anthropic events as a stream of OpenAI chunks, event by event."""

from __future__ import annotations

from typing import Any

from shared.domain.completion import MalformedAnswer
from shared.domain.message_stream import StreamedMessage
from shared.domain.translation.answers import refusal_text
from shared.domain.translation.ids import completion_id
from shared.domain.translation.stops import finish_reason
from shared.domain.translation.tools import arguments_of
from shared.domain.translation.usage import chat_usage

Json = dict[str, Any]


class MessageStreamToChunks:
    """Turns the events of one message into chunks of the completion it amounts to.

    The role comes first, the chunk with the finish reason with ``message_delta``, the usage
    chunk with ``message_stop``: the door drops that one unless it was asked for.
    """

    def __init__(self, created: int) -> None:
        self._base: Json = {"object": "chat.completion.chunk", "created": created}
        self._gathered = StreamedMessage()
        self._calls: dict[int, int] = {}
        self._untold_inputs: dict[int, Json] = {}

    @property
    def gathered(self) -> StreamedMessage:
        """The message as far as it has come, in the provider's own terms."""
        return self._gathered

    def feed(self, event: object) -> list[Json]:
        """Return the chunks that an event amounts to; raises ``MalformedAnswer``."""
        was_finished = self._gathered.is_finished
        self._gathered.add(event)
        if not isinstance(event, dict):
            return []
        match event["type"]:
            case "message_start":
                return self._start(event["message"])
            case "content_block_start":
                return self._block(event["index"], event["content_block"])
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "content_block_stop":
                return self._block_end(event["index"])
            case "message_delta" if not was_finished and self._gathered.is_finished:
                return self._finish()
            case "message_stop":
                return self._usage()
        return []

    def _start(self, message: Json) -> list[Json]:
        self._base["id"] = completion_id(message.get("id"))
        self._base["model"] = str(message.get("model", ""))
        return [self._chunk({"role": "assistant"})]

    def _block(self, index: int, block: Json) -> list[Json]:
        match block["type"]:
            case "text" if block.get("text"):
                return [self._chunk({"content": block["text"]})]
            case "thinking" if block.get("thinking"):
                return [self._chunk({"reasoning_content": block["thinking"]})]
            case "tool_use":
                return [self._call(index, block)]
        return []

    def _call(self, index: int, block: Json) -> Json:
        if not isinstance(block.get("id"), str) or not isinstance(block.get("name"), str):
            raise MalformedAnswer("a tool_use block without its id or name")
        self._calls[index] = len(self._calls)
        self._untold_inputs[index] = block["input"] if isinstance(block.get("input"), dict) else {}
        function = {"name": block["name"], "arguments": ""}
        call = {"id": block["id"], "type": "function", "function": function}
        return self._chunk({"tool_calls": [{"index": self._calls[index], **call}]})

    def _delta(self, index: int, delta: Json) -> list[Json]:
        match delta.get("type"):
            case "text_delta" if delta["text"]:
                return [self._chunk({"content": delta["text"]})]
            case "thinking_delta" if delta["thinking"]:
                return [self._chunk({"reasoning_content": delta["thinking"]})]
            case "input_json_delta" if delta["partial_json"] and index in self._calls:
                self._untold_inputs.pop(index, None)
                return [self._arguments(index, delta["partial_json"])]
        return []

    def _block_end(self, index: int) -> list[Json]:
        """Tell the input of a call that came with its start, or is empty."""
        untold = self._untold_inputs.pop(index, None)
        return [] if untold is None else [self._arguments(index, arguments_of(untold))]

    def _arguments(self, index: int, text: str) -> Json:
        call = {"index": self._calls[index], "function": {"arguments": text}}
        return self._chunk({"tool_calls": [call]})

    def _finish(self) -> list[Json]:
        message = self._gathered.whole()
        stop = message["stop_reason"]
        refusal = refusal_text(stop, message.get("stop_details"))
        before = [self._chunk({"refusal": refusal})] if refusal else []
        return [*before, self._chunk({}, finish_reason(stop))]

    def _usage(self) -> list[Json]:
        usage = chat_usage(self._gathered.usage)
        return [] if usage is None else [{**self._base, "choices": [], "usage": usage}]

    def _chunk(self, delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._base, "choices": [choice]}
