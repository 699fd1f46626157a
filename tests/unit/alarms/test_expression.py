"""Metric math: the examples of the user guide, and what is refused."""

from __future__ import annotations

import pytest

from local.alarms.errors import MathError
from local.alarms.expression import read_expression
from local.alarms.math_functions import Sight
from local.alarms.math_values import Series

SIGHT = Sight(
    values={
        "m1": (30.0, 20.0, 0.0, 0.0),
        "m2": (20.0, None, 20.0, None),
        "c1": (1.0, 1.0, 0.0, 0.0, None),
        "c2": (30.0, None, 0.0, 0.0, 30.0),
        "c3": (0.0, 0.0, 20.0, None, 20.0),
        "gaps": (None, 2.0, None, None),
        "none": (None, None, None, None),
    },
    metrics=("m1", "m2"),
    period=300,
)


def on(text: str) -> Series:
    return read_expression(text).on(SIGHT)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        # "Comparison and logical operators"
        ("(m1 < m2)", (0, 0, 1, 0)),
        ("(m1 >= 30)", (1, 0, 0, 0)),
        ("(m1 > 15 AND m2 > 15)", (1, 0, 0, 0)),
        ("m1 > 25 || m2 == 20", (1, 0, 1, 0)),
        # "Using IF expressions"
        ("IF(c1, c2, c3)", (30, 0, 20, None, None)),
        ("IF(c1, 5, c3)", (5, 5, 20, None, None)),
        ("IF(c1, c2, 5)", (30, 0, 5, 5, None)),
        ("IF(m1<25, m1)", (None, 20, 0, 0)),
        ("IF(m1<25, 10, 2)", (2, 10, 10, 10)),
        ("IF(1, m1, m2)", (30, 20, 0, 0)),
        ("IF(0, m1)", (None, None, None, None)),
        # Missing counts as 0 beside a value; a division by zero drops the point.
        ("m1 + m2", (50, 20, 20, 0)),
        ("m2 / m1", (20 / 30, 0, None, None)),
        ("m2 * 2", (40, None, 40, None)),
        ("none + 5", (None, None, None, None)),
        ("SUM([m1, m2])", (50, 20, 20, 0)),
        ("MAX([m1, m2])", (30, 20, 20, 0)),
        ("MIN(METRICS())", (20, 20, 0, 0)),
        ("AVG([m1, m2])", (25, 10, 10, 0)),
        ("SUM(METRICS('m1')/2)", (15, 10, 0, 0)),
        ("FILL(gaps, 7)", (7, 2, 7, 7)),
        ("FILL(gaps, REPEAT)", (None, 2, 2, 2)),
        ("FILL(m2, m1)", (20, 20, 20, 0)),
        # Precedence and the rest
        ("2 + 3 * m1 ^ 2", (2702, 1202, 2, 2)),
        ("-m1 ^ 2", (-900, -400, 0, 0)),
        ("10 - m1 - 5", (-25, -15, 5, 5)),
        ("m1 * 1e2 / PERIOD(m1)", (10, 20 / 3, 0, 0)),
        ("TIME_SERIES(3) + m1", (33, 23, 3, 3)),
        ("CEIL(m1 / 7) - FLOOR(m1 / 7)", (1, 1, 0, 0)),
        ("ABS(0 - m1)", (30, 20, 0, 0)),
    ],
)
def test_results(text: str, result: Series) -> None:
    found = on(text)
    if len(result) == 4:
        found = found[:4]
    assert found == pytest.approx(result)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("m1 +", "ends too early"),
        ("(m1", "ends too early"),
        ("m1 m2", "'m2'"),
        ("m1 ? 2", "cannot read"),
        ("RATE(m1)", "RATE"),
        ("ANOMALY_DETECTION_BAND(m1)", "ANOMALY_DETECTION_BAND"),
        ("SUM(m1)", "depends on the range"),
        ("FILL(m1, LINEAR)", "LINEAR"),
        ("IF(m1)", "IF takes"),
        ("[m1, m2]", "an array"),
        ("5", "a number"),
        ("1 / 0 + m1", "no result"),
        ("METRICS(m1)", "METRICS"),
        ("[m1] + [m2]", "one side"),
        ("M1", "'M1'"),
        ("(" * 40 + "m1" + ")" * 40, "deeper"),
    ],
)
def test_what_is_wrong_or_not_reproduced_is_named(text: str, named: str) -> None:
    with pytest.raises(MathError, match="expression") as caught:
        on(text)
    assert named in str(caught.value)


def test_an_expression_knows_what_it_refers_to() -> None:
    assert read_expression("IF(errors > 5, errors / calls)").names == {"errors", "calls"}
