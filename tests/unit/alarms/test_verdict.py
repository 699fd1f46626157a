"""M out of N and missing data: the tables of CloudWatch's user guide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.alarms.verdict import Missing, Rule, State, judge

OK, ALARM, UNKNOWN = State.OK, State.ALARM, State.INSUFFICIENT_DATA
TREATMENTS = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)

# "Configuring how CloudWatch alarms treat missing data": points of a range of five, the newest
# on the right; then what each treatment makes of them. None retains the state.
THREE_OF_THREE = {
    "0-X-X": (OK, OK, OK, OK),
    "0----": (OK, OK, OK, OK),
    "-----": (UNKNOWN, None, ALARM, OK),
    "0XX-X": (ALARM, ALARM, ALARM, ALARM),
    "--X--": (ALARM, None, ALARM, OK),
    # "Avoiding premature transitions to alarm state" and the guide's older edition.
    "----X": (UNKNOWN, None, ALARM, OK),
    "---X-": (UNKNOWN, None, ALARM, OK),
    "X----": (ALARM, None, ALARM, OK),
    "---X0": (OK, OK, OK, OK),
}
TWO_OF_THREE = {
    "0-X-X": (ALARM, ALARM, ALARM, ALARM),
    "00X0X": (ALARM, ALARM, ALARM, ALARM),
    "0-X--": (OK, OK, ALARM, OK),
    "----0": (OK, OK, ALARM, OK),
    "---X-": (ALARM, None, ALARM, OK),
    "----X": (UNKNOWN, None, ALARM, OK),
}
POINTS = {"0": False, "X": True, "-": None}


@pytest.mark.parametrize(("needed", "table"), [(3, THREE_OF_THREE), (2, TWO_OF_THREE)])
def test_the_tables_of_the_guide(needed: int, table: dict[str, tuple[State | None, ...]]) -> None:
    for points, states in table.items():
        found = [
            judge([POINTS[point] for point in points], Rule(needed, 3, missing)).state
            for missing in TREATMENTS
        ]
        assert (points, *found) == (points, *states)


def test_one_late_point_is_enough_for_one_of_one() -> None:
    for missing in TREATMENTS:
        assert judge([None, None, True, None, None], Rule(1, 1, missing)).state is ALARM
        assert judge([True, None, None, False, None], Rule(1, 1, missing)).state is OK


@given(st.lists(st.sampled_from([True, False]), min_size=5, max_size=5), st.data())
def test_treatments_agree_where_nothing_is_missing(points: list[bool], data: st.DataObject) -> None:
    periods = data.draw(st.integers(1, 3))
    needed = data.draw(st.integers(1, periods))
    states = {judge(points, Rule(needed, periods, missing)).state for missing in TREATMENTS}
    assert states == {ALARM if sum(points[-periods:]) >= needed else OK}
