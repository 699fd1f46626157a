"""OpenAI's files and batches, through its SDK.

A batch is found again by our id in its ``metadata``. Results come in two files, what went well
and what did not; both are known to be whole by the length that their file objects state. Sources:
developers.openai.com/api/docs/guides/batch and the types of openai 3.51.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import httpx2
import msgspec
from openai import APIStatusError, Omit, OpenAI, OpenAIError, omit

from shared.adapters.batches.account import Account, id_of
from shared.adapters.batches.failures import Failures, NotUnderstood
from shared.adapters.batches.json_lines import lines_of, one_line, read_json, written
from shared.adapters.batches.openai_shapes import (
    Batch,
    Counts,
    File,
    LineError,
    Page,
    Refusal,
    Result,
)
from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch

OUR_ID: Final = "sluice_batch"
ENDPOINT: Final = "/v1/chat/completions"
KEPT_SECONDS: Final = 7 * 86_400
"""How long prompts lie at OpenAI if nobody discards them: a batch lasts a day."""
RESULTS_KEPT_SECONDS: Final = 30 * 86_400
"""How long answers do, OpenAI's longest: those that we cannot read are waited for (see
:mod:`shared.domain.jobs.setting_aside`); all others are discarded as soon as they are read."""
SKEW_SECONDS: Final = 300
"""By how much OpenAI's clock may run behind ours: older batches are not looked at."""
PAGE_SIZE: Final = 100
CHUNK: Final = 65_536
_OVER: Final = frozenset({"completed", "expired", "cancelled", "failed"})
_OPEN: Final = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_OF_ACCOUNT: Final = frozenset(
    {
        "token_limit_exceeded",
        "billing_hard_limit_reached",
        "insufficient_quota",
        "rate_limit_exceeded",
        "quota_exceeded",
    }
)
"""Codes of a failed batch that say nothing of its lines: they are of the account."""
_OK: Final = 200
_FAILURES: Final = Failures(OpenAIError, APIStatusError)


