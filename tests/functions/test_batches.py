"""The doors of batches by the stock SDKs: the app on fakes, and what runs batches beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from starlette.applications import Starlette

from functions.router.app import create_app
from shared.domain.api_keys import compose_key, key_digest
from shared.domain.budgets.seeds import Seed, Seeds
from shared.domain.entries import KeyRow
from shared.domain.jobs.lines import LineResult
from shared.settings import RouterSettings
from shared.wiring.batches import BatchStores
from shared.wiring.router import build_router
from tests.deferral import BATCH_COST
from tests.functions.conftest import run
from tests.unit.batches.world import HAIKU, World, chat, line, usual

OpenAiWork = Callable[[openai.AsyncOpenAI], Awaitable[Any]]
ClaudeWork = Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]
UNKNOWN = "0" * 32
PARAMS = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}]}


class Doors:
    """The router's app on a world's stores, with a key for each team."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = {team: self._key(team, n) for n, team in enumerate(("search", "other"))}
        settings = RouterSettings(
            environment="dev",
            cache_table="cache",
            ledger_table="ledger",
            jobs_table="jobs",
            batches_bucket="batches",
            jobs_queue="http://127.0.0.1/jobs",
            providers=("openai", "anthropic", "deepseek"),
            provider_secrets={},
            policy_version="policy",
            baseline_model="gpt-6-astra",
            budgets=Seeds(team=Seed(day_usd=world.cap)),
        )
        self.app: Starlette = create_app(
            build_router(
                settings,
                clock=world.clock,
                stores=(world.store, world.ledger),
                upstream=world.upstream,
                meter=world.meter,
                batch_stores=BatchStores(world.rows, world.blobs, world.callers, world.queue),
            )
        )

    def openai(self, work: OpenAiWork, team: str = "search") -> Any:
        return run(self._with(openai.AsyncOpenAI, "http://gateway/v1", work, team))

    def claude(self, work: ClaudeWork, team: str = "search") -> Any:
        return run(self._with(anthropic.AsyncAnthropic, "http://gateway", work, team))

    def upload(self, *lines: Any) -> Any:
        texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
        file = ("a.jsonl", "\n".join(texts).encode())
        return self.openai(lambda c: c.files.create(file=file, purpose="batch"))

    def create(self, *lines: Any, **more: Any) -> Any:
        file = self.upload(*lines)
        return self.openai(
            lambda c: c.batches.create(
                input_file_id=file.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                **more,
            )
        )

    def batch(self, batch_id: str) -> Any:
        return self.openai(lambda c: c.batches.retrieve(batch_id))

    def rows(self, file_id: str) -> dict[str, Any]:
        async def read(client: openai.AsyncOpenAI) -> bytes:
            return (await client.files.content(file_id)).content

        return {row["custom_id"]: row for row in map(json.loads, self.openai(read).splitlines())}

    def results(self, batch_id: str) -> dict[str, Any]:
        async def read(client: anthropic.AsyncAnthropic) -> dict[str, Any]:
            found = await client.messages.batches.results(batch_id)
            return {each.custom_id: each.result async for each in found}

        found: dict[str, Any] = self.claude(read)
        return found

    async def _with(self, kind: Any, url: str, work: Any, team: str) -> Any:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport))
            client = kind(
                base_url=url,
                api_key=self.keys[team],
                http_client=http,
                max_retries=0,
                _strict_response_validation=True,
            )
            return await work(await stack.enter_async_context(client))

    def _key(self, team: str, number: int) -> str:
        key = compose_key("dev", team, bytes([number + 1]) * 24)
        self.world.store.create(KeyRow(f"{team}.9", "dev", team, key_digest(key), "t", 1))
        return key


@pytest.fixture
def doors() -> Doors:
    return Doors(World())


def refused(work: Callable[[], Any]) -> Any:
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as error:
        work()
    return error.value


