"""One line of a batch's input: an envelope that names a call, and the call.

What is wrong with an envelope fails the whole batch before any money is held, as at the providers:
without a ``custom_id`` an answer could not be told apart from another. What is wrong with a call
is that line's own affair and ends in the batch's errors.

Source of the envelopes: https://platform.openai.com/docs/guides/batch and ``anthropic`` 2.8
``messages.batch_create_params.Request``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec

from shared.domain.batches.jsonl import RawLine
from shared.domain.chat import MAX_DEPTH, Shape, field_named, is_deeper_than
from shared.domain.controls import BODY_FIELD, Controls, read_controls
from shared.domain.doors import CallRequest, DeferrableDoor
from shared.domain.errors import InvalidRequest

MOST_LINES: Final = 50_000
"""Source: https://platform.openai.com/docs/guides/batch"""
_CLAUDES_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")


class InvalidLine(Exception):
    """Why a batch cannot be taken; ``line`` counts from 1 and is None where it is none's."""

    def __init__(self, line: int | None, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.code = code
        self.message = message
        self.param = param


@dataclass(frozen=True)
class Line:
    """A line as it names its call: ``body`` is decoded and not yet checked."""

    number: int
    custom_id: str
    body: dict[str, Any]


@dataclass(frozen=True)
class LineCall:
    """The checked call of a line; ``body`` is without the ``sluice`` object."""

    line: Line
    body: dict[str, Any]
    request: CallRequest
    controls: Controls


class Envelope(Shape):
    """A line of an OpenAI batch file."""

    custom_id: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    method: Literal["POST"]
    url: str
    body: dict[str, Any]


class InlineRequest(Shape):
    """A request of an Anthropic batch."""

    custom_id: str
    params: dict[str, Any]


_decode: Final = msgspec.json.Decoder(Envelope).decode


@dataclass
class LineReader:
    """Reads the lines of one batch in their order; what has been seen is 32 bytes a line."""

    door: DeferrableDoor
    _seen: set[str] = field(default_factory=set)

    def file(self, lines: Iterable[RawLine]) -> Iterator[Line | InvalidLine]:
        """Yield each line of a file, or what is wrong with it; a file of none is wrong too."""
        count = 0
        for count, raw in enumerate(lines, 1):
            if count > MOST_LINES:
                about = f"A batch has at most {MOST_LINES} lines."
                yield InvalidLine(raw.number, "too_many_lines", about)
                return
            try:
                yield self._line(raw)
            except InvalidLine as problem:
                yield problem
        if not count:
            yield InvalidLine(None, "empty_file", "The file has no lines.")

    def inline(self, requests: Iterable[InlineRequest]) -> Iterator[Line]:
        """Yield the requests of an Anthropic batch; raises :class:`InvalidRequest`."""
        for index, request in enumerate(requests):
            at = f"requests.{index}.custom_id"
            if not _CLAUDES_ID.match(request.custom_id):
                allowed = "It must match ^[a-zA-Z0-9_-]{1,64}$."
                raise InvalidRequest(allowed, param=at)
            if request.custom_id in self._seen:
                raise InvalidRequest("It stands in the batch twice.", param=at)
            self._seen.add(request.custom_id)
            yield Line(index + 1, request.custom_id, request.params)

    def _line(self, raw: RawLine) -> Line:
        envelope = _envelope(raw)
        number = raw.number
        if envelope.url != self.door.url:
            about = f"url must be the batch's endpoint, {self.door.url}."
            raise InvalidLine(number, "mismatched_endpoint", about, "url")
        if envelope.custom_id in self._seen:
            about = f"The custom_id {envelope.custom_id!r} stands in the file twice."
            raise InvalidLine(number, "duplicate_custom_id", about, "custom_id")
        self._seen.add(envelope.custom_id)
        return Line(number, envelope.custom_id, envelope.body)


def read_call(line: Line, door: DeferrableDoor) -> LineCall:
    """Check the call of a line against its door's closed schema; raises ``InvalidRequest``."""
    if is_deeper_than(line.body, MAX_DEPTH):
        raise InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")
    body = dict(line.body)
    controls = read_controls({}, body.pop(BODY_FIELD, None))
    if controls.deadline_seconds is not None:
        about = "A batch has its own window of 24 hours. Leave it out."
        raise InvalidRequest(about, param=f"{BODY_FIELD}.deadline")
    request = door.parse(body)
    if request.stream:
        raise InvalidRequest("A batch has no streams. Leave it out.", param="stream")
    return LineCall(line, body, request, controls)


def _envelope(raw: RawLine) -> Envelope:
    if raw.raw is None:
        raise InvalidLine(raw.number, "line_too_long", "The line is longer than 1 MiB.")
    try:
        return _decode(raw.raw)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        param = field_named(text, path.rstrip("`"))
        raise InvalidLine(raw.number, _code(text), text, param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        about = "The line is not valid JSON."
        raise InvalidLine(raw.number, "invalid_json_line", about) from None


def _code(text: str) -> str:
    if text.startswith("Object missing required field"):
        return "missing_required_parameter"
    unknown = text.startswith("Object contains unknown field")
    return "unknown_parameter" if unknown else "invalid_value"
