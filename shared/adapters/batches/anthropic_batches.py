"""Anthropic's message batches, through its SDK.

A batch carries nothing of ours but the names of its lines, which can be read only once it has
ended. Until then it is found again by when it was created and how many lines it has: the lane sees
to it that no other is looked for meanwhile, and the workspace must be this environment's own.
Sources: platform.claude.com/docs/en/build-with-claude/batch-processing and anthropic 2.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import httpx2
import msgspec
from anthropic import Anthropic, AnthropicError, APIStatusError, Omit, omit

from shared.adapters.batches.account import Account, id_of
from shared.adapters.batches.anthropic_shapes import Batch, InnerError, Page, Result
from shared.adapters.batches.failures import Failures, NotUnderstood
from shared.adapters.batches.json_lines import lines_of, one_line, read_json, written
from shared.domain.jobs.ids import line_number
from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch

PATH: Final = "/v1/messages/batches"
SKEW_SECONDS: Final = 60
"""By how much Anthropic's clock may run behind ours. A batch of ours is never looked for among
those that are older, so this stays well below the time between two creates of the same size."""
PAGE_SIZE: Final = 100
CHUNK: Final = 65_536
STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""By the type of a line's error, which comes without a status (platform.claude.com, errors)."""
_FAILURES: Final = Failures(AnthropicError, APIStatusError)


class AnthropicBatches:
    """Implements :class:`shared.ports.jobs.BatchProvider`."""

    keeps_ids = False

    def __init__(self, account: Account, http: httpx2.Client) -> None:
        self._account = account
        self._http = http

    def upload(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str | None:
        """Do nothing: the lines go with the create."""
        return None

    def create(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Create a batch of the lines; see the port.

        The body goes out from a file: as objects, 50,000 lines would not fit the function.
        """
        client = self._client()
        with _FAILURES.told("anthropic batches.create"), written(_body(lines())) as file:
            answer = client.post(PATH, cast_to=httpx2.Response, content=file)
            return read_json(answer.content, Batch).id

    def find(self, batch: ProviderBatch) -> list[str]:
        """Find batches that can only be this one; see the port."""
        since = (batch.submitting_since or batch.created_at) - SKEW_SECONDS
        with _FAILURES.told("anthropic batches.list"):
            found = [each.id for each in self._newer_than(since) if self._may_be(each, batch)]
        return found[::-1]

    def progress(self, batch: ProviderBatch) -> BatchProgress:
        """Say how far Anthropic is; see the port."""
        with _FAILURES.told("anthropic batches.retrieve"):
            seen = self._retrieve(id_of(batch))
        counts = seen.request_counts
        return BatchProgress(
            seen.processing_status == "ended", answered=counts.ended, total=counts.total
        )

    def cancel(self, batch: ProviderBatch, provider_batch: str | None = None) -> None:
        """Ask Anthropic to stop; it refuses that of a batch that has ended, which is as good."""
        wanted = provider_batch or id_of(batch)
        try:
            self._client().messages.batches.with_raw_response.cancel(wanted)
        except (AnthropicError, httpx2.HTTPError) as error:
            if _FAILURES.status_of(error) not in {400, 409} or not self._has_ended(wanted):
                raise _FAILURES.judged("anthropic batches.cancel", error) from error

    def results(self, batch: ProviderBatch) -> Iterator[LineResult]:
        """Yield the results; see the port. As many as the batch counts must arrive."""
        with _FAILURES.told("anthropic batches.results"):
            expected = self._retrieve(id_of(batch)).request_counts.ended
            got = 0
            for result in self._results(id_of(batch)):
                got += 1
                yield _line_result(result)
            if got != expected:
                raise NotUnderstood(f"{got} of {expected} results arrived")

    def discard(self, batch: ProviderBatch) -> None:
        """Delete the batch and its results with it; see the port."""
        if batch.provider_batch is None:
            return
        try:
            self._client().messages.batches.with_raw_response.delete(batch.provider_batch)
        except (AnthropicError, httpx2.HTTPError) as error:
            if _FAILURES.status_of(error) != 404:
                raise _FAILURES.judged("anthropic batches.delete", error) from error

    def _client(self) -> Anthropic:
        return Anthropic(
            api_key=self._account.key(),
            base_url=self._account.address.removesuffix("/v1"),
            http_client=self._http,
            max_retries=0,
            timeout=self._http.timeout,
        )

    def _retrieve(self, provider_batch: str) -> Batch:
        answer = self._client().messages.batches.with_raw_response.retrieve(provider_batch)
        return read_json(answer.http_response.content, Batch)

    def _has_ended(self, provider_batch: str) -> bool:
        with _FAILURES.told("anthropic batches.retrieve"):
            return self._retrieve(provider_batch).processing_status == "ended"

    def _results(self, provider_batch: str) -> Iterator[Result]:
        batches = self._client().messages.batches
        with batches.with_streaming_response.results(provider_batch) as answer:
            for line in lines_of(answer.iter_bytes(CHUNK)):
                yield read_json(line, Result)

    def _newer_than(self, since: float) -> Iterator[Batch]:
        """Yield the workspace's batches, newest first."""
        list_page = self._client().messages.batches.with_raw_response.list
        after: str | Omit = omit
        while True:
            answer = list_page(limit=PAGE_SIZE, after_id=after)
            page = read_json(answer.http_response.content, Page)
            yield from (each for each in page.data if each.created_at.timestamp() >= since)
            oldest = page.data[-1] if page.data else None
            if not page.has_more or oldest is None or oldest.created_at.timestamp() < since:
                return
            after = oldest.id

    def _may_be(self, seen: Batch, batch: ProviderBatch) -> bool:
        if seen.request_counts.total != batch.lines:
            return False
        if seen.processing_status != "ended" or seen.results_url is None:
            return True
        first = next(self._results(seen.id), None)
        return first is not None and line_number(first.custom_id, batch.id) is not None


def _body(lines: Iterator[AskedLine]) -> Iterator[bytes]:
    separator = b'{"requests":['
    for line in lines:
        named = msgspec.json.encode(line.custom_id)
        yield separator + b'{"custom_id":' + named + b',"params":' + one_line(line.body) + b"}"
        separator = b",\n"
    yield b"]}"


def _line_result(result: Result) -> LineResult:
    outcome = result.result
    if outcome.type == "succeeded":
        body = bytes(outcome.message)
        if not body:
            raise NotUnderstood("a result without its message")
        return LineResult(result.custom_id, "succeeded", body)
    if outcome.type == "errored":
        said = outcome.error.error if outcome.error else InnerError()
        status = STATUSES.get(said.type, 0)
        return LineResult(result.custom_id, "errored", b"", status, said.message)
    return LineResult(result.custom_id, outcome.type)
