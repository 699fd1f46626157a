"""Deterministic text: ordinary words in plausible sentences, drawn from a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from local.simulator import tokens

# Exactly 128 words, so that a byte picks each of them equally often.
WORDS = tuple(
    """
    the a this that each most some many part whole first last next early late small large
    clear plain simple common careful steady recent useful likely answer question reason result
    example method measure value number point line table list step case rule range limit cause
    effect change choice detail pattern system process project plan team model record report
    source sample signal figure time day week year place side center edge surface water light
    sound paper letter story market price trade worker garden river road house city country
    starts ends follows shows gives takes keeps holds makes leads turns moves grows needs helps
    reads means adds depends changes appears remains explains compares with from into over under
    between before after without because although while since then also often again
    """.split()  # noqa: SIM905 - a block of words reads better than 128 quoted strings
)
SHORTEST_SENTENCE = 7


def draws(seed: bytes) -> Iterator[int]:
    """Yield an endless, fixed sequence of bytes (0 to 255) for a seed."""
    counter = 0
    while True:
        yield from hashlib.sha256(seed + counter.to_bytes(8, "big")).digest()
        counter += 1


def prose(seed: bytes, wanted_tokens: int) -> str:
    """Return sentences of ``wanted_tokens`` tokens, or a few more to end on a full stop."""
    source = draws(seed)
    sentences: list[str] = []
    length = 0
    while length < wanted_tokens:
        sentence = _sentence(source, wanted_tokens - length)
        sentences.append(sentence)
        length += tokens.count(" " + sentence)
    return " ".join(sentences)


def _sentence(source: Iterator[int], room: int) -> str:
    words: list[str] = []
    wanted_words = SHORTEST_SENTENCE + next(source) % 8
    length = 1
    while len(words) < wanted_words and length < room:
        word = WORDS[next(source) % len(WORDS)]
        words.append(word)
        length += tokens.count(" " + word)
    return " ".join(words or [WORDS[0]]).capitalize() + "."
