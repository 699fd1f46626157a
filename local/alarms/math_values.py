"""What metric math computes with, and how missing points behave.

A scalar is a float; a series is one value or None for each period of the window, oldest first;
an array is a list of series. Rules of missing points and of IF: user guide, "Using math
expressions with CloudWatch metrics".
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

from local.alarms.errors import MathError

Series = tuple[float | None, ...]
Array = list[Series]
Value = float | Series | Array

Binary = Callable[[float, float], float | complex]


def _both(left: float, right: float) -> float:
    return float(bool(left) and bool(right))


def _either(left: float, right: float) -> float:
    return float(bool(left) or bool(right))


BINARY: dict[str, Binary] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "AND": _both,
    "OR": _either,
}


def combine(name: str, left: Value, right: Value) -> Value:
    """Apply an operator: series by series in an array, point by point in a series."""
    if isinstance(left, list) or isinstance(right, list):
        return _arrays(name, left, right)
    if isinstance(left, float) and isinstance(right, float):
        return _scalar(name, left, right)
    return tuple(
        _point(name, *pair) for pair in zip(_spread(left, right), _spread(right, left), strict=True)
    )


def _scalar(name: str, left: float, right: float) -> float:
    found = _apply(name, left, right)
    if found is None:
        raise MathError(f"{left:g} {name} {right:g} has no result")
    return found


def _apply(name: str, left: float, right: float) -> float | None:
    """Return None where there is no real result: CloudWatch drops such a point."""
    try:
        found = BINARY[name](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    # A broken power of a negative number is complex.
    return None if isinstance(found, complex) or not math.isfinite(found) else float(found)


def _point(name: str, left: float | None, right: float | None) -> float | None:
    # A value that is missing on one side counts as 0; where both are missing there is no point.
    if left is None and right is None:
        return None
    return _apply(name, left or 0.0, right or 0.0)


def _spread(value: Value, other: Value) -> Series:
    """Return a side of an operation as a series; a scalar has points only where the other does."""
    if isinstance(value, float):
        return tuple(None if point is None else value for point in series(other))
    return series(value)


def _arrays(name: str, left: Value, right: Value) -> Array:
    if isinstance(left, list) and isinstance(right, list):
        raise MathError(f"{name} takes an array on one side only")
    if isinstance(left, list):
        return [series(combine(name, each, right)) for each in left]
    return [series(combine(name, left, each)) for each in array(right)]


def each_point(work: Callable[[float], float], value: Value) -> Value:
    """Apply a function to every point there is."""
    if isinstance(value, list):
        return [series(each_point(work, each)) for each in value]
    return tuple(None if point is None else float(work(point)) for point in series(value))


def across(work: Callable[[Sequence[float]], float], value: Value, name: str) -> Series:
    """Reduce an array to one series.

    Over a single series these functions give a number that depends on how much data the alarm
    happened to retrieve; AWS advises against that in alarms, and it is refused here.
    """
    if not isinstance(value, list):
        raise MathError(f"{name} of one series depends on the range; give it an array")
    return tuple(
        float(work([point for point in points if point is not None]))
        if any(point is not None for point in points)
        else None
        for points in zip(*value, strict=True)
    )


def average(count: int) -> Callable[[Sequence[float]], float]:
    """Return the average over so many series, a missing value counting as 0."""
    return lambda points: math.fsum(points) / count


def fill(value: Value, filler: Value | str) -> Value:
    """Fill missing points: with a number, another series, or the last value before (REPEAT)."""
    if isinstance(value, list):
        return [series(fill(each, filler)) for each in value]
    points = series(value)
    if filler == "REPEAT":
        return _repeated(points)
    if isinstance(filler, str):
        raise MathError(f"FILL with {filler} is not reproduced here")
    others = (filler,) * len(points) if isinstance(filler, float) else series(filler)
    return tuple(
        other if point is None else point for point, other in zip(points, others, strict=True)
    )


def _repeated(points: Series) -> Series:
    last: float | None = None
    found: list[float | None] = []
    for point in points:
        last = last if point is None else point
        found.append(last)
    return tuple(found)


def choose(condition: Value, when_true: Value, when_false: Value | None) -> Value:
    """``IF``: a true condition takes the first value (0 where missing), a false one the second."""
    if isinstance(condition, float):
        chosen = when_true if condition else when_false
        if chosen is None:
            return tuple(None for _ in series(when_true))
        return chosen
    conditions = series(condition)
    truths = _aligned(when_true, len(conditions))
    lies = _aligned(when_false, len(conditions))
    return tuple(
        None if test is None else (truth or 0.0) if test else lie
        for test, truth, lie in zip(conditions, truths, lies, strict=True)
    )


def _aligned(value: Value | None, length: int) -> Series:
    return (value,) * length if value is None or isinstance(value, float) else series(value)


def series(value: Value) -> Series:
    """Return a value that must be one time series."""
    if not isinstance(value, tuple):
        kind = "an array" if isinstance(value, list) else "a number"
        raise MathError(f"{kind} stands where one time series must")
    return value


def array(value: Value) -> Array:
    """Return a value that must be an array."""
    if not isinstance(value, list):
        raise MathError("an array is wanted")
    return value


def scalar(value: Value) -> float:
    """Return a value that must be a number."""
    if not isinstance(value, float):
        raise MathError("a number is wanted")
    return value
