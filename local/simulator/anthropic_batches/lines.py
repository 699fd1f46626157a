"""The lines of Anthropic's batches: answered as messages are, at half the price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from local.simulator.anthropic_batches.request import Line
from local.simulator.anthropic_messages.errors import MessagesError
from local.simulator.anthropic_messages.order import take_order
from local.simulator.anthropic_messages.request import read_messages
from local.simulator.batches.run import Crew, Result, Unfinished
from local.simulator.refusal import Refusal
from local.simulator.serving import answer_at_once

if TYPE_CHECKING:
    from local.simulator.desk import Desk


@dataclass(frozen=True)
class MessagesCrew(Crew):
    """Answers Messages requests for one account's batch."""

    desk: Desk
    account: str
    batch: str

    def name(self, line: bytes) -> str:
        """Return the line's ``custom_id``."""
        return msgspec.json.decode(line, type=Line).custom_id

    def answer(self, line: bytes, at: float, *, status: int | None) -> Result:
        """Answer a line and bill it."""
        asked = msgspec.json.decode(line, type=Line)
        try:
            if status is not None:
                raise MessagesError.scripted(status)
            body = read_messages(bytes(asked.params))
            order, wire = take_order(self.desk, self.account, at, body, self.batch)
        except (Refusal, RecursionError) as error:
            return _refused(asked.custom_id, error)
        message = msgspec.Raw(answer_at_once(self.desk, order, wire))
        shown = _line(asked.custom_id, {"type": "succeeded", "message": message})
        return Result("succeeded", shown, order.usage())

    def unfinished(self, name: str, why: Unfinished) -> Result:
        """Return the result of a line without a turn."""
        return Result(why, _line(name, {"type": why}))


def _refused(name: str, error: Refusal | RecursionError) -> Result:
    refused = error if isinstance(error, Refusal) else MessagesError(400, "Nested too deeply.")
    body = msgspec.Raw(bytes(refused.response().body))
    return Result("errored", _line(name, {"type": "errored", "error": body}))


def _line(name: str, result: Mapping[str, object]) -> bytes:
    return msgspec.json.encode({"custom_id": name, "result": result})
