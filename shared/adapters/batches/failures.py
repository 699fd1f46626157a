"""What an SDK's error leaves open: nothing came to be, or anything may have.

A refused or unfinished connection proves that nothing was sent; a 4xx that nothing was done. All
else is doubt, 503 and 529 too: a proxy may say so behind an accepted create, and to look for the
batch costs one list, to send it twice costs the batch.

Both SDKs wrap what httpx2 raises and keep it as the cause; streams raise it bare. Neither is
imported here: each costs a second of CPU or more, and who sends to one provider pays for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2

from shared.adapters.batches.account import ForeignAddress
from shared.domain.jobs.provider_errors import BatchAnswerLost, BatchNotTaken, BatchRefused

BatchError = BatchRefused | BatchNotTaken | BatchAnswerLost

_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_LATER: Final = frozenset({401, 402, 403, 429})
_DOUBTFUL: Final = frozenset({408, 409, 425, 499})
"""4xx that a proxy sends of a request it let through, or that say nothing of the first attempt."""
_FIELD: Final = re.compile(r"[\w.\[\]-]{1,80}")
"""What of an error body may be shown to operators: names, never sentences that quote a prompt."""


class NotUnderstood(Exception):
    """An answer arrived and is not what the provider's protocol promises."""


class Failures:
    """Judges what one SDK raises, and what its transport does.

    ``error`` is the root of the SDK's errors. ``refusal`` is its error for an answer with a status
    that means failure: it has ``status_code``, ``body`` and ``response``.
    """

    def __init__(self, error: type[Exception], refusal: type[Any]) -> None:
        self._raised = (error, httpx2.HTTPError, ForeignAddress, NotUnderstood)
        self._refusal = refusal

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Raise whatever is raised inside as a ``BatchFailure``; ``what`` names the request."""
        try:
            yield
        except self._raised as error:
            raise self.judged(what, error) from error

    def judged(self, what: str, error: Exception) -> BatchError:
        """Return what an error means."""
        if isinstance(error, self._refusal):
            return _of_status(what, error)
        cause = error.__cause__ or error
        if isinstance(cause, _NOT_SENT):
            return BatchNotTaken(f"{what}: no connection ({type(cause).__name__})")
        if isinstance(cause, ForeignAddress):
            return BatchRefused(f"{what}: {cause}")
        detail = str(cause) if isinstance(cause, NotUnderstood) else type(cause).__name__
        return BatchAnswerLost(f"{what}: the answer was lost ({detail})")

    def status_of(self, error: Exception) -> int | None:
        """Return the HTTP status of the SDK's error, if it is one of those."""
        status: int | None = error.status_code if isinstance(error, self._refusal) else None
        return status


def _of_status(what: str, error: Any) -> BatchError:
    status = error.status_code
    reason = f"{what}: {status}{_names(error.body)}"
    if status in _LATER:
        return BatchNotTaken(reason, _retry_after(error.response))
    if 400 <= status < 500 and status not in _DOUBTFUL:
        return BatchRefused(reason)
    return BatchAnswerLost(reason)


def _names(body: object) -> str:
    """Return an error's type, code and field, where they are names."""
    inner: Any = body
    if isinstance(inner, dict) and isinstance(inner.get("error"), dict):
        inner = inner["error"]
    if not isinstance(inner, dict):
        return ""
    found = [inner.get(name) for name in ("type", "code", "param")]
    shown = [text for text in found if isinstance(text, str) and _FIELD.fullmatch(text)]
    return f" ({', '.join(shown)})" if shown else ""


def _retry_after(response: httpx2.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None
