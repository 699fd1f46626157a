"""Lines are cut alike however the bytes arrive, and no more is held than one of them."""

from __future__ import annotations

import itertools
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.batches.jsonl import RawLine, raw_lines

MiB = 1024 * 1024


def plainly(content: bytes) -> list[RawLine]:
    """The lines as anybody would cut them who can hold the whole file."""
    numbered = enumerate(content.split(b"\n"), 1)
    stripped = ((number, line.strip(b" \t\r")) for number, line in numbered)
    return [RawLine(number, line) for number, line in stripped if line]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_lines_do_not_depend_on_where_chunks_end(content: bytes, cuts: list[int]) -> None:
    ends = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    chunks = [content[a:b] for a, b in itertools.pairwise(ends)]
    assert list(raw_lines(chunks)) == plainly(content)


def test_a_line_that_is_too_long_keeps_its_number_and_loses_its_bytes() -> None:
    chunks = [b"first\n" + b"x" * 6, b"x" * 6, b"\n\nlast"]
    assert list(raw_lines(chunks, longest=10)) == [
        RawLine(1, b"first"),
        RawLine(2, None),
        RawLine(4, b"last"),
    ]


def test_a_long_file_is_never_held() -> None:
    line = b"x" * 999 + b"\n"
    chunks = (line * 65 for _ in range(200))
    tracemalloc.start()
    count = sum(1 for _ in raw_lines(chunks))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 13_000
    assert peak < MiB


def test_a_line_without_end_is_not_held() -> None:
    tracemalloc.start()
    assert list(raw_lines(b"x" * MiB for _ in range(64))) == [RawLine(1, None)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * MiB
