"""Metric math: reads an expression once, and computes it on the periods of a window.

From the loosest operator to the tightest: OR (``||``), AND (``&&``), comparisons, ``+ -``,
``* /``, unary ``-``, ``^``. Below them stand numbers, ids of queries, function calls, arrays in
brackets, and parentheses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.alarms.errors import MathError
from local.alarms.math_functions import Argument, Node, Sight, array_of, as_node, binary, call
from local.alarms.math_values import BINARY, Series, series

MOST_DEPTH = 32

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"""
    r"""|(?P<text>"[^"]*"|'[^']*')"""
    r"""|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))"""
)
_SPELLINGS = {"&&": "AND", "||": "OR"}
_LEVELS = (("OR",), ("AND",), ("==", "!=", "<=", ">=", "<", ">"), ("+", "-"), ("*", "/"))


@dataclass(frozen=True)
class Expression:
    """An expression that has been read. ``names`` are the ids it refers to."""

    text: str
    names: frozenset[str]
    _node: Node

    def on(self, sight: Sight) -> Series:
        """Compute it; raises :class:`MathError` where the result is not one time series."""
        try:
            return series(self._node(sight))
        except MathError as error:
            raise MathError(f"expression {self.text!r}: {error}") from None


def read_expression(text: str) -> Expression:
    """Read an expression; raises :class:`MathError` naming what is wrong or not known."""
    reader = _Reader(_tokens(text))
    try:
        node = as_node(reader.whole())
    except MathError as error:
        raise MathError(f"expression {text!r}: {error}") from None
    return Expression(text, frozenset(reader.names), node)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    place = 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise MathError(f"expression {text!r}: cannot read {text[place:].strip()[:10]!r}")
        found.append(_SPELLINGS.get(token[0].strip(), token[0].strip()))
        place = token.end()
    return found


class _Reader:
    """Recursive descent over the tokens, one level of precedence a step."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self.names: set[str] = set()

    @property
    def next(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def whole(self) -> Argument:
        found = self.expression()
        if self.next is not None:
            raise MathError(f"{self.next!r} is not expected there")
        return found

    def expression(self) -> Argument:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise MathError(f"nested deeper than {MOST_DEPTH}")
        found = self._level(0)
        self._depth -= 1
        return found

    def _level(self, level: int) -> Argument:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self.next in _LEVELS[level]:
            name = self._take()
            left = binary(name, as_node(left), as_node(self._level(level + 1)))
        return left

    def _unary(self) -> Argument:
        if self.next == "-":
            self._take()
            return binary("*", lambda _: -1.0, as_node(self._unary()))
        base = self._atom()
        if self.next == "^":
            self._take()
            return binary("^", as_node(base), as_node(self._unary()))
        return base

    def _atom(self) -> Argument:
        sign = self._take()
        if sign == "(":
            found = self.expression()
            self._expect(")")
            return found
        if sign == "[":
            return array_of(self._list("]"))
        if sign[0] in "\"'":
            return sign[1:-1]
        if sign[0].isdigit() or sign[0] == ".":
            number = float(sign)
            return lambda _: number
        return self._word(sign)

    def _word(self, token: str) -> Argument:
        if not (token[0].isalpha() and token not in BINARY):
            raise MathError(f"{token!r} is not expected there")
        if self.next == "(":
            self._take()
            return call(token, self._list(")"))
        if token[0].islower():
            self.names.add(token)
            return lambda sight: sight.values[token]
        return token

    def _list(self, end: str) -> list[Argument]:
        found: list[Argument] = []
        while self.next != end:
            if found:
                self._expect(",")
            found.append(self.expression())
        self._take()
        return found

    def _take(self) -> str:
        token = self.next
        if token is None:
            raise MathError("it ends too early")
        self._place += 1
        return token

    def _expect(self, sign: str) -> None:
        if (token := self._take()) != sign:
            raise MathError(f"{sign!r} is wanted, not {token!r}")
