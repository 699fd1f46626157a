"""Stands where boto3 would send a call: one step each, with the faults of the way there and back.

A call that is sent again carries the same token, as botocore's re-send does. ``honours_tokens``
tells whether the service still knows it (DynamoDB does for ten minutes); the ledger must be right
either way.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.simulation.faults import EVERY_FAULT, READ_FAULTS, Fault, Faults
from tests.simulation.scheduler import Crash, Scheduler
from tests.simulation.small_dynamo import Snapshot, canceled

_TOKEN_SECONDS = 600.0
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
_URL = "https://dynamodb.us-east-1.amazonaws.com"


class Service(Protocol):
    """A DynamoDB: the small one or moto."""

    def items(self) -> Snapshot:
        """Return every item by its key, without a call."""

    def carry_out(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry one call out."""


Note = Callable[[str, str, dict[str, Any], str], None]
"""Told of each step: who, what, the request, and how it ended."""


class Calls:
    """Carries the calls of all tasks to one service."""

    def __init__(
        self,
        service: Service,
        scheduler: Scheduler,
        faults: Faults,
        chance: Random,
        note: Note,
        *,
        honours_tokens: bool,
    ) -> None:
        self.points = 0
        self._service = service
        self._scheduler = scheduler
        self._faults = faults
        self._chance = chance
        self._note = note
        self._honours_tokens = honours_tokens
        self._applied: dict[int, float] = {}
        self._sent = 0

    def next_fault(self, possible: tuple[Fault, ...]) -> Fault:
        """Return what happens at the next point."""
        fault = self._faults.at(self.points, possible)
        self.points += 1
        return fault

    def send(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Send a call as boto3's client does, and return or raise what it would."""
        self._scheduler.hand_over()
        task = self._scheduler.current
        who = task.name if task else "judge"
        possible = EVERY_FAULT if operation in _WRITES else READ_FAULTS
        fault = self.next_fault(possible) if task else Fault.NONE
        self._sent += 1
        token = self._sent
        if fault in {Fault.CRASH_BEFORE, Fault.LOST, Fault.CONFLICT, Fault.ARRIVES_LATE}:
            self._note(who, operation, asked, fault.name)
            return self._turned_away(fault, who, operation, asked, token)
        first = self._attempt(who, operation, asked, token, fault.name)
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.ANSWER_LOST:
            raise ReadTimeoutError(endpoint_url=_URL)
        if fault is Fault.SENT_TWICE_IN_VAIN:
            self._scheduler.hand_over()
            raise conflict(operation, asked, self._chance)
        if fault is Fault.SENT_TWICE:
            self._scheduler.hand_over()
            return _told(self._attempt(who, operation, asked, token, "second send"))
        if fault is Fault.ARRIVES_AGAIN:
            self._later(who, operation, asked, token)
        return _told(first)

    def _turned_away(
        self, fault: Fault, who: str, operation: str, asked: dict[str, Any], token: int
    ) -> dict[str, Any]:
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault is Fault.CONFLICT:
            raise conflict(operation, asked, self._chance)
        if fault is Fault.ARRIVES_LATE:
            self._later(who, operation, asked, token)
        raise ConnectTimeoutError(endpoint_url=_URL)

    def _later(self, who: str, operation: str, asked: dict[str, Any], token: int) -> None:
        def arrive() -> None:
            self._attempt(who, operation, asked, token, "arrives")

        self._scheduler.add_stray(arrive)

    def _attempt(
        self, who: str, operation: str, asked: dict[str, Any], token: int, how: str
    ) -> dict[str, Any] | ClientError:
        """Let one send arrive; returns the answer or the error that it is answered with."""
        if self._is_known(token, operation):
            self._note(who, operation, asked, f"{how}: known")
            return {}
        result: dict[str, Any] | ClientError
        try:
            result = self._service.carry_out(operation, asked)
            self._applied[token] = self._scheduler.clock.now
        except ClientError as error:
            result = error
        self._note(who, operation, asked, f"{how}: {_outcome(result)}")
        return result

    def _is_known(self, token: int, operation: str) -> bool:
        if not self._honours_tokens or operation != "TransactWriteItems":
            return False
        applied = self._applied.get(token)
        return applied is not None and self._scheduler.clock.now - applied < _TOKEN_SECONDS


def _told(result: dict[str, Any] | ClientError) -> dict[str, Any]:
    if isinstance(result, ClientError):
        raise result
    return result


def _outcome(result: dict[str, Any] | ClientError) -> str:
    if not isinstance(result, ClientError):
        return "done"
    reasons: Any = result.response.get("CancellationReasons", [])
    codes = [reason["Code"] for reason in reasons]
    return f"refused {codes}" if codes else "refused"


def conflict(operation: str, asked: dict[str, Any], chance: Random) -> ClientError:
    """Return how DynamoDB turns a write away that meets another transaction."""
    if operation == "TransactWriteItems":
        reasons = [{"Code": "None"} for _ in asked["TransactItems"]]
        chance.choice(reasons)["Code"] = "TransactionConflict"
        return canceled(reasons)
    error: Any = {"Code": "TransactionConflictException", "Message": "a transaction is going on"}
    return ClientError({"Error": error}, operation)
