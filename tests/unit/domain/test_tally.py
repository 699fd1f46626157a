"""What the caller's next question says of an answer, and what is remembered for it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from shared.domain.rollups import Sums
from shared.domain.success import RETRY_SECONDS
from shared.domain.tally import Tally, Total
from shared.domain.usage_rows import UsageRow
from tests.contracts.test_store import ENTRY
from tests.unit.domain.test_success import a_row


def again(seconds: float, **entry: Any) -> list[UsageRow]:
    later = {"request_id": "req_2", "opened_at": ENTRY.opened_at + 2 + seconds, **entry}
    rows = [a_row(), a_row(later)]
    return sorted(rows, key=lambda row: row.moment)


def judged(rows: list[UsageRow]) -> tuple[int, int]:
    """Return how many successes and failures some rows add up to."""
    tally, total = Tally({}), Total()
    for row in rows:
        tally.add(row, total)
    whole = sum(total.values(), Sums())
    assert whole.requests == len(rows)
    return whole.successes, whole.failures


def test_the_same_question_right_after_its_answer_is_a_retry() -> None:
    assert judged(again(1)) == (1, 1)
    assert judged(again(RETRY_SECONDS)) == (1, 1)
    assert judged([*again(1), *again(1)[1:]]) == (2, 1)


@pytest.mark.parametrize(
    "rows",
    [
        again(RETRY_SECONDS + 1),
        again(-1),
        again(1, cache="hit"),
        again(1, key_id="search.2"),
        again(1, request_digest="e"),
        again(1, request_digest=None),
    ],
    ids=["late", "at once", "a hit", "another caller", "another question", "unknown"],
)
def test_no_other_repeat_is_one(rows: list[UsageRow]) -> None:
    assert judged(rows) == (2, 0)


def test_a_question_that_is_asked_again_while_a_batch_has_it_is_no_retry() -> None:
    first = a_row({"variant": "batch"}, schema="met")
    assert judged([dataclasses.replace(first), again(1, variant="batch")[1]]) == (2, 0)
    assert judged([first, again(1)[1]]) == (2, 0)
    assert judged(again(1, variant="batch")) == (1, 1), "a batch may be asked for a better answer"


def test_nothing_is_kept_of_the_lines_of_a_batch_which_have_one_moment() -> None:
    tally, total = Tally({}), Total()
    for line in range(1_000):
        cache = ("miss", "hit")[line % 2]
        tally.add(a_row({"request_digest": f"{line}", "variant": "batch", "cache": cache}), total)
    assert sum(sums.requests for sums in total.values()) == 1_000
    assert tally._answers == {}


def test_a_row_that_is_in_no_total_judges_those_before_it() -> None:
    tally, total = Tally({}), Total()
    first, second = again(1)
    tally.add(first, total)
    tally.add(second)
    assert [(sums.successes, sums.failures) for sums in total.values()] == [(0, 1)]


def test_an_answer_is_forgotten_when_nobody_can_ask_it_again_in_time() -> None:
    tally, total = Tally({}), Total()
    for second in range(10 * RETRY_SECONDS):
        facts = {"request_digest": f"{second}", "opened_at": ENTRY.opened_at + second}
        tally.add(a_row(facts), total)
        assert len(tally._answers) <= 2 * RETRY_SECONDS + 3
