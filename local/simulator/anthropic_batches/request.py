"""The body of a create: every ``custom_id`` must be in order, or there is no batch at all.

What stands in ``params`` is looked at when the line has its turn, and is that line's affair.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from local.simulator.anthropic_messages import errors
from local.simulator.batches.spool import Spool

MOST_LINES = 100_000
MOST_BYTES = 256 * 1_000_000

CustomId = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request of a batch."""

    custom_id: CustomId
    params: msgspec.Raw


class CreateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    requests: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=MOST_LINES)]


def read_lines(body: Spool) -> tuple[Spool, int]:
    """Return the requests, one a line, and their number; raises :class:`errors.MessagesError`."""
    try:
        requests = msgspec.json.decode(body.read(0, body.size), type=CreateBody).requests
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.MessagesError(400, "The request body is not valid JSON.") from error
    lines, seen = Spool(), set[str]()
    for place, line in enumerate(requests):
        if line.custom_id in seen:
            raise errors.invalid(f"requests.{place}.custom_id", "must be unique in the batch")
        seen.add(line.custom_id)
        # A line break can only stand between JSON's tokens, where a space is as good.
        lines.append(msgspec.json.encode(line).replace(b"\n", b" ") + b"\n")
    return lines, len(requests)
