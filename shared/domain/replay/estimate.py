"""Estimates of tokens from characters, for reports on logs without usage; never for money held.

A text is cut into runs of one class, and each class has its own rate, because a flat four
characters a token is wrong by two thirds on Chinese and on base64. The rates were fitted to
o200k, the vocabulary of OpenAI's current models; ``docs/replay.md`` says how far off they are.
A hold is never computed from this: see :mod:`shared.domain.bound`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

_RUN: Final = re.compile(
    r"(?P<dense>(?=[A-Za-z+/_-]*\d)(?=[\d+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{16,}={0,2})"
    r"|(?P<latin> ?[A-Za-z]+)"
    r"|(?P<accented> ?[A-Za-z\u00c0-\u024f]+)"
    r"|(?P<digits> ?[0-9]+)"
    r"|(?P<wide>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef\u3000-\u303f]+)"
    r"|(?P<other>[^\W\d_]+)"
    r"|(?P<space>\s+)"
    r"|(?P<sign>[^\w\s]+|_+)"
    r"|(?P<rest>.)",
    re.DOTALL,
)

_PERCENT_OF_A_TOKEN: Final = {
    "dense": 66,
    "accented": 30,
    "wide": 75,
    "other": 32,
    "sign": 62,
    "rest": 100,
}
"""Hundredths of a token for each character of a run."""
_LETTERS_OF_A_WORD: Final = 8
"""An English word this long is still about one token."""
_DIGITS_OF_A_TOKEN: Final = 3

MESSAGE_TOKENS: Final = 4
"""What a message costs beside its text: its role and its end."""
IMAGE_TOKENS: Final = 1_000
"""What an image is taken for; the real figure depends on its size, which is not looked at."""
_IMAGES: Final = frozenset({"image", "image_url", "input_image"})


@lru_cache(maxsize=256)
def text_tokens(text: str) -> int:
    """Return about how many tokens a text has; an empty one has none.

    The same instructions come with every call, so the latest texts are remembered.
    """
    hundredths = sum(
        _hundredths(found.lastgroup or "rest", found[0]) for found in _RUN.finditer(text)
    )
    return -(-hundredths // 100)


def value_tokens(value: Any) -> int:
    """Return about how many tokens a JSON value has: its keys, its texts and its images."""
    return sum(
        IMAGE_TOKENS if leaf is _IMAGE else text_tokens(str(leaf)) for leaf in _leaves(value)
    )


_IMAGE: Final = object()


def _leaves(value: Any) -> Iterator[object]:
    if isinstance(value, dict):
        if value.get("type") in _IMAGES:
            yield _IMAGE
            return
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def _hundredths(kind: str, run: str) -> int:
    if kind == "latin":
        letters = len(run.lstrip())
        return 100 + 100 * ((letters - 1) // _LETTERS_OF_A_WORD)
    if kind == "digits":
        return 100 * -(-len(run.lstrip()) // _DIGITS_OF_A_TOKEN)
    if kind == "space":
        return 0 if run == " " else 100
    return _PERCENT_OF_A_TOKEN[kind] * len(run)
