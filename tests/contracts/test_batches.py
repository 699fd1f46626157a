"""One contract for the fake batch provider and the SDK's adapters, judged by the simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.jobs.provider_errors import BatchAnswerLost
from tests.contracts.batch_grounds import Ground, Submission, grounds

HOUR = 3_600
DAY = 24 * HOUR


@pytest.fixture(params=["memory-openai", "memory-anthropic", "real-openai", "real-anthropic"])
def ground(request: Any) -> Iterator[Ground]:
    yield from grounds(request.param, request)


def test_every_line_of_a_batch_is_answered(ground: Ground) -> None:
    sent = Submission(ground, ["one", "two", "three"]).submit()
    assert not ground.provider.progress(sent.batch).is_over
    ground.pass_seconds(HOUR)
    progress = ground.provider.progress(sent.batch)
    assert (progress.is_over, progress.failed_because, progress.total) == (True, None, 3)
    results = sent.results()
    assert set(results) == {0, 1, 2}
    assert {row.status for row in results.values()} == {"succeeded"}
    assert all(json.loads(row.body) for row in results.values())
    assert sent.results() == results


def test_a_create_whose_answer_was_lost_is_adopted_and_never_sent_twice(ground: Ground) -> None:
    sent = Submission(ground, ["one", "two"])
    sent.upload()
    ground.lose_create(effect=True)
    with pytest.raises(BatchAnswerLost):
        sent.create()
    (found,) = ground.provider.find(sent.batch)
    sent.adopt(found)
    ground.pass_seconds(HOUR)
    assert set(sent.results()) == {0, 1}
    assert ground.created() == 1
    assert ground.provider.find(sent.batch) == [found]


def test_a_create_that_was_lost_altogether_is_not_found(ground: Ground) -> None:
    sent = Submission(ground, ["one"])
    sent.upload()
    ground.lose_create(effect=False)
    with pytest.raises(BatchAnswerLost):
        sent.create()
    assert ground.provider.find(sent.batch) == []
    assert ground.created() == 0
    sent.create()
    assert ground.created() == 1


def test_what_was_created_twice_is_found_twice_oldest_first(ground: Ground) -> None:
    sent = Submission(ground, ["one"]).submit()
    first = sent.batch.provider_batch
    sent.create()
    assert ground.provider.find(sent.batch) == [first, sent.batch.provider_batch]


def test_other_batches_are_not_taken_for_this_one(ground: Ground) -> None:
    Submission(ground, ["an hour ago"]).submit()
    ground.pass_seconds(HOUR)
    Submission(ground, ["of another", "size"]).submit()
    sent = Submission(ground, ["this one"]).submit()
    assert ground.provider.find(sent.batch) == [sent.batch.provider_batch]


def test_a_line_that_failed_says_so_and_spoils_no_other(ground: Ground) -> None:
    sent = Submission(ground, ["good", "[fail 503]"]).submit()
    ground.pass_seconds(HOUR)
    results = sent.results()
    assert results[0].status == "succeeded"
    assert results[1].status == "errored"
    assert results[1].http_status in {500, 503}
    assert "told to" in results[1].message


def test_a_line_may_expire(ground: Ground) -> None:
    sent = Submission(ground, ["good", "[expire]"]).submit()
    ground.pass_seconds(DAY + HOUR)
    assert ground.provider.progress(sent.batch).is_over
    results = sent.results()
    assert {number: row.status for number, row in results.items()} == {0: "succeeded", 1: "expired"}


def test_a_cancelled_batch_is_over_soon_and_can_be_cancelled_again(ground: Ground) -> None:
    sent = Submission(ground, ["one", "two"]).submit()
    ground.provider.cancel(sent.batch)
    ground.provider.cancel(sent.batch)
    ground.pass_seconds(120)
    assert ground.provider.progress(sent.batch).is_over
    assert {row.status for row in sent.results().values()} == {"canceled"}
    ground.provider.cancel(sent.batch)


def test_a_second_batch_of_the_same_plan_can_be_cancelled_alone(ground: Ground) -> None:
    sent = Submission(ground, ["one"]).submit()
    kept = sent.batch
    second = ground.provider.create(kept, sent.lines)
    ground.provider.cancel(kept, second)
    ground.pass_seconds(HOUR)
    assert {row.status for row in sent.results().values()} == {"succeeded"}
    sent.adopt(second)
    assert {row.status for row in sent.results().values()} == {"canceled"}


def test_what_was_collected_can_be_discarded_twice(ground: Ground) -> None:
    sent = Submission(ground, ["one"]).submit()
    ground.pass_seconds(HOUR)
    sent.results()
    ground.provider.discard(sent.batch)
    ground.provider.discard(sent.batch)


def test_what_was_uploaded_in_vain_can_be_discarded(ground: Ground) -> None:
    sent = Submission(ground, ["one"])
    sent.upload()
    ground.provider.discard(sent.batch)
    assert ground.created() == 0
