"""AWS's event stream encoding: length, headers and payload in a frame with two checksums.

Source: docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

STRING = 7
"""The type number of a header value that is a string."""
PRELUDE_AND_CHECKSUMS = 16
"""Bytes of a frame that are neither headers nor payload."""


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message, ready to send."""
    named = b"".join(_header(name, value) for name, value in headers.items())
    total = PRELUDE_AND_CHECKSUMS + len(named) + len(payload)
    prelude = _checked(struct.pack("!II", total, len(named)))
    return _checked(prelude + named + payload)


def event(kind: str, payload: bytes) -> bytes:
    """Return one event of JSON."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, payload)


def corrupted(data: bytes) -> bytes:
    """Return a message of the same length whose checksum does not fit its payload."""
    return data[:-5] + bytes([data[-5] ^ 0xFF]) + data[-4:]


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", STRING, len(text)) + text


def _checked(data: bytes) -> bytes:
    return data + struct.pack("!I", zlib.crc32(data))