class OpenAIBatches:
    """Implements :class:`shared.ports.jobs.BatchProvider`."""

    keeps_ids = True

    def __init__(self, account: Account, http: httpx2.Client) -> None:
        self._account = account
        self._http = http

    def upload(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str | None:
        """Upload the lines as a file; see the port."""
        client = self._client()
        with _FAILURES.told("openai files.create"), written(map(_input_line, lines())) as file:
            answer = client.files.with_raw_response.create(
                file=(f"{batch.id}.jsonl", file, "application/jsonl"),
                purpose="batch",
                expires_after={"anchor": "created_at", "seconds": KEPT_SECONDS},
            )
            return read_json(answer.content, File).id

    def create(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Create the batch of the uploaded file; see the port."""
        if batch.input_file is None:
            raise ValueError("nothing was uploaded for this batch")
        client = self._client()
        with _FAILURES.told("openai batches.create"):
            answer = client.batches.with_raw_response.create(
                input_file_id=batch.input_file,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={OUR_ID: batch.id},
                output_expires_after={"anchor": "created_at", "seconds": RESULTS_KEPT_SECONDS},
            )
            return read_json(answer.content, Batch).id

    def find(self, batch: ProviderBatch) -> list[str]:
        """Find batches by our id; see the port. One that failed at once is as if it never came."""
        since = min(batch.created_at, batch.submitting_since or batch.created_at) - SKEW_SECONDS
        with _FAILURES.told("openai batches.list"):
            found = [
                each.id
                for each in self._newer_than(since)
                if (each.metadata or {}).get(OUR_ID) == batch.id and each.status != "failed"
            ]
        return found[::-1]

    def progress(self, batch: ProviderBatch) -> BatchProgress:
        """Say how far OpenAI is; see the port."""
        with _FAILURES.told("openai batches.retrieve"):
            seen = self._retrieve(batch)
        counts = seen.request_counts or Counts()
        return BatchProgress(
            seen.status in _OVER,
            failed_because=_problems(seen) if seen.status == "failed" else None,
            is_for_now=_codes(seen) <= _OF_ACCOUNT and bool(_codes(seen)),
            answered=counts.completed + counts.failed,
            total=counts.total,
        )

    def cancel(self, batch: ProviderBatch, provider_batch: str | None = None) -> None:
        """Ask OpenAI to stop; it says 409 of a batch that is over, which is as good."""
        client = self._client()
        try:
            client.batches.with_raw_response.cancel(provider_batch or id_of(batch))
        except (OpenAIError, httpx2.HTTPError) as error:
            if _FAILURES.status_of(error) != 409:
                raise _FAILURES.judged("openai batches.cancel", error) from error

    def results(self, batch: ProviderBatch) -> Iterator[LineResult]:
        """Yield the lines of both files; see the port."""
        with _FAILURES.told("openai files.content"):
            for file in self._retrieve(batch).files:
                for line in lines_of(self._content(file)):
                    yield _result(read_json(line, Result))

    def discard(self, batch: ProviderBatch) -> None:
        """Delete input and results; see the port."""
        files = [batch.input_file] if batch.input_file else []
        with _FAILURES.told("openai files.delete"):
            if batch.provider_batch is not None:
                files += self._retrieve(batch).files
            for file in files:
                self._delete(file)

    def _client(self) -> OpenAI:
        return OpenAI(
            api_key=self._account.key(),
            base_url=self._account.address,
            http_client=self._http,
            max_retries=0,
            timeout=self._http.timeout,
        )

    def _retrieve(self, batch: ProviderBatch) -> Batch:
        answer = self._client().batches.with_raw_response.retrieve(id_of(batch))
        seen = read_json(answer.content, Batch)
        if seen.status not in _OVER | _OPEN:
            raise NotUnderstood("unknown status of a batch")
        return seen

    def _newer_than(self, since: float) -> Iterator[Batch]:
        """Yield the account's batches, newest first."""
        list_page = self._client().batches.with_raw_response.list
        after: str | Omit = omit
        while True:
            answer = list_page(limit=PAGE_SIZE, after=after)
            page = read_json(answer.content, Page)
            yield from (each for each in page.data if each.created_at >= since)
            if not page.has_more or not page.data or page.data[-1].created_at < since:
                return
            after = page.data[-1].id

    def _content(self, file: str) -> Iterator[bytes]:
        """Yield a file's bytes; raises :class:`NotUnderstood` where some are missing."""
        files = self._client().files
        length = read_json(files.with_raw_response.retrieve(file).content, File).bytes
        got = 0
        with files.with_streaming_response.content(file) as answer:
            for chunk in answer.iter_bytes(CHUNK):
                got += len(chunk)
                yield chunk
        if got != length:
            raise NotUnderstood(f"{got} of {length} bytes of the results arrived")

    def _delete(self, file: str) -> None:
        try:
            self._client().files.with_raw_response.delete(file)
        except OpenAIError as error:
            if _FAILURES.status_of(error) != 404:
                raise


def _input_line(line: AskedLine) -> bytes:
    named = msgspec.json.encode(line.custom_id)
    head = b'{"custom_id":' + named + b',"method":"POST","url":"' + ENDPOINT.encode()
    return head + b'","body":' + one_line(line.body) + b"}\n"


def _result(row: Result) -> LineResult:
    if row.response is None:
        return _without_answer(row)
    body = bytes(row.response.body)
    if row.response.status_code == _OK:
        return LineResult(row.custom_id, "succeeded", body)
    return LineResult(
        row.custom_id, "errored", b"", row.response.status_code, _refusal_message(body)
    )


def _without_answer(row: Result) -> LineResult:
    error = row.error or LineError()
    if error.code == "batch_expired":
        return LineResult(row.custom_id, "expired")
    if error.code == "batch_cancelled":
        return LineResult(row.custom_id, "canceled")
    return LineResult(row.custom_id, "errored", b"", 0, error.message or error.code or "")


def _refusal_message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Refusal).error.message or ""
    except msgspec.DecodeError:
        return ""


def _codes(batch: Batch) -> set[str]:
    found = (batch.errors.data if batch.errors else None) or []
    return {each.code or "" for each in found}


def _problems(batch: Batch) -> str:
    """Return the codes for which a batch failed, and their first line: they quote nothing."""
    found = (batch.errors.data if batch.errors else None) or []
    shown: Iterable[str] = (f"{each.code} in line {each.line}" for each in found[:5])
    return "openai failed the batch: " + (", ".join(shown) or "no reason given")
