"""Files of JSON lines that never stand in memory as a whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Final, TypeVar

import msgspec

from shared.adapters.batches.failures import NotUnderstood

Kind = TypeVar("Kind")

LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes; the longest answer that a model gives is far shorter."""


@contextmanager
def written(parts: Iterable[bytes]) -> Iterator[IO[bytes]]:
    """Write a file without a name, to be read from its start; its length is known when sent."""
    with tempfile.TemporaryFile() as file:
        for part in parts:
            file.write(part)
        file.seek(0)
        yield file


def one_line(body: bytes) -> bytes:
    """Return a JSON text without line breaks: they can only stand where a space may as well."""
    return body.replace(b"\n", b" ").replace(b"\r", b" ")


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text that arrives in pieces; raises :class:`NotUnderstood`."""
    rest = bytearray()
    for chunk in chunks:
        begin = 0
        while (end := chunk.find(b"\n", begin)) >= 0:
            rest += chunk[begin:end]
            if rest.strip():
                yield bytes(rest)
            rest.clear()
            begin = end + 1
        rest += chunk[begin:]
        if len(rest) > LONGEST_LINE:
            raise NotUnderstood("a line of the results has no end")
    if rest.strip():
        yield bytes(rest)


def read_json(raw: bytes, kind: type[Kind]) -> Kind:
    """Return a JSON text as what it must be; raises :class:`NotUnderstood`."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstood(f"{kind.__name__} expected") from error