def test_two_thousand_mixed_lines_end_with_the_right_outputs_errors_and_bill() -> None:
    def answering(body: dict[str, Any]) -> LineResult:
        said = body["messages"][-1]["content"]
        text = said if isinstance(said, str) else said[-1]["text"]
        return LineResult("", "expired") if text.endswith("late") else usual(body)

    doors = Doors(World(answering=answering))
    models = ["gpt-6-luna", HAIKU, "gpt-6.1-terra", "auto"]
    kinds = Counter[str]()
    lines = []
    for n in range(2_000):
        kind = "bad" if n % 50 == 7 else "late" if n % 40 == 3 else "good"
        kinds[kind] += 1
        body = chat(f"Say {n}, {kind}", model=models[n % 4])
        lines.append(line(f"{kind}-{n}", body | ({"colour": 1} if kind == "bad" else {})))
    made = doors.create(*lines, metadata={"run": "nightly"})
    doors.world.pass_time(2_400)
    done = doors.batch(made.id)
    assert (done.status, done.metadata) == ("expired", {"run": "nightly"})
    counts = done.request_counts
    assert (counts.total, counts.completed) == (2_000, kinds["good"])
    outputs, errors = doors.rows(done.output_file_id), doors.rows(done.error_file_id)
    assert len(outputs) == kinds["good"]
    assert all(name.startswith("good") for name in outputs)
    said = outputs["good-0"]["response"]["body"]["choices"][0]["message"]["content"]
    assert said == "Say 0, good"
    codes = Counter((row["error"] or {"code": "400"})["code"] for row in errors.values())
    assert codes == {"batch_expired": kinds["late"], "400": kinds["bad"]}
    usage = [row for row in doors.world.ledger.rows.values() if row.cost_nano]
    assert len(usage) == kinds["good"]
    billed = sum(row.cost_nano for row in usage)
    assert doors.world.spent() == billed
    assert doors.world.held() == 0
    assert done.sluice["cost_usd"] == f"{billed / 10**9:.9f}".rstrip("0")
    assert sum(row.levers.batch for row in usage) == billed


def test_the_same_batch_in_anthropics_words(doors: Doors) -> None:
    requests: Any = [
        {"custom_id": f"r{n}", "params": {**PARAMS, "model": model}}
        for n, model in enumerate((HAIKU, "gpt-6-luna", "auto", "gpt-2"))
    ]
    made = doors.claude(lambda c: c.messages.batches.create(requests=requests))
    assert (made.processing_status, made.results_url) == ("in_progress", None)
    assert made.request_counts.processing == 4
    assert "not ended" in refused(lambda: doors.claude(lambda c: _raw(c, made.id))).message
    doors.world.pass_time(1_200)
    done = doors.claude(lambda c: c.messages.batches.retrieve(made.id))
    assert done.processing_status == "ended"
    assert (done.request_counts.succeeded, done.request_counts.errored) == (3, 1)
    found = doors.results(made.id)
    assert {found[f"r{n}"].message.content[0].text for n in range(3)} == {"Hi."}
    assert found["r3"].error.error.type == "invalid_request_error"
    gone = doors.claude(lambda c: c.messages.batches.delete(made.id))
    assert (gone.id, gone.type) == (made.id, "message_batch_deleted")
    assert refused(lambda: doors.results(made.id)).status_code == 404


async def _raw(client: anthropic.AsyncAnthropic, batch_id: str) -> Any:
    return await client.get(f"/v1/messages/batches/{batch_id}/results", cast_to=object)


def test_messages_lines_go_by_file_as_well(doors: Doors) -> None:
    asked = {"custom_id": "a", "method": "POST", "url": "/v1/messages"}
    file = doors.upload({**asked, "body": {**PARAMS, "model": "gpt-6-luna"}})
    made = doors.openai(
        lambda c: c.batches.create(
            input_file_id=file.id,
            endpoint="/v1/messages",  # type: ignore[arg-type]
            completion_window="24h",
        )
    )
    doors.world.pass_time(1_200)
    [row] = doors.rows(doors.batch(made.id).output_file_id).values()
    assert row["response"]["body"]["content"][0]["text"] == "Hi."


