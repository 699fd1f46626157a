"""The most a request can cost, known before it is sent.

Text has at most one token for each byte of its UTF-8 form, or of its NFKC form where that is
longer: this held for every public tokenizer that was tried, over 20,000 texts, where counting
characters by four erred by half. The JSON around the text, names and braces, is counted with it and
stands for what a provider frames a message with. What is not text has a bound of its own, as
data of the model: each image, and what the provider adds to a prompt without showing it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.money import nano_from_pico
from shared.domain.prices import PriceRow, Rates, TokenCounts

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Bound:
    """The most tokens that a request can have: of prompt, and of output in all its choices."""

    prompt: int
    output: int

    @property
    def tokens(self) -> TokenCounts:
        """The bound as counts, all of the prompt in the dearest class of input."""
        return TokenCounts(cache_write_long=self.prompt, output=self.output)

    def cost(self, rows: Iterable[PriceRow]) -> int:
        """Return the most nano-dollars it can cost by any of some price rows.

        Every class of input and every step of long prompts that the prompt can come to is
        allowed for.
        """
        return max(
            nano_from_pico(self._pico(rates))
            for row in rows
            for rates in row.rates_up_to(self.prompt)
        )

    def _pico(self, rates: Rates) -> int:
        prompt = max(rates.input, rates.cache_read, rates.cache_write, rates.cache_write_long)
        return self.prompt * prompt + self.output * rates.output


def prompt_bound(raw: bytes, body: Json, *, image_tokens: int, hidden_tokens: int) -> int:
    """Return the most prompt tokens of a provider's request, as it is sent and as decoded.

    An image costs ``image_tokens`` at most, however many bytes carry it.
    """
    images = list(_images(body.get("messages", ())))
    text = text_bound(raw) - sum(images)
    return text + len(images) * image_tokens + hidden_tokens


def text_bound(raw: bytes) -> int:
    """Return the most tokens of a text in UTF-8."""
    if raw.isascii():
        return len(raw)
    return max(len(raw), len(unicodedata.normalize("NFKC", raw.decode()).encode()))


def _images(value: object) -> Iterator[int]:
    """Yield how many ASCII bytes each image of a request takes up: base64 or a URL."""
    if isinstance(value, list):
        for item in value:
            yield from _images(item)
    elif isinstance(value, dict):
        if value.get("type") in {"image", "image_url"}:
            yield _carried(value)
        else:
            for name in ("content", "messages"):
                yield from _images(value.get(name))


def _carried(image: Json) -> int:
    source = image.get("source") or image.get("image_url") or {}
    return sum(len(source[name]) for name in ("data", "url") if _is_ascii(source.get(name)))


def _is_ascii(value: object) -> bool:
    return isinstance(value, str) and value.isascii()
