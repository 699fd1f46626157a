"""The canned world: one small server that plays AWS and the provider with prepared bytes.

Run as ``python -m benchmarks.canned``, it prints its port and then reads one line from standard
input: the rows that :mod:`benchmarks.prepared` composed (``null`` for a contender without AWS).
moto would cost 8 ms a call, many times what is measured here. It counts what it is asked for:
``GET /counts`` answers ``{"BatchGetItem": 3, ...}`` and begins anew.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any, Final

from benchmarks.scenarios import completion, events

STREAM_GAP_SECONDS: Final = 0.001
"""Between two events of a stream: a provider sends them one by one, not as one segment."""
_LAST_CHUNK: Final = b"0\r\n\r\n"
_PROVIDER: Final = "provider"


class Replies:
    """The prepared bytes."""

    def __init__(self, prepared: dict[str, Any] | None) -> None:
        self._prepared = prepared
        self._answers = {
            digest.encode(): _compact(item)
            for digest, item in (prepared["answers"] if prepared else {}).items()
        }
        self.whole = _response(_compact(completion()))
        frames = [b"data: " + _compact(event) + b"\n\n" for event in events()]
        self.frames = [_chunk(frame) for frame in (*frames, b"data: [DONE]\n\n")]
        self._done = _response(b"{}", kind=b"application/x-amz-json-1.0")
        self._secret = _response(_compact({"SecretString": "sk-canned"}))

    def aws(self, operation: str, body: bytes) -> bytes:
        """Return the response to an AWS call: rows that are there, and writes that succeed."""
        if operation == "GetSecretValue":
            return self._secret
        if operation == "BatchGetItem":
            return _response(self._read(body), kind=b"application/x-amz-json-1.0")
        return self._done

    def _read(self, body: bytes) -> bytes:
        """Return the rows whose digests stand in the request; other rows are not there."""
        if self._prepared is None:
            raise LookupError("no rows were prepared")
        tables, found = self._prepared["tables"], []
        for digest, item in self._answers.items():
            if digest in body:
                found.append(b'"%s":[%s]' % (tables["cache"].encode(), item))
        rows = [row for row in self._prepared["ledger_rows"] if _is_asked_for(row, body)]
        if rows:
            ledger = b",".join(_compact(row) for row in rows)
            found.append(b'"%s":[%s]' % (tables["ledger"].encode(), ledger))
        return b'{"Responses":{%s},"UnprocessedKeys":{}}' % b",".join(found)


class Connection(asyncio.Protocol):
    """One kept connection; requests come one after the other."""

    def __init__(self, replies: Replies, counts: Counter[str]) -> None:
        self._replies = replies
        self._counts = counts
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("not a stream")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request once all of it is there."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return
        self._received = b""
        self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /counts"):
            self._transport.write(_response(_compact(dict(self._counts))))
            self._counts.clear()
            return
        operation = _header(head, b"x-amz-target").rpartition(b".")[2].decode()
        self._counts[operation or _PROVIDER] += 1
        if operation:
            self._transport.write(self._replies.aws(operation, body))
        elif b'"stream":true' in body.replace(b" ", b""):
            self._stream()
        else:
            self._transport.write(self._replies.whole)

    def _stream(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        *first, last = self._replies.frames
        for number, frame in enumerate((*first, last + _LAST_CHUNK)):
            loop.call_later(number * STREAM_GAP_SECONDS, self._transport.write, frame)


def _is_asked_for(row: dict[str, Any], body: bytes) -> bool:
    """Tell whether both parts of a row's key stand in a request, however it is spaced."""
    return all(b'"%s"' % row[name]["S"].encode() in body for name in ("pk", "sk"))


def _content_length(head: bytes) -> int:
    return int(_header(head, b"content-length") or b"0")


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.strip().lower() == name:
            return value.strip()
    return b""


def _response(body: bytes, *, kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
    return head % (kind, len(body)) + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


async def serve() -> None:
    """Say the port, read the rows, and answer until standard input ends."""
    counts: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    replies = Replies(None)
    server = await loop.create_server(lambda: Connection(replies, counts), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    line = await asyncio.to_thread(sys.stdin.readline)
    replies = Replies(json.loads(line))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
