"""A batch from its file to its results, on memory alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.batches.batch import Batch
from shared.domain.errors import (
    BudgetExceeded,
    InvalidRequest,
    ObjectNotFound,
    StoreUnavailable,
)
from shared.domain.jobs.lines import LineResult
from tests.deferral import BATCH_COST, HOUR
from tests.unit.batches.world import HAIKU, World, chat, line


def said(body: Any) -> str:
    text: str = body["choices"][0]["message"]["content"]
    return text


def test_a_batch_comes_back_as_one_whoever_answered_and_costs_half() -> None:
    world = World()
    models = ["gpt-6-luna", HAIKU, "auto", "nano"]
    lines = [line(f"l{n}", chat(f"Say {n}.", model=models[n % 4])) for n in range(40)]
    made = world.create(*lines, metadata={"night": "1"})
    assert (made.status, made.counts.total) == ("in_progress", 40)
    assert world.held() > 40 * BATCH_COST
    world.pass_time(1_200)
    done = world.batch(made)
    assert (done.status, done.counts.succeeded, done.error_file) == ("completed", 40, None)
    found = world.output(made)
    assert {name: said(each["response"]["body"]) for name, each in found.items()} == {
        f"l{n}": f"Say {n}." for n in range(40)
    }
    assert {each["response"]["body"]["object"] for each in found.values()} == {"chat.completion"}
    assert len({each["response"]["request_id"] for each in found.values()}) == 40
    rows = world.ledger.rows.values()
    assert world.held() == 0
    assert world.spent() == sum(row.cost_nano for row in rows) == done.money.cost
    assert done.money.baseline == sum(row.baseline_nano for row in rows)
    assert all(row.levers.batch == row.cost_nano for row in rows)
    assert len(world.providers["openai"].created) == 1
    assert len(world.providers["anthropic"].created) == 1
    assert world.troubles() == []


class AnswerLost:
    """Batches of callers at which the answer to the first taking is lost, after ``meanwhile``."""

    def __init__(self, batches: Any, meanwhile: Callable[[], None]) -> None:
        self._batches, self._meanwhile, self._is_lost = batches, meanwhile, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batches, name)

    def move(self, seen: Batch, after: Batch) -> Batch:
        stands: Batch = self._batches.move(seen, after)
        if after.status == "in_progress" and not self._is_lost:
            self._is_lost = True
            self._meanwhile()
            raise StoreUnavailable("jobs table")
        return stands


def test_a_batch_under_way_is_not_forgotten_for_a_lost_answer() -> None:
    world = World()
    world.wrap = lambda name, port: AnswerLost(port, world.tick) if name == "callers" else port
    world.build()
    made = world.create(line("a"), line("b"))
    assert made.status == "in_progress"
    assert len(world.providers["openai"].created) == 1, "another process has sent it meanwhile"
    assert world.held() > 0
    world.pass_time(1_200)
    assert set(world.output(made)) == {"a", "b"}
    assert (world.spent(), world.held()) == (2 * BATCH_COST, 0)


def test_a_bad_line_is_its_own_affair_and_stands_in_the_errors() -> None:
    world = World()
    made = world.create(
        line("good"),
        line("field", chat("x", colour=1)),
        line("stream", chat("x", stream=True)),
        line("model", chat("x", model="gpt-2")),
        line("dear", chat("x", sluice={"max_cost_usd": "0.000000001"})),
        line("sync", chat("x", model="deepseek-v4-flash")),
    )
    world.pass_time(1_200)
    done = world.batch(made)
    assert (done.status, done.counts.succeeded, done.counts.errored) == ("completed", 1, 5)
    assert set(world.output(made)) == {"good"}
    errors = world.errors(made)
    told = {
        name: (each["response"]["status_code"], each["response"]["body"]["error"]["param"])
        for name, each in errors.items()
    }
    assert told == {
        "field": (400, "colour"),
        "stream": (400, "stream"),
        "model": (400, "model"),
        "dear": (402, None),
        "sync": (400, "model"),
    }
    assert all(each["error"] is None for each in errors.values())
    assert world.spent() == BATCH_COST


def test_a_bad_envelope_fails_the_batch_with_its_line_before_money_is_held() -> None:
    world = World()
    made = world.create(line("a"), "{", line("b"), line("a"), {**line("c"), "method": "GET"})
    assert made.status == "failed"
    assert [(each.line, each.code) for each in made.errors] == [
        (2, "invalid_json_line"),
        (4, "duplicate_custom_id"),
        (5, "invalid_value"),
    ]
    assert world.ledger.holds == {}
    assert world.callers.open_batches() == []


def test_what_the_cache_knows_costs_nothing_and_twins_are_asked_once() -> None:
    world = World()
    first = world.create(line("a", chat("the same")), line("b", chat("the same")), line("c"))
    world.pass_time(1_200)
    assert world.batch(first).counts.succeeded == 3
    assert len(world.sent()) == 2
    assert said(world.output(first)["b"]["response"]["body"]) == "the same"
    again = world.create(line("d", chat("the same")), line("e", chat("c")))
    world.pass_time(120)
    done = world.batch(again)
    assert (done.status, done.counts.succeeded, done.money.cost) == ("completed", 2, 0)
    assert len(world.sent()) == 2
    assert (world.spent(), world.held()) == (2 * BATCH_COST, 0)
    hits = [row.levers.exact_cache for row in world.ledger.rows.values() if not row.cost_nano]
    assert hits == [2 * BATCH_COST] * 3


def test_a_line_may_refuse_the_cache() -> None:
    world = World()
    bypassing = chat("the same", sluice={"cache": "bypass"})
    world.create(line("a", bypassing), line("b", bypassing))
    world.pass_time(1_200)
    assert len(world.sent()) == 2
    assert world.store.answers == {}


def test_a_batch_without_room_says_how_many_lines_would_fit() -> None:
    world = World(cap="0.001")
    with pytest.raises(BudgetExceeded) as refused:
        world.create(*(line(f"l{n}") for n in range(20)))
    facts = refused.value.facts
    assert facts["lines"] == 20
    fitting = facts["lines_that_fit"]
    assert isinstance(fitting, int)
    assert 0 < fitting < 20
    assert f": the first {fitting} would fit" in refused.value.message
    assert (world.ledger.holds, world.callers.rows) == ({}, {})
    assert world.create(*(line(f"l{n}") for n in range(fitting))).status == "in_progress"


def large(world: World, *lines: Any) -> Batch:
    """Make a batch of a file that is too large to be planned while its caller waits."""
    padding = line("padding", chat("x" * 300_000, model="gpt-2"))
    return world.create(*lines, *({**padding, "custom_id": f"p{n}"} for n in range(4)))


def test_a_large_file_is_checked_later_and_fails_by_the_same_words() -> None:
    world = World()
    good, bad = large(world, line("a")), large(world, "{")
    assert (good.status, bad.status) == ("validating", "validating")
    world.tick()
    assert world.batch(good).status == "in_progress"
    failed = world.batch(bad)
    assert (failed.status, failed.errors[0].line) == ("failed", 1)
    world.pass_time(1_200)
    assert world.batch(good).counts.errored == 4


def test_a_large_batch_without_room_fails_with_that() -> None:
    world = World(cap="0.000001")
    made = large(world, line("a"))
    world.tick()
    failed = world.batch(made)
    assert (failed.status, failed.errors[0].code) == ("failed", "budget_exceeded")
    assert ": the first 0 would fit" in failed.errors[0].message
    assert world.ledger.holds == {}


def test_a_large_batch_whose_key_was_revoked_fails() -> None:
    world = World()
    made = large(world, line("a"))
    world.store.revoke("search.1", 5)
    world.tick()
    assert world.batch(made).errors[0].code == "invalid_api_key"


def test_a_large_batch_whose_file_was_deleted_fails() -> None:
    world = World()
    made = large(world, line("a"))
    world.files.delete("search", made.input_file)
    world.tick()
    assert world.batch(made).errors[0].code == "file_not_found"


def failing(body: dict[str, Any]) -> LineResult:
    said = body["messages"][-1]["content"]
    ends = {
        "errored": LineResult("", "errored", http_status=500, message="no"),
        "refused": LineResult("", "errored", http_status=400, message="not this"),
        "expired": LineResult("", "expired"),
        "nonsense": LineResult("", "succeeded", b'{"choices": 1}'),
    }
    return ends.get(said) or LineResult("", "succeeded", json.dumps(_answer(said)).encode())


def _answer(text: str) -> dict[str, Any]:
    from tests.deferral import completion

    whole: dict[str, Any] = json.loads(completion(text))
    return whole


def test_lines_that_fail_at_the_provider_stand_in_the_errors_and_cost_nothing() -> None:
    world = World(answering=failing)
    made = world.create(*(line(n) for n in ("good", "errored", "refused", "expired")))
    world.pass_time(1_200)
    done = world.batch(made)
    assert done.status == "expired"
    assert (done.counts.succeeded, done.counts.errored, done.counts.expired) == (1, 2, 1)
    errors = world.errors(made)
    assert errors["errored"]["response"]["status_code"] == 502
    assert errors["refused"]["response"]["status_code"] == 400
    assert "not this" in errors["refused"]["response"]["body"]["error"]["message"]
    assert errors["expired"]["error"]["code"] == "batch_expired"
    assert errors["expired"]["response"] is None
    assert (world.spent(), world.held()) == (BATCH_COST, 0)


def test_an_answer_that_cannot_be_read_is_charged_as_held_and_said_so() -> None:
    world = World(answering=failing)
    made = world.create(line("nonsense"))
    most = world.held()
    world.pass_time(1_200)
    assert world.errors(made)["nonsense"]["response"]["status_code"] == 502
    assert (world.spent(), world.held()) == (most, 0)


def test_a_batch_that_a_provider_never_finishes_expires_with_its_window() -> None:
    world = World(lasts=30 * HOUR)
    made = world.create(line("a"), line("b", chat("x", model=HAIKU)))
    world.pass_time(25 * HOUR, step=600)
    done = world.batch(made)
    assert (done.status, done.counts.expired) == ("expired", 2)
    assert {each["error"]["code"] for each in world.errors(made).values()} == {"batch_expired"}
    assert (world.spent(), world.held()) == (0, 0)


def test_lines_answered_before_the_window_closed_are_kept_and_paid() -> None:
    world = World(lasts=30 * HOUR)
    world.providers["openai"].begun_when_cancelled = 2
    made = world.create(*(line(f"l{n}") for n in range(5)))
    world.pass_time(25 * HOUR, step=600)
    done = world.batch(made)
    assert (done.status, done.counts.succeeded, done.counts.expired) == ("expired", 2, 3)
    assert (world.spent(), world.held()) == (2 * BATCH_COST, 0)


def test_anthropics_batch_is_the_same_in_other_words() -> None:
    world = World()
    params = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}]}
    made = world.create_inline(
        ("a", {"model": HAIKU, **params}),
        ("b", {"model": "gpt-6-luna", **params}),
        ("c", {"model": HAIKU}),
    )
    world.pass_time(1_200)
    _, content = world.desk.results("search", made.id)
    rows = map(json.loads, b"".join(content).splitlines())
    found = {row["custom_id"]: row["result"] for row in rows}
    assert {name: each["type"] for name, each in found.items()} == {
        "a": "succeeded",
        "b": "succeeded",
        "c": "errored",
    }
    assert {found[n]["message"]["content"][0]["text"] for n in "ab"} == {"Hi."}
    assert found["c"]["error"]["error"]["type"] == "invalid_request_error"
    world.desk.delete("search", made.id)
    with pytest.raises(ObjectNotFound):
        world.desk.results("search", made.id)


def test_a_part_that_a_provider_refuses_is_tried_again_in_halves() -> None:
    class Refusing:
        """Takes no batch that holds the line ``bad``."""

        def __init__(self, api: Any) -> None:
            self._api = api

        def __getattr__(self, name: str) -> Any:
            return getattr(self._api, name)

        def create(self, batch: Any, lines: Any) -> str:
            from shared.domain.jobs.provider_errors import BatchRefused

            if any(b'"bad"' in each.body for each in lines()):
                raise BatchRefused("a bad line")
            made: str = self._api.create(batch, lines)
            return made

    world = World()
    world.providers["openai"] = Refusing(world.providers["openai"])  # type: ignore[assignment]
    world.build()
    made = world.create(*(line(f"l{n}") for n in range(6)), line("bad"), line("l7"))
    world.pass_time(3_000)
    done = world.batch(made)
    assert (done.counts.succeeded, done.counts.errored, done.status) == (7, 1, "completed")
    assert "a bad line" in world.errors(made)["bad"]["response"]["body"]["error"]["message"]
    assert (world.spent(), world.held()) == (7 * BATCH_COST, 0)


def test_a_provider_that_takes_less_in_one_batch_gets_several() -> None:
    world = World()
    lines = [line(f"l{n}", chat("x" * 400_000 + str(n))) for n in range(3)]
    from tests.deferral import catalog

    api = catalog().providers["openai"].batch
    assert api is not None
    made = world.create(*lines)
    world.tick()
    parts = world.batch(made).parts
    assert sum(part.lines for part in parts) == 3


@pytest.mark.parametrize("after", [0, 60, 120, 300, 660, 1_200])
@pytest.mark.parametrize("answered", [0, 3])
def test_a_batch_is_cancelled_at_whatever_time(after: int, answered: int) -> None:
    world = World()
    world.providers["openai"].begun_when_cancelled = answered
    made = world.create(*(line(f"l{n}") for n in range(10)))
    world.pass_time(after)
    before = world.batch(made)
    if before.is_at_rest:
        with pytest.raises(InvalidRequest):
            world.desk.cancel("search", "openai", made.id)
        return
    assert world.desk.cancel("search", "openai", made.id).status == "cancelling"
    assert world.desk.cancel("search", "openai", made.id).status == "cancelling"
    world.pass_time(1_200)
    done = world.batch(made)
    assert done.status == "cancelled"
    assert done.counts.succeeded + done.counts.canceled == 10
    codes = {each["error"]["code"] for each in world.errors(made).values()}
    assert codes <= {"batch_cancelled"}
    assert world.spent() == done.counts.succeeded * BATCH_COST
    assert world.held() == 0
    assert world.troubles() == []


def test_a_batch_is_cancelled_before_it_was_checked() -> None:
    world = World()
    made = large(world, line("a"))
    world.desk.cancel("search", "openai", made.id)
    world.tick()
    assert world.batch(made).status == "cancelled"
    assert (world.ledger.holds, world.sent()) == ({}, [])


def test_another_teams_batch_is_as_if_it_were_not() -> None:
    world = World()
    made = world.create(line("a"))
    for work in (world.desk.get, world.desk.cancel):
        for team, kind in (("other", "openai"), ("search", "anthropic")):
            with pytest.raises(ObjectNotFound):
                work(team, kind, made.id)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest):
        world.desk.create(*_asking("other", made.input_file))


def _asking(team: str, file_id: str) -> Any:
    from shared.domain.batches.requests import BatchRequest
    from tests.deferral import key_row

    asked = BatchRequest(
        input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    return key_row(team), asked


def long_requests(*names: str) -> list[tuple[str, dict[str, Any]]]:
    """Return requests that come to more than is planned while their caller waits."""
    return [
        (
            name,
            {
                "model": HAIKU,
                "max_tokens": 9,
                "messages": [{"role": "user", "content": name * 600_000}],
            },
        )
        for name in names
    ]


def ends(world: World, made: Any) -> dict[str, dict[str, Any]]:
    _, content = world.desk.results("search", made.id)
    rows = map(json.loads, b"".join(content).splitlines())
    return {row["custom_id"]: row["result"] for row in rows}


def test_a_large_message_batch_is_planned_later_and_refused_in_its_results() -> None:
    world = World(cap="0.000001")
    made = world.create_inline(*long_requests("a", "b"))
    assert (made.status, made.is_awaited, made.held) == ("validating", False, None)
    world.pass_time(120)
    done = world.batch(made)
    assert (done.is_at_rest, done.counts.errored, world.held()) == (True, 2, 0)
    found = ends(world, made)
    assert {name: each["error"]["error"]["type"] for name, each in found.items()} == {
        "a": "billing_error",
        "b": "billing_error",
    }


def test_a_large_message_batch_that_is_cancelled_before_its_plan_has_results() -> None:
    world = World()
    made = world.create_inline(*long_requests("a", "b"))
    world.desk.cancel("search", "anthropic", made.id)
    world.pass_time(120)
    assert world.batch(made).counts.canceled == 2
    assert {name: each["type"] for name, each in ends(world, made).items()} == {
        "a": "canceled",
        "b": "canceled",
    }


def test_halving_ends_where_a_batch_has_as_many_parts_as_its_item_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from shared.domain.jobs.provider_errors import BatchRefused
    from shared.usecases.batches import running

    monkeypatch.setattr(running, "_MOST_PARTS", 5)
    world = World()

    def refuse(*_: object) -> str:
        raise BatchRefused("no")

    world.providers["openai"].create = refuse  # type: ignore[method-assign, assignment]
    made = world.create(*(line(f"l{n}") for n in range(16)))
    world.pass_time(3_000)
    done = world.batch(made)
    assert done.is_at_rest
    assert len(done.parts) == 5
    assert (world.held(), world.spent()) == (0, 0)


def test_lines_that_begin_alike_stand_side_by_side_in_the_order_of_their_file() -> None:
    world = World()
    starts = ["You are A.", "You are B.", "You are A.", "", "You are B."]
    lines = []
    for number, start in enumerate(starts):
        system = [{"role": "system", "content": start}] if start else []
        body = chat(f"q{number}")
        lines.append(line(f"l{number}", {**body, "messages": [*system, *body["messages"]]}))
    made = world.create(*lines)
    world.pass_time(1_200)
    asked = [body["messages"][-1]["content"] for body in world.sent()]
    assert asked == ["q0", "q2", "q1", "q4", "q3"]
    assert world.batch(made).counts.succeeded == 5


SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "s",
        "schema": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}},
    },
}


def test_answers_of_lines_are_judged_by_the_schema_that_was_asked_for() -> None:
    world = World()
    config = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "array"}}}}
    made = world.create(
        line("met", chat('{"a": 1}', response_format=SCHEMA)),
        line("broken", chat('{"a": "x"}', response_format=SCHEMA)),
        line("other", chat('{"a": 2}', response_format=SCHEMA, model=HAIKU)),
        line("free", chat("no JSON")),
    )
    params = {"model": HAIKU, "max_tokens": 9, "messages": [{"role": "user", "content": "{}"}]}
    world.create_inline(("array", {**params, **config}))
    world.pass_time(1_200)
    assert world.batch(made).counts.succeeded == 4
    verdicts = Counter(row.schema for row in world.ledger.rows.values())
    assert verdicts == {"met": 2, "broken": 2, None: 1}


def test_schemas_beyond_what_memory_has_room_for_are_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.usecases.batches.sorted_lines.MOST_SCHEMA_BYTES", 0)
    world = World()
    made = world.create(line("broken", chat("no JSON", response_format=SCHEMA)))
    world.pass_time(1_200)
    assert world.batch(made).counts.succeeded == 1
    assert [row.schema for row in world.ledger.rows.values()] == [None]
