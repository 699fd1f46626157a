"""The lines of OpenAI's batches: answered as chat requests are, at half the price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from local.simulator.batches.run import Crew, Result, Unfinished
from local.simulator.openai_batches.validation import PROVIDER, InputLine
from local.simulator.openai_chat.errors import ApiError
from local.simulator.openai_chat.order import Asked, take_order
from local.simulator.refusal import Refusal
from local.simulator.serving import answer_at_once

if TYPE_CHECKING:
    from local.simulator.desk import Desk

GONE = {
    "expired": (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    "canceled": ("batch_cancelled", "This request was not executed: the batch was cancelled."),
}
OK = 200


@dataclass(frozen=True)
class ChatCrew(Crew):
    """Answers chat requests for one account's batch."""

    desk: Desk
    account: str
    batch: str

    def name(self, line: bytes) -> str:
        """Return the line's ``custom_id``."""
        return msgspec.json.decode(line, type=InputLine).custom_id

    def answer(self, line: bytes, at: float, *, status: int | None) -> Result:
        """Answer a line and bill it."""
        task = msgspec.json.decode(line, type=InputLine)
        try:
            if status is not None:
                raise ApiError.scripted(status)
            asked = Asked(PROVIDER, self.account, at, self.batch)
            order, wire = take_order(self.desk, asked, bytes(task.body))
        except (Refusal, RecursionError) as error:
            return _refused(task.custom_id, error)
        body = answer_at_once(self.desk, order, wire)
        return Result("succeeded", _line(task.custom_id, OK, body), order.usage())

    def unfinished(self, name: str, why: Unfinished) -> Result:
        """Return the error that stands for a line without a turn."""
        code, said = GONE[why]
        shown = {
            "id": _line_id(),
            "custom_id": name,
            "response": None,
            "error": {"code": code, "message": said},
        }
        return Result(why, msgspec.json.encode(shown))


def _refused(name: str, error: Refusal | RecursionError) -> Result:
    refused = error if isinstance(error, Refusal) else ApiError(400, "Nested too deeply.")
    return Result("errored", _line(name, refused.status, bytes(refused.response().body)))


def _line(name: str, status: int, body: bytes) -> bytes:
    response = {"status_code": status, "request_id": uuid4().hex, "body": msgspec.Raw(body)}
    return msgspec.json.encode(
        {"id": _line_id(), "custom_id": name, "response": response, "error": None}
    )


def _line_id() -> str:
    return f"batch_req_{uuid4().hex[:24]}"
