"""How this package meets AWS's errors: an answer where they are one, else a store that is down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import StoreUnavailable

CONDITION_FAILED: Final = "ConditionalCheckFailedException"
TRANSACTION_CANCELED: Final = "TransactionCanceledException"
TRANSACTION_CONFLICT: Final = "TransactionConflictException"
"""What a single write meets while a transaction is at its item; botocore does not try again."""

Report = Callable[[str, str], None]
"""Told the operation and AWS's error code when a call fails, before the caller is."""


@contextmanager
def reaching(report: Report, operation: str, *, passing: str = "") -> Iterator[None]:
    """Turn AWS errors into ``StoreUnavailable``, but for the one code that is an answer."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == passing:
            raise
        report(operation, code)
        raise StoreUnavailable("store") from error
    except BotoCoreError as error:
        report(operation, type(error).__name__)
        raise StoreUnavailable("store") from error
