"""Server-sent events on the wire: bytes in, events out, and back.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment: every SSE reader skips it."""


@dataclass(frozen=True)
class Event:
    """One event: its name, empty where unnamed, and its data."""

    name: str
    data: bytes


class Oversized(ValueError):
    """One event grew past what this reader holds."""


class EventReader:
    """Cuts a byte stream into events, wherever the chunks happen to be split."""

    def __init__(self, limit_bytes: int = 4 * 1024 * 1024) -> None:
        self._limit = limit_bytes
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Take bytes and yield the events that they complete; raises :class:`Oversized`."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > self._limit:
            raise Oversized(f"an event longer than {self._limit} bytes")
        for line in lines:
            yield from self._line(line.removesuffix(b"\r"))

    def close(self) -> Iterator[Event]:
        """Yield what an unterminated last line completes."""
        yield from self.feed(b"\n\n")

    def _line(self, line: bytes) -> Iterator[Event]:
        if not line:
            if self._data:
                yield Event(self._name, b"\n".join(self._data))
            self._name, self._data = "", []
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            if sum(map(len, self._data)) > self._limit:
                raise Oversized(f"an event longer than {self._limit} bytes")
        elif field == b"event":
            self._name = value.decode(errors="replace")


def data_frame(data: bytes) -> bytes:
    """Return an unnamed event with one line of data."""
    return b"data: " + data + b"\n\n"


def named_frame(name: str, data: bytes) -> bytes:
    """Return a named event with one line of data."""
    return b"event: " + name.encode() + b"\n" + data_frame(data)


DONE = data_frame(b"[DONE]")
"""The end of an OpenAI stream."""