def test_a_file_with_bad_envelopes_fails_with_its_lines(doors: Doors) -> None:
    made = doors.create(line("a"), "{", line("a"))
    assert made.status == "failed"
    assert made.failed_at is not None
    told = [(each.line, each.code) for each in made.errors.data]
    assert told == [(2, "invalid_json_line"), (3, "duplicate_custom_id")]


def test_a_batch_without_room_is_a_402_that_counts_lines() -> None:
    doors = Doors(World(cap="0.001"))
    error = refused(lambda: doors.create(*(line(f"l{n}") for n in range(20))))
    assert (error.status_code, error.code) == (402, "budget_exceeded")
    facts = error.body["sluice"]
    assert facts["lines"] == 20
    assert 0 < facts["lines_that_fit"] < 20
    requests: Any = [
        {"custom_id": "a", "params": {**PARAMS, "max_tokens": 100_000, "model": HAIKU}}
    ]
    error = refused(lambda: doors.claude(lambda c: c.messages.batches.create(requests=requests)))
    assert error.status_code == 402
    assert doors.openai(lambda c: c.batches.list()).data == []


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input_file_id": "file-" + UNKNOWN}, "input_file_id"),
        ({"input_file_id": "x"}, "input_file_id"),
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "48h"}, "completion_window"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata[...]"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}},
         "output_expires_after.seconds"),
        ({"extra_body": {"colour": 1}}, "colour"),
    ],
)  # fmt: skip
def test_bad_input_names_its_field(doors: Doors, more: dict[str, Any], param: str) -> None:
    usual = {
        "input_file_id": doors.upload(line("a")).id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    error = refused(lambda: doors.openai(lambda c: c.batches.create(**{**usual, **more})))
    assert (error.status_code, error.body["param"]) == (400, param)


@pytest.mark.parametrize(
    ("requests", "param"),
    [
        ([], "requests"),
        ([{"custom_id": "a b", "params": {}}], "requests.0.custom_id"),
        ([{"custom_id": "a", "params": {}}] * 2, "requests.1.custom_id"),
        ([{"custom_id": "a"}], "requests[0].params"),
        ([{"custom_id": "a", "params": {}, "colour": 1}], "requests[0].colour"),
    ],
)
def test_a_bad_anthropic_batch_names_its_field(
    doors: Doors, requests: list[Any], param: str
) -> None:
    error = refused(lambda: doors.claude(lambda c: c.messages.batches.create(requests=requests)))
    assert error.status_code == 400
    assert error.body["error"]["message"].startswith(param + ":")


def test_batches_are_listed_page_by_page(doors: Doors) -> None:
    ids, messages = [], []
    for n in range(5):
        ids.append(doors.create(line("a", chat(str(n)))).id)
        requests: Any = [{"custom_id": "a", "params": {**PARAMS, "model": HAIKU}}]
        made = doors.claude(lambda c: c.messages.batches.create(requests=requests))  # noqa: B023
        messages.append(made.id)
        doors.world.now += 1

    async def every(client: openai.AsyncOpenAI) -> list[str]:
        return [each.id async for each in client.batches.list(limit=2)]

    async def every_message(client: anthropic.AsyncAnthropic, **asked: Any) -> list[str]:
        return [each.id async for each in client.messages.batches.list(limit=2, **asked)]

    assert doors.openai(every) == ids[::-1]
    assert doors.claude(every_message) == messages[::-1]
    page = doors.claude(lambda c: c.messages.batches.list(limit=2, before_id=messages[1]))
    assert [each.id for each in page.data] == [messages[3], messages[2]]
    for work in (
        lambda: doors.openai(lambda c: c.batches.list(limit=101)),
        lambda: doors.openai(lambda c: c.batches.list(after="x")),
        lambda: doors.claude(lambda c: c.messages.batches.list(after_id="a", before_id="b")),
    ):
        assert refused(work).status_code == 400


def test_a_batch_is_cancelled_by_either_sdk(doors: Doors) -> None:
    made = doors.create(line("a"), line("b"))
    assert doors.openai(lambda c: c.batches.cancel(made.id)).status == "cancelling"
    requests: Any = [{"custom_id": "a", "params": {**PARAMS, "model": HAIKU}}]
    message = doors.claude(lambda c: c.messages.batches.create(requests=requests))
    canceled = doors.claude(lambda c: c.messages.batches.cancel(message.id))
    assert canceled.processing_status == "canceling"
    doors.world.pass_time(600)
    done = doors.batch(made.id)
    assert (done.status, done.request_counts.failed) == ("cancelled", 2)
    assert doors.results(message.id)["a"].type == "canceled"
    assert (doors.world.held(), doors.world.spent()) == (0, 0)
    assert refused(lambda: doors.openai(lambda c: c.batches.cancel(made.id))).status_code == 400


def test_a_retry_with_its_key_makes_no_second_batch(doors: Doors) -> None:
    file = doors.upload(line("a"))
    other = doors.upload(line("b"))

    def ask(file_id: str, key: str) -> Any:
        return doors.openai(
            lambda c: c.batches.create(
                input_file_id=file_id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                extra_headers={"idempotency-key": key},
            )
        )

    first = ask(file.id, "k")
    assert ask(file.id, "k").id == first.id
    assert ask(file.id, "k2").id != first.id
    assert refused(lambda: ask(other.id, "k")).status_code == 422
    assert len(doors.openai(lambda c: c.batches.list()).data) == 2


def test_another_teams_batches_are_as_if_they_were_not(doors: Doors) -> None:
    made = doors.create(line("a"))
    requests: Any = [{"custom_id": "a", "params": {**PARAMS, "model": HAIKU}}]
    message = doors.claude(lambda c: c.messages.batches.create(requests=requests))
    doors.world.pass_time(1_200)
    output = doors.batch(made.id).output_file_id
    works: list[Callable[[str], Any]] = [
        lambda name: doors.openai(lambda c: c.batches.retrieve(name), "other"),
        lambda name: doors.openai(lambda c: c.batches.cancel(name), "other"),
    ]
    claudes: list[Callable[[str], Any]] = [
        lambda name: doors.claude(lambda c: c.messages.batches.retrieve(name), "other"),
        lambda name: doors.claude(lambda c: c.messages.batches.cancel(name), "other"),
        lambda name: doors.claude(lambda c: c.messages.batches.delete(name), "other"),
        lambda name: doors.claude(lambda c: _raw(c, name), "other"),
    ]
    for asks, theirs, nobodys in (
        (works, made.id, "batch_" + UNKNOWN),
        (claudes, message.id, "msgbatch_" + UNKNOWN),
    ):
        for ask in asks:
            errors = [refused(lambda: ask(name)) for name in (theirs, nobodys)]  # noqa: B023
            said = {(e.status_code, e.message.split(" '")[0].split('"batch')[0]) for e in errors}
            assert {each[0] for each in said} == {404}
    assert (
        refused(lambda: doors.openai(lambda c: c.files.content(output), "other")).status_code == 404
    )
    assert doors.openai(lambda c: c.batches.list(), "other").data == []
    assert doors.claude(lambda c: c.messages.batches.list(), "other").data == []
    assert doors.openai(lambda c: c.files.list(), "other").data == []


def test_the_lever_of_batches_stands_in_the_usage(doors: Doors) -> None:
    doors.create(*(line(f"l{n}") for n in range(10)))
    doors.world.pass_time(1_200)
    usage = doors.openai(lambda c: c.get("/usage?group_by=model", cast_to=object))
    [row] = usage["data"]
    assert row["requests"] == 10
    assert row["levers"]["batch"] == f"{10 * BATCH_COST / 10**9:.9f}".rstrip("0")
