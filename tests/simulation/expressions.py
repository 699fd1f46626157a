"""DynamoDB's condition and update expressions, compiled once for each text.

Only what the ledgers here use: comparisons, BETWEEN, ``attribute_exists`` and
``attribute_not_exists`` under AND and OR; SET (with one ``+`` or ``-``), ADD and REMOVE; paths
into maps. Items are never changed in place, so whoever holds one holds it as it was. What it
cannot read is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
Path = tuple[str, ...]
Value = Mapping[str, Any] | None

_TOKEN = re.compile(r"\s*(<>|<=|>=|[()=<>,+-]|[:#]?[A-Za-z_][\w.#]*)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


class Bindings:
    """The names and values that stand for an expression's placeholders in one call."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.names: Mapping[str, str] = asked.get("ExpressionAttributeNames", {})
        self.values: Mapping[str, Value] = asked.get("ExpressionAttributeValues", {})

    def path(self, word: str) -> Path:
        """Return the path that a word of an expression names."""
        return tuple(self.names[part] if part[0] == "#" else part for part in word.split("."))


Condition = Callable[[Item, Bindings], bool]
Change = Callable[[Item, Item, Bindings], Item]


def value_at(item: Item, path: Path) -> Value:
    """Return the typed value at a path, or None."""
    found: Value = item.get(path[0])
    for part in path[1:]:
        found = found["M"].get(part) if found is not None and "M" in found else None
    return found


def with_value(item: Item, path: Path, value: Value) -> Item:
    """Return the item with a value put at a path; None takes it away."""
    if len(path) > 1:
        inner = item[path[0]]["M"]
        return {**item, path[0]: {"M": with_value(inner, path[1:], value)}}
    if value is None:
        return {name: each for name, each in item.items() if name != path[0]}
    return {**item, path[0]: value}


def plain(value: Mapping[str, Any]) -> Any:
    """Return a typed value as one that Python can compare; numbers here are integers."""
    [(kind, inner)] = value.items()
    return int(inner) if kind == "N" else inner


class _Words:
    """The words of an expression, read one after another."""

    def __init__(self, text: str) -> None:
        self._words = _TOKEN.findall(text)
        if "".join(self._words) != re.sub(r"\s+", "", text):
            raise ValueError(f"cannot read the expression {text!r}")
        self._at = 0

    def peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self, expected: str | None = None) -> str:
        word = self.peek()
        if not word or (expected is not None and word != expected):
            raise ValueError(f"{expected or 'a word'} expected in {self._words}, not {word!r}")
        self._at += 1
        return word


@lru_cache(maxsize=1024)
def condition(text: str) -> Condition:
    """Compile a condition expression."""
    words = _Words(text)
    compiled = _either(words)
    if words.peek():
        raise ValueError(f"cannot read {text!r} from {words.peek()!r} on")
    return compiled


def _either(words: _Words) -> Condition:
    found = [_both(words)]
    while words.peek() == "OR":
        words.take()
        found.append(_both(words))
    return found[0] if len(found) == 1 else lambda item, bound: any(c(item, bound) for c in found)


def _both(words: _Words) -> Condition:
    found = [_single(words)]
    while words.peek() == "AND":
        words.take()
        found.append(_single(words))
    return found[0] if len(found) == 1 else lambda item, bound: all(c(item, bound) for c in found)


def _single(words: _Words) -> Condition:
    word = words.take()
    if word == "(":
        inner = _either(words)
        words.take(")")
        return inner
    if word in {"attribute_exists", "attribute_not_exists"}:
        words.take("(")
        path = words.take()
        words.take(")")
        wanted = word == "attribute_exists"
        return lambda item, bound: (value_at(item, bound.path(path)) is not None) is wanted
    if word == "begins_with":
        return _beginning(words)
    if words.peek() == "BETWEEN":
        return _between(word, words)
    return _comparison(word, words.take(), words.take())


def _beginning(words: _Words) -> Condition:
    words.take("(")
    path = words.take()
    words.take(",")
    prefix = words.take()
    words.take(")")

    def holds(item: Item, bound: Bindings) -> bool:
        whole, begun = _operand(path, item, bound), _operand(prefix, item, bound)
        if whole is None or begun is None:
            return False
        return bool(plain(whole).startswith(plain(begun)))

    return holds


def _between(word: str, words: _Words) -> Condition:
    words.take("BETWEEN")
    low = words.take()
    words.take("AND")
    high = words.take()
    from_low, to_high = _comparison(word, ">=", low), _comparison(word, "<=", high)
    return lambda item, bound: from_low(item, bound) and to_high(item, bound)


def _comparison(left: str, sign: str, right: str) -> Condition:
    compare = _COMPARE[sign]

    def holds(item: Item, bound: Bindings) -> bool:
        one, other = _operand(left, item, bound), _operand(right, item, bound)
        if one is None or other is None:
            return sign == "<>" and one is not other
        return compare(plain(one), plain(other))

    return holds


def _operand(word: str, item: Item, bound: Bindings) -> Value:
    return bound.values[word] if word[0] == ":" else value_at(item, bound.path(word))


@lru_cache(maxsize=1024)
def update(text: str) -> Change:
    """Compile an update expression: given the item before and as changed so far."""
    words = _Words(text)
    changes: list[Change] = []
    clause = ""
    while words.peek():
        if words.peek() in {"SET", "ADD", "REMOVE"}:
            clause = words.take()
        else:
            words.take(",")
        changes.append({"SET": _set, "ADD": _add, "REMOVE": _remove}[clause](words))

    def change(before: Item, after: Item, bound: Bindings) -> Item:
        for each in changes:
            after = each(before, after, bound)
        return after

    return change


def _set(words: _Words) -> Change:
    target = words.take()
    words.take("=")
    first = words.take()
    sign = words.take() if words.peek() in {"+", "-"} else ""
    second = words.take() if sign else ""

    def change(before: Item, after: Item, bound: Bindings) -> Item:
        value = _operand(first, before, bound)
        if sign and value is not None:
            by = _operand(second, before, bound)
            value = {"N": str(plain(value) + int(f"{sign}1") * plain(by or {"N": "0"}))}
        return with_value(after, bound.path(target), value)

    return change


def _add(words: _Words) -> Change:
    target, by = words.take(), words.take()

    def change(before: Item, after: Item, bound: Bindings) -> Item:
        path = bound.path(target)
        total = plain(value_at(before, path) or {"N": "0"}) + plain(bound.values[by] or {"N": "0"})
        return with_value(after, path, {"N": str(total)})

    return change


def _remove(words: _Words) -> Change:
    target = words.take()
    return lambda before, after, bound: with_value(after, bound.path(target), None)
