"""The simulator's own tokenizer: a fixed way to cut any text into pieces, one token each.

No provider's vocabulary is reproduced. The rule keeps the proportions that billing depends on:
about four characters a token in English, one a character in Chinese, Japanese and Korean, and
never more tokens than UTF-8 bytes. Pieces join back to the text, and the first N pieces of a
text are also the pieces of their own join, so cutting an answer after N tokens is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(
    r" ?[A-Za-z]{1,6}"
    r"| ?[0-9]{1,3}"
    r"| {1,4}"
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"| ?[^\W\d_A-Za-z]{1,2}"
    r"|.",
    re.DOTALL,
)


def split(text: str) -> list[str]:
    """Return the text's tokens in order; joined, they are the text."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Return how many tokens a text has: at most one per UTF-8 byte."""
    return sum(1 for _ in _PIECE.finditer(text))


def count_in(value: object) -> int:
    """Return the tokens of a JSON value: its keys and strings, and one per other scalar.

    Punctuation is free, so a value never has more tokens than its JSON text has bytes.
    """
    return len(split_in(value))


def split_in(value: object) -> list[str]:
    """Return the tokens that :func:`count_in` counts, in order."""
    found: list[str] = []
    for leaf in _leaves(value):
        found += split(leaf) if isinstance(leaf, str) else [repr(leaf)]
    return found


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
