"""The functions of metric math, each as what makes a node of an expression from its arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from local.alarms.errors import MathError
from local.alarms.math_values import (
    Array,
    Series,
    Value,
    across,
    average,
    choose,
    combine,
    each_point,
    fill,
    scalar,
    series,
)


@dataclass(frozen=True)
class Sight:
    """What an expression sees: every query's series by id, which of them are metrics, the step."""

    values: Mapping[str, Series]
    metrics: Sequence[str]
    period: int

    @property
    def length(self) -> int:
        """How many periods the window has."""
        return len(next(iter(self.values.values()))) if self.values else 0


Node = Callable[[Sight], Value]
Argument = Node | str
"""A keyword, such as REPEAT, or a quoted text stays a text."""


def binary(name: str, left: Node, right: Node) -> Node:
    """Return the node of an operator."""
    return lambda sight: combine(name, left(sight), right(sight))


def array_of(parts: Sequence[Argument]) -> Node:
    """Return the node of ``[a, b]``; arrays inside it are laid out flat."""
    nodes = [as_node(part) for part in parts]

    def made(sight: Sight) -> Array:
        found: Array = []
        for value in (node(sight) for node in nodes):
            found += value if isinstance(value, list) else [series(value)]
        return found

    return made


def as_node(argument: Argument) -> Node:
    """Return an argument that must be computed; raises :class:`MathError` for a bare text."""
    if isinstance(argument, str):
        raise MathError(f"{argument!r} is not known")
    return argument


def call(name: str, arguments: list[Argument]) -> Node:
    """Return the node of a function; raises :class:`MathError` for one not reproduced here."""
    if name not in FUNCTIONS:
        raise MathError(f"function {name} is not reproduced here, only {', '.join(FUNCTIONS)}")
    counts, make = FUNCTIONS[name]
    if len(arguments) not in counts:
        raise MathError(f"{name} takes {' or '.join(map(str, counts))} arguments")
    return make(arguments)


def _if(arguments: list[Argument]) -> Node:
    test, truth, *rest = [as_node(argument) for argument in arguments]
    return lambda sight: choose(test(sight), truth(sight), rest[0](sight) if rest else None)


def _fill(arguments: list[Argument]) -> Node:
    what, filler = as_node(arguments[0]), arguments[1]
    if isinstance(filler, str):
        return lambda sight: fill(what(sight), filler)
    return lambda sight: fill(what(sight), filler(sight))


def _metrics(arguments: list[Argument]) -> Node:
    part = arguments[0] if arguments else ""
    if not isinstance(part, str):
        raise MathError("METRICS takes a text")
    return lambda sight: [sight.values[name] for name in sight.metrics if part in name]


def _period(arguments: list[Argument]) -> Node:
    as_node(arguments[0])
    return lambda sight: float(sight.period)


def _time_series(arguments: list[Argument]) -> Node:
    value = as_node(arguments[0])
    return lambda sight: (scalar(value(sight)),) * sight.length


def _mapped(work: Callable[[float], float]) -> Callable[[list[Argument]], Node]:
    def make(arguments: list[Argument]) -> Node:
        value = as_node(arguments[0])
        return lambda sight: each_point(work, value(sight))

    return make


def _reduced(
    name: str, work: Callable[[Sequence[float]], float]
) -> Callable[[list[Argument]], Node]:
    def make(arguments: list[Argument]) -> Node:
        value = as_node(arguments[0])
        return lambda sight: across(work, value(sight), name)

    return make


def _avg(arguments: list[Argument]) -> Node:
    value = as_node(arguments[0])

    def averaged(sight: Sight) -> Value:
        found = value(sight)
        count = len(found) if isinstance(found, list) else 0
        return across(average(count), found, "AVG")

    return averaged


FUNCTIONS: dict[str, tuple[tuple[int, ...], Callable[[list[Argument]], Node]]] = {
    "IF": ((2, 3), _if),
    "FILL": ((2,), _fill),
    "METRICS": ((0, 1), _metrics),
    "PERIOD": ((1,), _period),
    "TIME_SERIES": ((1,), _time_series),
    "SUM": ((1,), _reduced("SUM", math.fsum)),
    "MIN": ((1,), _reduced("MIN", min)),
    "MAX": ((1,), _reduced("MAX", max)),
    "AVG": ((1,), _avg),
    "ABS": ((1,), _mapped(abs)),
    "CEIL": ((1,), _mapped(math.ceil)),
    "FLOOR": ((1,), _mapped(math.floor)),
}
"""Each function: how many arguments it takes, and what makes its node."""
