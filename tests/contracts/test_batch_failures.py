"""What the batch adapters make of a provider that fails, lies or falls silent."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from shared.adapters.batches import anthropic_batches, openai_batches
from shared.adapters.batches.account import Account, ForeignAddress, account, batch_client
from shared.adapters.batches.anthropic_batches import AnthropicBatches
from shared.adapters.batches.by_provider import BatchProviders
from shared.adapters.batches.openai_batches import OpenAIBatches
from shared.catalog.providers import load_providers
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.provider_errors import BatchAnswerLost, BatchNotTaken, BatchRefused
from tests.contracts.batch_grounds import Ground, Keys, SimulatorGround, Submission
from tests.unit.simulator.conftest import KEY, Simulator

HOUR = 3_600


@pytest.fixture(params=["openai", "anthropic"])
def ground(request: Any, simulator: Simulator) -> Iterator[SimulatorGround]:
    made = SimulatorGround(request.param, simulator, batch_client)
    with made.http:
        yield made


def ended(ground: Ground, lines: int = 4) -> Submission:
    sent = Submission(ground, [f"line {number}" for number in range(lines)]).submit()
    ground.pass_seconds(HOUR)
    return sent


def download(ground: SimulatorGround) -> str:
    return "files.content" if ground.name == "openai" else "batches.results"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, BatchRefused),
        (401, BatchNotTaken),
        (403, BatchNotTaken),
        (409, BatchAnswerLost),
        (413, BatchRefused),
        (422, BatchRefused),
        (429, BatchNotTaken),
        (500, BatchAnswerLost),
        (502, BatchAnswerLost),
        (503, BatchAnswerLost),
        (529, BatchAnswerLost),
    ],
)
def test_a_status_says_what_may_have_come_to_be(
    ground: SimulatorGround, status: int, expected: type[Exception]
) -> None:
    sent = Submission(ground, ["one"])
    sent.upload()
    ground.strike("status", "batches.create", status=status)
    with pytest.raises(expected) as failed:
        sent.create()
    assert f"{ground.name} batches.create: {status}" in str(failed.value)
    assert KEY not in str(failed.value)
    sent.create()
    assert ground.created() == 1


def test_a_429_hands_on_how_long_to_wait(ground: SimulatorGround) -> None:
    sent = Submission(ground, ["one"])
    sent.upload()
    ground.strike("status", "batches.create", status=429, retry_after=17)
    with pytest.raises(BatchNotTaken) as failed:
        sent.create()
    assert failed.value.retry_after_seconds == 17


def test_a_503_behind_an_accepted_create_is_doubt_and_adopted(ground: SimulatorGround) -> None:
    sent = Submission(ground, ["one"])
    sent.upload()
    ground.strike("lost_answer", "batches.create", status=503)
    with pytest.raises(BatchAnswerLost):
        sent.create()
    assert len(ground.provider.find(sent.batch)) == 1


@pytest.mark.parametrize("kind", ["disconnect", "malformed", "truncate"])
def test_a_create_with_half_an_answer_is_adopted(ground: SimulatorGround, kind: str) -> None:
    sent = Submission(ground, ["one"])
    sent.upload()
    ground.strike(kind, "batches.create")
    with pytest.raises(BatchAnswerLost):
        sent.create()
    assert len(ground.provider.find(sent.batch)) == ground.created() == 1


def test_a_create_that_is_answered_too_late_is_adopted(ground: SimulatorGround) -> None:
    sent = Submission(ground, ["one"])
    sent.upload()
    ground.http.timeout = httpx2.Timeout(5, read=0.3)
    ground.strike("slow_first_byte", "batches.create", seconds=2)
    with pytest.raises(BatchAnswerLost):
        sent.create()
    assert len(ground.provider.find(sent.batch)) == ground.created() == 1


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
def test_results_that_break_off_are_read_again(
    ground: SimulatorGround, kind: str, place: int
) -> None:
    sent = ended(ground)
    ground.strike(kind, download(ground), after_chunks=place)
    with pytest.raises(BatchAnswerLost):
        sent.results()
    assert set(sent.results()) == {0, 1, 2, 3}


def test_a_status_of_any_question_is_told(ground: SimulatorGround) -> None:
    sent = ended(ground)
    asked: dict[str, Callable[[], object]] = {
        "batches.list": lambda: ground.provider.find(sent.batch),
        "batches.retrieve": lambda: ground.provider.progress(sent.batch),
        download(ground): sent.results,
        "files.delete" if ground.name == "openai" else "batches.delete": lambda: (
            ground.provider.discard(sent.batch)
        ),
    }
    for operation, ask in asked.items():
        ground.strike("status", operation, status=500)
        with pytest.raises(BatchAnswerLost):
            ask()
        ask()


def test_more_batches_than_a_page_holds_are_looked_through(
    ground: SimulatorGround, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (openai_batches, anthropic_batches):
        monkeypatch.setattr(module, "PAGE_SIZE", 2)
    sent = Submission(ground, ["one"]).submit()
    for _ in range(5):
        Submission(ground, ["of another", "size"]).submit()
    assert ground.provider.find(sent.batch) == [sent.batch.provider_batch]


def test_an_ended_batch_with_other_lines_is_not_anthropics_lost_one(simulator: Simulator) -> None:
    ground = SimulatorGround("anthropic", simulator, batch_client)
    with ground.http:
        simulator.fault(kind="batch_partial", match={}, share=0)
        other = Submission(ground, ["one"]).submit()
        ground.provider.cancel(other.batch)
        ground.pass_seconds(30)
        sent = Submission(ground, ["one"])
        assert ground.provider.progress(other.batch).is_over
        assert ground.provider.find(sent.batch) == []


def test_a_batch_that_openai_fails_says_why_and_quotes_nothing(simulator: Simulator) -> None:
    ground = SimulatorGround("openai", simulator, batch_client)
    with ground.http:
        sent = Submission(ground, ["secret"])
        sent.batch = sent.batch.changed(model="nobody")
        sent.submit()
        ground.pass_seconds(HOUR)
        progress = ground.provider.progress(sent.batch)
        assert progress.is_over
        assert progress.failed_because == "openai failed the batch: model_not_found in line 1"
        assert sent.results() == {}


def adapters(transport: httpx2.BaseTransport) -> tuple[OpenAIBatches, AnthropicBatches]:
    """Return the adapters as on AWS, over a transport that goes nowhere."""
    rows = load_providers()
    openai, anthropic = (account(rows[name], Keys()) for name in ("openai", "anthropic"))
    hooks = batch_client(openai, anthropic).event_hooks
    http = httpx2.Client(transport=transport, event_hooks=hooks)
    return OpenAIBatches(openai, http), AnthropicBatches(anthropic, http)


def batch(ground_name: str = "openai") -> Any:
    class Nowhere:
        name = ground_name

        def now(self) -> float:
            return 1_800_000_000.0

    sent = Submission(Nowhere(), ["one"])  # type: ignore[arg-type]
    sent.batch = sent.batch.changed(input_file="file-1", provider_batch="known")
    return sent


def test_a_results_url_elsewhere_is_never_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        counts = {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0}
        return httpx2.Response(
            200,
            json={
                "id": "known",
                "type": "message_batch",
                "processing_status": "ended",
                "request_counts": counts,
                "created_at": "2026-11-22T00:00:00Z",
                "expires_at": "2026-11-23T00:00:00Z",
                "results_url": "https://elsewhere.example/results",
            },
        )

    _, anthropic = adapters(httpx2.MockTransport(answer))
    with pytest.raises(BatchRefused, match=r"elsewhere\.example"):
        list(anthropic.results(batch().batch))
    assert set(asked) == {"api.anthropic.com"}


@pytest.mark.parametrize("place", [0, 1])
def test_a_redirect_is_not_followed_and_is_doubt(place: int) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(307, headers={"location": "https://api.openai.com/v1/elsewhere"})

    provider = adapters(httpx2.MockTransport(answer))[place]
    sent = batch()
    with pytest.raises(BatchAnswerLost):
        provider.create(sent.batch, sent.lines)
    assert len(asked) == 1


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx2.ConnectError("refused"), BatchNotTaken),
        (httpx2.ConnectTimeout("slow"), BatchNotTaken),
        (httpx2.PoolTimeout("full"), BatchNotTaken),
        (httpx2.ReadTimeout("silent"), BatchAnswerLost),
        (httpx2.WriteTimeout("stuck"), BatchAnswerLost),
        (httpx2.RemoteProtocolError("cut"), BatchAnswerLost),
        (httpx2.ReadError("reset"), BatchAnswerLost),
    ],
)
def test_a_connection_that_never_stood_proves_that_nothing_was_sent(
    place: int, error: Exception, expected: type[Exception]
) -> None:
    tries = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal tries
        tries += 1
        raise error

    provider = adapters(httpx2.MockTransport(answer))[place]
    sent = batch()
    with pytest.raises(expected):
        provider.create(sent.batch, sent.lines)
    assert tries == 1


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("body", [b"", b"[]", b'{"id": 7}', b'{"id": "x"', b"\xff"])
def test_an_answer_that_is_no_batch_is_doubt(place: int, body: bytes) -> None:
    provider = adapters(httpx2.MockTransport(lambda _: httpx2.Response(200, content=body)))[place]
    sent = batch()
    with pytest.raises(BatchAnswerLost):
        provider.create(sent.batch, sent.lines)


def test_without_a_key_nothing_is_sent() -> None:
    class NoKeys:
        def key_of(self, provider: str) -> str:
            raise StoreUnavailable("API key")

    def fail(request: httpx2.Request) -> httpx2.Response:
        raise AssertionError("sent")

    row = load_providers()["openai"]
    http = httpx2.Client(transport=httpx2.MockTransport(fail))
    provider = OpenAIBatches(Account(row, NoKeys(), row.base_url), http)
    with pytest.raises(BatchNotTaken, match="key of openai"):
        provider.progress(batch().batch)


def test_the_catalogs_batch_providers_are_those_that_are_spoken_to() -> None:
    rows = load_providers().values()
    made = BatchProviders({row.name: account(row, Keys()) for row in rows if row.batch is not None})
    assert {name: type(each) for name, each in made.items()} == {
        "openai": OpenAIBatches,
        "anthropic": AnthropicBatches,
    }


def test_only_a_loopback_address_may_stand_in() -> None:
    with pytest.raises(ValueError, match="loopback"):
        account(load_providers()["openai"], Keys(), stand_in="https://elsewhere.example")


def test_the_client_goes_to_its_accounts_hosts_only() -> None:
    client = batch_client(account(load_providers()["openai"], Keys()))
    for url in ("https://elsewhere.example/v1", "http://api.openai.com/v1"):
        with pytest.raises(ForeignAddress):
            client.get(url)


class Long(httpx2.SyncByteStream):
    """Results that are far longer than what may be held of them."""

    def __init__(self, line: bytes, number: int) -> None:
        self.line, self.number = line, number

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.number):
            yield self.line


def test_long_results_and_inputs_pass_through_little_memory() -> None:
    line = (
        b'{"custom_id":"c","response":{"status_code":200,"request_id":"r","body":{"x":"'
        + b"a" * 4_000
        + b'"}},"error":null}\n'
    )
    number = 5_000
    sent_bytes = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal sent_bytes
        if request.method == "POST":
            assert isinstance(request.stream, httpx2.SyncByteStream)
            sent_bytes = sum(map(len, request.stream))
            return httpx2.Response(200, json={"id": "file-1", "bytes": 1})
        if request.url.path.endswith("/content"):
            return httpx2.Response(200, stream=Long(line, number))
        if "/files/" in request.url.path:
            return httpx2.Response(200, json={"id": "file-2", "bytes": len(line) * number})
        shown = {
            "id": "known",
            "status": "completed",
            "created_at": 1,
            "input_file_id": "file-1",
            "output_file_id": "file-2",
        }
        return httpx2.Response(200, json=shown)

    openai, _ = adapters(Streaming(answer))
    sent = batch()
    sent.texts = ["b" * 4_000] * number
    openai.progress(sent.batch)  # what the SDK builds once is no matter of the lines
    tracemalloc.start()
    try:
        openai.upload(sent.batch, sent.lines)
        got = sum(1 for _ in openai.results(sent.batch))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (got, sent_bytes > 20_000_000) == (number, True)
    assert peak < 4_000_000


class Streaming(httpx2.BaseTransport):
    """As the mock transport, but it reads no body before it is asked for."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response: httpx2.Response = self._answer(request)
        return response


def test_a_batch_that_fails_for_a_limit_of_the_account_says_nothing_of_its_lines(
    simulator: Simulator,
) -> None:
    ground = SimulatorGround("openai", simulator, batch_client)
    with ground.http:
        ground.strike("batch_invalid", None, code="token_limit_exceeded")
        limited = Submission(ground, ["one"]).submit()
        ground.strike("batch_invalid", None)
        invalid = Submission(ground, ["one"]).submit()
        ground.pass_seconds(HOUR)
        seen = [ground.provider.progress(each.batch) for each in (limited, invalid)]
        assert [each.is_for_now for each in seen] == [True, False]
        assert "token_limit_exceeded" in str(seen[0].failed_because)
        assert ground.provider.find(limited.batch) == []
