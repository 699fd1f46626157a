"""Changes real request bodies, a little or a lot, the same way for the same seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]

STRANGE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 1.5, 1e308, -1e-320, 2**31, 2**63, 2**64, -(2**63) - 1, 10**40,
    "", " ", "\n", "\x00", "\u2028", "\ud800", "\udfff\ud800", "𝕊", "e\u0301" * 20, "x" * 300,
    "{}", "[1]", "null", '{"a": "\\ud800"}', "data:image/png;base64,", "https://", "auto", "text",
    "tool", "user", "assistant", [], {}, [[]], [None], [{}], {"": {}}, {"type": "text"},
    {"type": "tool_use"}, {"role": "tool"}, {"type": {}}, {"a": 10**30}, ["text"],
)  # fmt: skip
"""What stands in for a value; a lone surrogate is refused where the JSON is read."""


VARIED: Final = 0.6
"""The share of changes that keep the kind of a value; rougher ones mostly end at the schema."""


class Mutator:
    """Changes bodies a little or a lot, the same way for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - not for secrets: runs must repeat

    def bodies(self, bases: list[Json], count: int) -> Iterator[bytes]:
        """Yield so many changed bodies as JSON."""
        for _ in range(count):
            body = copy.deepcopy(self.random.choice(bases))
            for _ in range(self.random.choice((1, 1, 1, 1, 2, 5))):
                self.change(body)
            yield self.damaged(json.dumps(body).encode())

    def damaged(self, content: bytes) -> bytes:
        """Cut or overwrite the text of a few."""
        if self.random.random() > 0.03:
            return content
        at = self.random.randrange(len(content))
        return content[:at] + self.random.choice((b"", b"\xff", b"\\", b'"', b"1e999}"))

    def change(self, body: Json) -> None:
        """Do one thing to one place."""
        if not body:
            return
        holder, place = self.random.choice(list(places(body)))
        rough = (self.drop, self.double, self.replace, self.nest, self.swap, self.add, self.grow)
        step = self.vary if self.random.random() < VARIED else self.random.choice(rough)
        step(body, holder, place)

    def vary(self, body: Json, holder: Any, place: Any) -> None:
        """Put something of the same kind here, which mostly leaves the request well formed."""
        kind = type(holder[place])
        same = [each for each in STRANGE if type(each) is kind]
        same += [other[there] for other, there in places(body) if type(other[there]) is kind]
        holder[place] = copy.deepcopy(self.random.choice(same))

    def drop(self, _: Json, holder: Any, place: Any) -> None:
        del holder[place]

    def double(self, _: Json, holder: Any, place: Any) -> None:
        copied = copy.deepcopy(holder[place])
        if isinstance(holder, list):
            holder.insert(place, copied)
        else:
            holder[f"{place}_"] = copied

    def replace(self, _: Json, holder: Any, place: Any) -> None:
        holder[place] = copy.deepcopy(self.random.choice(STRANGE))

    def nest(self, _: Json, holder: Any, place: Any) -> None:
        for _level in range(self.random.choice((1, 2, 40))):
            holder[place] = self.random.choice(([holder[place]], {"content": holder[place]}))

    def swap(self, body: Json, holder: Any, place: Any) -> None:
        """Put here what stands elsewhere."""
        other, there = self.random.choice(list(places(body)))
        holder[place] = copy.deepcopy(other[there])

    def add(self, body: Json, holder: Any, _: Any) -> None:
        """Give an object a name that stands elsewhere, or a list a strange item."""
        value = copy.deepcopy(self.random.choice(STRANGE))
        if isinstance(holder, list):
            holder.append(value)
        else:
            names = [there for _, there in places(body) if isinstance(there, str)]
            holder[self.random.choice([*names, "", "\u0000", "api_base"])] = value

    def grow(self, _: Json, holder: Any, place: Any) -> None:
        value = holder[place]
        if isinstance(value, str | list):
            holder[place] = value * self.random.choice((0, 2, 300))


def one_change_each(base: Json) -> Iterator[bytes]:
    """Yield a body once without each of its places, and once with each strange value there."""
    for number in range(len(list(places(copy.deepcopy(base))))):
        for value in (_GONE, *STRANGE):
            body = copy.deepcopy(base)
            holder, place = list(places(body))[number]
            if value is _GONE:
                del holder[place]
            else:
                holder[place] = value
            yield json.dumps(body).encode()


_GONE: Final = object()


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a body, as its holder and its name or index there."""
    if isinstance(value, dict | list):
        for place in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, place
            yield from places(value[place])
